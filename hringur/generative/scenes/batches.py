"""Scenes on the device, endless batches of new ones, and their picture."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from hringur.data.figures import AMBER, GREEN, PURPLE, SKY, YELLOW, new_figure
from hringur.data.images.scenes import SIDE, Scenes, SceneSet
from hringur.types import State

COLOURS = (AMBER, SKY, GREEN, PURPLE, YELLOW)
"""Of boxes: they show on black."""


@dataclass(frozen=True, eq=False)
class SceneBatch:
    """Scenes on the device."""

    image: Float[Tensor, "B C side side"]
    """light in 0 .. 1"""

    count: Int[Tensor, " B"]
    box: Float[Tensor, "B most 4"]
    """top, left, bottom, right [pixels]; for evaluations, as is ``count``"""

    def __len__(self) -> int:
        return len(self.image)

    @classmethod
    def on_device(cls, scenes: Scenes, device: torch.device) -> "SceneBatch":
        """A copy of ``scenes`` on the device."""
        image = torch.tensor(scenes.image, device=device).float() / 255
        rest = (torch.tensor(array, device=device) for array in (scenes.count, scenes.box))
        return cls(image, *rest)

    def first(self, count: int | None) -> "SceneBatch":
        """The first ``count`` of them."""
        return replace(self, **{name: part[:count] for name, part in vars(self).items()})

    def of_every_count(self, other: "SceneBatch", each: int) -> "SceneBatch":
        """The first ``each`` scenes of every count, of these and of ``other`` behind them."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        both = SceneBatch(*(torch.cat(pair) for pair in pairs))
        rows = [(both.count == count).nonzero()[:each, 0] for count in both.count.unique()]
        chosen = torch.cat(rows)
        return replace(both, **{name: part[chosen] for name, part in vars(both).items()})


class SceneBatches:
    """Endless batches of new scenes: those of each update follow from seed and number alone."""

    def __init__(
        self,
        scenes: SceneSet,
        batch: int,
        seed: int,
        device: torch.device,
        rank: int = 0,
        processes: int = 1,
    ) -> None:
        self.scenes, self.batch, self.device = scenes, batch, device
        self.seed, self.drawn = seed * processes + rank, 0

    def __iter__(self) -> Iterator[SceneBatch]:
        return self

    def __next__(self) -> SceneBatch:
        scenes = self.scenes.draw((self.seed, self.drawn), self.batch)
        self.drawn += 1
        return SceneBatch.on_device(scenes, self.device)

    def state_dict(self) -> State:
        """How many batches were drawn."""
        return {"drawn": self.drawn}

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
        self.drawn = state["drawn"]


def scene_figure(
    scenes: SceneBatch, box: Float[Tensor, "B K 4"], made: Float[Tensor, "B C side side"]
) -> Figure:
    """Scenes with the boxes that were found, and below each what the model makes of it."""
    columns = len(box)
    figure = new_figure(1.3 * columns, 3.2, "Objects found, of those there; below, made again")
    panels = figure.subplots(2, columns, squeeze=False)
    for column in range(columns):
        for row, images in enumerate((scenes.image, made)):
            pixels = images[column].clamp(0, 1).permute(1, 2, 0).cpu().numpy()
            axes = panels[row, column]
            axes.imshow(np.repeat(pixels, 3 // pixels.shape[2], axis=2), interpolation="nearest")
            axes.set(xticks=[], yticks=[], xlim=(-0.5, SIDE - 0.5), ylim=(SIDE - 0.5, -0.5))
        drawn = [one for one in box[column].tolist() if one[2] > one[0]]
        for (top, left, bottom, right), colour in zip(drawn, COLOURS, strict=False):
            corner, height, width = (left - 0.5, top - 0.5), bottom - top, right - left
            panels[0, column].add_patch(
                Rectangle(corner, width, height, fill=False, edgecolor=colour, linewidth=1.5)
            )
        panels[0, column].set_title(f"{len(drawn)} of {int(scenes.count[column])}", fontsize=9)
    return figure
