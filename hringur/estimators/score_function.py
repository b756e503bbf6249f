"""The score-function estimator: REINFORCE (Williams 1992). It assumes nothing about f.

    grad E[f(z)] = E[f(z) grad log p(z|theta)] = E[(f(z) - b) grad log p(z|theta)],

for every baseline b that does not depend on the sample, because E[grad log p] = 0. Its variance is
high, and the baseline is what it can be helped with.
"""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hringur.estimators.baselines import Baseline, Draw, LearnedValue, NoBaseline
from hringur.estimators.interface import (
    Cost,
    Promises,
    Sampled,
    check_samples,
    costs,
    gradient_only,
    nothing_learned,
)


def score_function(
    log_prob: Float[Tensor, "*sample"], advantage: Float[Tensor, "*sample"]
) -> Float[Tensor, ""]:
    """A scalar whose gradient estimates that of E[cost], to be minimised.

    With samples z of p(z|theta), costs f(z) and a baseline b that does not depend on the
    sample, ``mean((f(z) - b) * log p(z|theta))`` has the gradient

        (f(z) - b) * grad log p(z|theta),

    whose expectation is grad E[f(z)] (Williams 1992, eq. 4 and theorem 1). ``advantage`` is
    f(z) - b; nothing is learned through it.
    """
    return (advantage.detach() * log_prob).mean()


@dataclass(frozen=True, eq=False)
class ScoreFunction:
    """REINFORCE with a baseline."""

    baseline: Baseline = field(default_factory=NoBaseline)

    @property
    def promises(self) -> Promises:
        """Unbiased but for the batch mean; the greedy choice costs one evaluation of f."""
        return Promises(
            unbiased=getattr(self.baseline, "unbiased", True),
            differentiable=False,
            families=("any",),
            least_samples=getattr(self.baseline, "least_samples", 1),
            further=getattr(self.baseline, "further_evaluations", 0),
        )

    @property
    def learned(self) -> nn.Module:
        """The baseline, if it learns."""
        return self.baseline if isinstance(self.baseline, nn.Module) else nothing_learned()

    def surrogate(self, f: Cost, distribution: Sampled, samples: int) -> Float[Tensor, ""]:
        """Mean cost; its gradient is (f - b) * grad log p, and that of f itself."""
        check_samples(self, samples)
        z = distribution.sample(torch.Size([samples]))
        cost = costs(f, z, distribution.batch_shape)
        seen = cost.detach().reshape(samples, -1).T  # B S
        draw = Draw(f, distribution)
        advantage = (seen - self.baseline.value(seen, draw)).T.reshape(cost.shape)
        term = score_function(distribution.log_prob(z), advantage)
        if isinstance(self.baseline, LearnedValue):
            term = term + self.baseline.loss(seen, draw)
        self.baseline.update(seen, self.learned, draw)
        return cost.mean() + gradient_only(term)
