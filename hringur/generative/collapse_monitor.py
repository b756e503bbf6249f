"""A monitor that ends a training in which the critic has nothing left to tell the generator.

Two endings are seen. The critic gives every image the same output, so that no gradient comes from
it; or it separates real from made images so far that the generator's gradient vanishes. Either must
last, for moments of it are part of many a good training.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from hringur.types import State

PATIENCE = 300
"""updates in a row"""

MARGIN = 30.0
"""least difference of two logits, real less made, at which the gradient has vanished"""

CONSTANT = 1e-6
"""standard deviation of all outputs of a batch below which they are one"""


class CollapseMonitor:
    """Counts the updates for which the critic has been useless."""

    def __init__(self, patience: int = PATIENCE) -> None:
        self.patience = patience
        self.constant, self.separated = 0, 0

    def check(self, real: Float[Tensor, " B"], made: Float[Tensor, " B"]) -> None:
        """Look at the critic's outputs in one update.

        Raises:
            FloatingPointError: the training has collapsed.
        """
        outputs = torch.cat([real, made]).detach()
        deviation, margin = torch.stack([outputs.std(), real.min() - made.max()]).tolist()
        self.constant = self.constant + 1 if deviation < CONSTANT else 0
        self.separated = self.separated + 1 if margin > MARGIN else 0
        if self.constant >= self.patience:
            raise FloatingPointError(
                f"the critic has collapsed: one output, {outputs.mean():.3g}, for every image"
                f" during {self.patience} updates; the last checkpoint is kept"
            )
        if self.separated >= self.patience:
            raise FloatingPointError(
                f"the critic has won: it told all images apart by {margin:.3g} or more during"
                f" {self.patience} updates; the last checkpoint is kept"
            )

    def state_dict(self) -> State:
        """Both counts."""
        return {"constant": self.constant, "separated": self.separated}

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
        names = ("alike", "sure") if "alike" in state else ("constant", "separated")  # before 0.2
        self.constant, self.separated = (state[name] for name in names)
