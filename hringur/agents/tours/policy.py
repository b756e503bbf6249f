"""What every network that builds a tour place by place has in common."""

from typing import Any, NamedTuple, Protocol, runtime_checkable

from jaxtyping import Bool, Float, Int
from torch import Tensor


class Scored(NamedTuple):
    """How likely a policy is to build given tours."""

    log_prob: Float[Tensor, "B P"]
    """of the whole tour, given its first place [nats]"""

    entropy: Float[Tensor, "B P"]
    """of a decision, averaged over the tour [nats]"""


@runtime_checkable
class TourPolicy(Protocol):
    """A network over B instances of N places that builds P tours of each at once.

    ``Encoding`` and ``Memory`` are NamedTuples of tensors with the batch first; what is in them
    is the network's own affair.
    """

    recurrent: bool
    """whether the memory depends on the order in which places were visited"""

    def encode(self, coordinates: Float[Tensor, "B N 2"], distance: Float[Tensor, "B N N"]) -> Any:
        """Whatever does not change while tours are built: one pass over the instances."""
        ...

    def begin(self, encoding: Any, start: Int[Tensor, "B P"]) -> Any:
        """The memory of tours that stand at their first places."""
        ...

    def logits(
        self,
        encoding: Any,
        memory: Any,
        last: Int[Tensor, "B P"],
        is_open: Bool[Tensor, "B P N"],
    ) -> tuple[Float[Tensor, "B P N"], Any]:
        """Unnormalised log probabilities of the next place, and the memory after this step.

        Those of places that are not open mean nothing; the caller masks them.
        """
        ...

    def score(self, encoding: Any, tour: Int[Tensor, "B P N"]) -> Scored:
        """The probability of given tours, all decisions at once."""
        ...
