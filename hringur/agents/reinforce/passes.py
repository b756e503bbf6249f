"""Several passes over a rollout, each in parts: what REINFORCE becomes when samples are dear.

After the first gradient step the policy is no longer the one that made the decisions. The ratio
r = pi(a|s) / pi_before(a|s) of their probabilities corrects for that, and

    mean( max(r C, clip(r, 1 - c, 1 + c) C) ),    C minus the advantage,

does not reward going further than the share c away (Schulman et al. 2017, eq. 7). At r = 1 its
gradient is that of REINFORCE.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hringur.agents.reinforce.observations import Parts


@dataclass(frozen=True, eq=False)
class Lesson:
    """Decisions to learn from, in a row, with what they turned out to be worth."""

    observation: Parts
    """as the network's ``forward`` reads it; of no use to a single step, which has been forward"""

    decision: Int[Tensor, "D *shape"]
    mask: Bool[Tensor, "D M"] | None
    returns: Float[Tensor, " D"]
    """what the critic learns"""

    cost: Float[Tensor, " D"]
    """minus the advantage, times the weight"""

    weight: Float[Tensor, " D"]
    """zero for what was no decision; one on average"""

    log_prob: Float[Tensor, " D"] | None = None
    """of the decision when it was made; None if the policy is still the same"""

    def in_parts(self, count: int, passes: int) -> Iterator["Lesson"]:
        """Each pass in ``count`` parts, in a new order."""
        for _ in range(passes):
            for rows in torch.randperm(len(self.decision)).tensor_split(count):
                yield self.part(rows)

    def part(self, rows: Int[Tensor, " D"]) -> "Lesson":
        """Some of the decisions."""
        rows = rows.to(self.decision.device)

        def taken(x: Tensor) -> Tensor:
            return x.index_select(0, rows)  # x[rows], which takes ten times as long over pictures

        return replace(
            self,
            observation={name: taken(x) for name, x in self.observation.items()},
            decision=taken(self.decision),
            mask=None if self.mask is None else taken(self.mask),
            returns=taken(self.returns),
            cost=taken(self.cost),
            weight=taken(self.weight),
            log_prob=None if self.log_prob is None else taken(self.log_prob),
        )


def clipped_ratio(
    log_prob: Float[Tensor, " D"],
    before: Float[Tensor, " D"],
    cost: Float[Tensor, " D"],
    clip: float,
) -> Float[Tensor, ""]:
    """A scalar to be minimised (Schulman et al. 2017, eq. 7, with A = -cost)."""
    ratio = (log_prob - before).exp()
    return torch.maximum(ratio * cost, ratio.clamp(1 - clip, 1 + clip) * cost).mean()
