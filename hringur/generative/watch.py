"""A watch over a game: it ends when one player has nothing left to tell the other.

Two endings are seen. The critic gives every image the same verdict, so that no gradient comes from
it; or it is so sure of every image that the generator's gradient has drowned. Either must last,
for a moment of it is part of many a good game.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from hringur.types import State

PATIENCE = 300
"""updates in a row"""

SURE = 30.0
"""difference of two logits, real less made, beyond which a verdict leaves no doubt"""

ALIKE = 1e-6
"""spread of all verdicts of a batch below which they are one"""


class Watch:
    """Counts the updates for which the critic has been useless."""

    def __init__(self, patience: int = PATIENCE) -> None:
        self.patience = patience
        self.alike, self.sure = 0, 0

    def look(self, real: Float[Tensor, " B"], made: Float[Tensor, " B"]) -> None:
        """Take note of the critic's verdicts.

        Raises:
            FloatingPointError: the game is over.
        """
        verdicts = torch.cat([real, made]).detach()
        spread, gap = torch.stack([verdicts.std(), real.min() - made.max()]).tolist()
        self.alike = self.alike + 1 if spread < ALIKE else 0
        self.sure = self.sure + 1 if gap > SURE else 0
        if self.alike >= self.patience:
            raise FloatingPointError(
                f"the critic has collapsed: one verdict, {verdicts.mean():.3g}, for every image"
                f" during {self.patience} updates; the last checkpoint is kept"
            )
        if self.sure >= self.patience:
            raise FloatingPointError(
                f"the critic has won: it told all images apart by {gap:.3g} or more during"
                f" {self.patience} updates; the last checkpoint is kept"
            )

    def state_dict(self) -> State:
        """Both counts."""
        return {"alike": self.alike, "sure": self.sure}

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
        self.alike, self.sure = state["alike"], state["sure"]
