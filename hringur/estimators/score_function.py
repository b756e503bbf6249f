"""The score-function estimator: REINFORCE (Williams 1992)."""

from jaxtyping import Float
from torch import Tensor


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
