"""Which samples come next: each epoch in a new order, for images and for strings."""

from collections.abc import Callable

import torch
from jaxtyping import Int
from torch import Tensor

from hringur.types import State, UserError

Arrange = Callable[[Tensor, torch.Generator], Tensor]


def as_shuffled(order: Int[Tensor, " N"], generator: torch.Generator) -> Int[Tensor, " N"]:
    """The order as it is."""
    return order


class Epochs:
    """Endless rows of so many samples; a remainder of an epoch is left out.

    Several processes shuffle alike, and each takes its share of one large batch.
    """

    def __init__(
        self,
        available: int,
        batch: int,
        seed: int,
        what: str,
        rank: int = 0,
        processes: int = 1,
        arrange: Arrange = as_shuffled,
    ) -> None:
        """``what`` names the data; ``arrange`` may change the order within an epoch."""
        self.available, self.batch, self.arrange = available, batch, arrange
        self.rank, self.processes = rank, processes
        if batch * processes > available:
            raise UserError(
                f"batch must be at most {available // processes} for the {available} training"
                f" {what} on {processes} process(es), got {batch}"
            )
        self.generator = torch.Generator().manual_seed(seed)
        self._shuffle()

    def next(self) -> Int[Tensor, " B"]:
        """The samples of the next batch."""
        together = self.batch * self.processes
        if self.position + together > len(self.order):
            self._shuffle()
        first = self.position + self.rank * self.batch
        self.position += together
        return self.order[first : first + self.batch]

    def state_dict(self) -> State:
        """The generator before the present epoch, and the position within it."""
        return {"generator": self.epoch_began, "position": self.position}

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
        self.generator.set_state(state["generator"])
        self._shuffle()
        self.position = state["position"]

    def _shuffle(self) -> None:
        self.epoch_began = self.generator.get_state()
        shuffled = torch.randperm(self.available, generator=self.generator)
        self.order, self.position = self.arrange(shuffled, self.generator), 0
