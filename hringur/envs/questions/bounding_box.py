"""``BoundingBox-v0``: in which pixel coordinates should I form a bounding box?

An image shows one animal or food among coloured shapes. A box is to be laid around it.

========== ===================================================================================
part       what
========== ===================================================================================
observe    the image [side, side, 3] in 0..255; step by step a fourth channel shows the box
action     in one step: top, left, height - 1 and width - 1 of the box in cells of ``cell`` pixels;
           step by step: move one side of the box by one cell (top up, top down, bottom up, bottom
           down, left ..., right ...), or stop
reward     the intersection over union of box and sprite; step by step its change
terminated after the one step; step by step when stopped, or after ``max_moves`` moves
truncated  never
start      step by step, the box is the whole image
info       at the end ``iou_percent`` and, with ``compute_optimal``, ``optimal_return``: the sprite
           lies on whole cells, so that its own box is among the actions
========== ===================================================================================
"""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from gymnasium import spaces
from jaxtyping import Bool, Float32, Float64, Int64, UInt8
from PIL import Image

from hringur.data.images.noto import noto_sprites
from hringur.envs.factories import factory
from hringur.envs.questions.env import QuestionEnv, QuestionVectorEnv
from hringur.envs.questions.question import Episodes, Question
from hringur.types import UserError

TEXTURE = 32
"""Pixels of a stored sprite, stretched to its own box."""
PER_SHAPE = 8
"""Random numbers of a distractor: kind, place, size and colour."""
MOVES = ((0, -1), (0, 1), (1, -1), (1, 1), (2, -1), (2, 1), (3, -1), (3, 1))
"""Side (top, bottom, left, right) and direction of each move; the action behind them stops."""
MOVE_NAMES = (
    *("top up", "top down", "bottom up", "bottom down"),
    *("left side left", "left side right", "right side left", "right side right", "stop"),
)


@dataclass(frozen=True, kw_only=True)
class BoundingBox(Question):
    """Find the one sprite of an image.

    Raises:
        UserError: an option is out of range, or the image cannot hold the sprite.
    """

    side: int = 40
    cell: int = 2
    smallest: int = 10
    largest: int = 24
    distractors: int = 4
    moves: bool = False
    max_moves: int = 60
    compute_optimal: bool = False

    def __post_init__(self) -> None:
        bounds = {
            "side": (16, 256),
            "cell": (1, 16),
            "smallest": (self.cell, self.side),
            "largest": (self.smallest, self.side),
            "distractors": (0, 50),
            "max_moves": (1, 1000),
        }
        for name, (least, most) in bounds.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise UserError(f"{name} must be in {least}..{most}, got {value}")
        for name in ("side", "smallest", "largest"):
            if getattr(self, name) % self.cell:
                raise UserError(
                    f"{name} must be a multiple of cell={self.cell}, got {getattr(self, name)}"
                )

    @property
    def cells(self) -> int:
        """Cells along a side of the image."""
        return self.side // self.cell

    @property
    def length(self) -> int:  # type: ignore[override]
        """One step, or all moves."""
        return self.max_moves if self.moves else 1

    @property
    def row_size(self) -> int:  # type: ignore[override]
        """Of ground, sprite and distractors."""
        return 9 + 5 + PER_SHAPE * self.distractors

    @property
    def action_space(self) -> spaces.Discrete | spaces.MultiDiscrete:  # type: ignore[override]
        """A box, or a move."""
        return (
            spaces.Discrete(len(MOVES) + 1)
            if self.moves
            else spaces.MultiDiscrete([self.cells] * 4)
        )

    @property
    def allowed_actions(self) -> str:  # type: ignore[override]
        """For messages."""
        return (
            f"a move in 0..{len(MOVES) - 1}, or {len(MOVES)} (stop)"
            if self.moves
            else f"top, left, height - 1, width - 1 in 0..{self.cells - 1}"
        )

    @property
    def action_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Of the moves; a box has none."""
        return MOVE_NAMES if self.moves else ()

    def observation_space(self) -> spaces.Space:
        """Of one environment."""
        return spaces.Box(0, 255, (self.side, self.side, 4 if self.moves else 3), np.uint8)

    def begin(self, numbers: Float64[np.ndarray, "B R"]) -> Episodes:
        """A ground, distractors and the sprite on top of them."""
        ground, sprite, shapes = np.split(numbers.astype(np.float32), [9, 14], axis=1)
        image = self._with_shapes(self._ground(ground), shapes.reshape(len(numbers), -1, PER_SHAPE))
        which = (sprite[:, 0] * len(sprites())).astype(np.int64)
        sizes = 1 + (self.largest - self.smallest) // self.cell
        size = self.smallest // self.cell + (sprite[:, 1:3] * sizes).astype(np.int64)
        corner = (sprite[:, 3:] * (self.cells - size + 1)).astype(np.int64)
        truth = np.concatenate([corner, corner + size], axis=1)  # top left bottom right
        box = np.tile([0, 0, self.cells, self.cells], (len(numbers), 1))
        return {
            "image": self._with_sprite(image, which, truth * self.cell),
            "truth": truth,
            "box": box,
            "overlap": overlap(box, truth),
        }

    def act(
        self, episodes: Episodes, actions: np.ndarray
    ) -> tuple[Float64[np.ndarray, " B"], Bool[np.ndarray, " B"]]:
        """Lay the box, or move a side of it."""
        before = episodes["overlap"]
        if not self.moves:
            corner = actions[:, :2]
            far = np.minimum(corner + actions[:, 2:] + 1, self.cells)
            episodes["box"] = np.concatenate([corner, far], axis=1)
            episodes["overlap"] = overlap(episodes["box"], episodes["truth"])
            return episodes["overlap"].copy(), np.ones(len(actions), dtype=bool)
        episodes["box"] = self._moved(episodes["box"], actions)
        episodes["overlap"] = overlap(episodes["box"], episodes["truth"])
        return episodes["overlap"] - before, actions == len(MOVES)

    def _moved(self, box: Int64[np.ndarray, "B 4"], actions: np.ndarray) -> np.ndarray:
        """A side moves by one cell where the box stays in the image and keeps a cell."""
        column = np.array([0, 2, 1, 3])  # top, bottom, left, right in (top, left, bottom, right)
        moved, rows = box.copy(), np.flatnonzero(actions < len(MOVES))
        side, step = np.array(MOVES)[actions[rows]].T
        moved[rows, column[side]] += step
        inside = (moved >= 0) & (moved <= self.cells)
        fits = inside.all(axis=1) & (moved[:, :2] < moved[:, 2:]).all(axis=1)
        return np.where(fits.reshape(-1, 1), moved, box)

    def observe(self, episodes: Episodes) -> UInt8[np.ndarray, "B side side channels"]:
        """The image, and step by step the box."""
        if not self.moves:
            return episodes["image"].copy()
        box = episodes["box"] * self.cell
        pixel = np.arange(self.side)
        rows = (pixel >= box[:, :1]) & (pixel < box[:, 2:3])
        columns = (pixel >= box[:, 1:2]) & (pixel < box[:, 3:])
        inside = 255 * (rows[:, :, None] & columns[:, None]).astype(np.uint8)
        return np.concatenate([episodes["image"], inside[..., None]], axis=-1)

    def optimal(self, episodes: Episodes) -> Float64[np.ndarray, " B"]:
        """1, less the overlap that the first box has; as near as ``max_moves`` allow."""
        truth = episodes["truth"]
        if not self.moves:
            return np.ones(len(truth))
        whole = np.tile([0, 0, self.cells, self.cells], (len(truth), 1))
        if (np.abs(whole - truth).sum(axis=1) > self.max_moves).any():
            raise UserError(
                f"max_moves={self.max_moves} do not reach every box: the optimum is not known"
            )
        return 1.0 - overlap(whole, truth)

    def figures(self, episodes: Episodes) -> dict[str, Float64[np.ndarray, " B"]]:
        """How well the box fits."""
        return {"iou_percent": 100.0 * episodes["overlap"]}

    def draw(self, episode: Episodes) -> UInt8[np.ndarray, "height width 3"]:
        """The image with the box and, dashed, the true one."""
        from hringur.envs.questions.drawing import draw_boxes

        truth, box = (episode[name][0] * self.cell for name in ("truth", "box"))
        title = f"intersection over union {100 * float(episode['overlap'][0]):.0f} %"
        return draw_boxes(episode["image"][0], truth, box, title)

    @cached_property
    def _middle(self) -> Float32[np.ndarray, " side"]:
        """Position of each pixel's middle along a side, in 0..1."""
        return ((np.arange(self.side) + 0.5) / self.side).astype(np.float32)

    def _ground(self, number: Float32[np.ndarray, "B 9"]) -> UInt8[np.ndarray, "B side side 3"]:
        """A light colour that changes along both axes."""
        light, by_row, by_column = (part[:, None, None] for part in np.split(number, 3, axis=1))
        down = (by_row - 0.5) * self._middle[:, None, None]
        across = (by_column - 0.5) * self._middle[:, None]
        colour = down + across  # in place from here on: twice as fast
        colour *= np.float32(0.3)
        colour += 0.6 + 0.4 * light
        np.minimum(colour, 1, out=colour)
        colour *= 255
        return colour.astype(np.uint8)

    def _with_shapes(
        self, ground: UInt8[np.ndarray, "B side side 3"], number: Float32[np.ndarray, "B D 8"]
    ) -> UInt8[np.ndarray, "B side side 3"]:
        """Discs, rectangles and triangles over the ground, the last one on top."""
        kind, y, x, height, width = (number[..., k, None] for k in range(5))
        v = ((self._middle - y) / (0.08 + 0.17 * height))[..., None]  # B D side 1
        u = ((self._middle - x) / (0.08 + 0.17 * width))[..., None, :]
        kind = kind[..., None]
        disc = u**2 + v**2 < 1
        rectangle = (np.abs(u) < 0.9) & (np.abs(v) < 0.9)
        triangle = (v < 0.8) & (v > 2 * np.abs(u) - 0.9)
        inside = np.where(kind < 1 / 3, disc, np.where(kind < 2 / 3, rectangle, triangle))
        colours = (255 * number[..., 5:]).astype(np.uint8)
        image = ground
        for shape in range(number.shape[1]):
            image[inside[:, shape]] = np.repeat(
                colours[:, shape], inside[:, shape].sum(axis=(1, 2)), axis=0
            )
        return image

    def _with_sprite(
        self,
        image: UInt8[np.ndarray, "B side side 3"],
        which: Int64[np.ndarray, " B"],
        box: Int64[np.ndarray, "B 4"],
    ) -> UInt8[np.ndarray, "B side side 3"]:
        """The sprite stretched to its box."""
        size = box[:, 2:] - box[:, :2]
        pixel = np.arange(self.side)
        down, across = pixel - box[:, :1], pixel - box[:, 1:2]  # B side
        inside = ((down >= 0) & (down < size[:, :1]))[:, :, None] & (
            (across >= 0) & (across < size[:, 1:])
        )[:, None]
        episode, row, column = np.nonzero(inside)
        v = ((down[episode, row] + 0.5) / size[episode, 0] * TEXTURE).astype(np.int64)
        u = ((across[episode, column] + 0.5) / size[episode, 1] * TEXTURE).astype(np.int64)
        texel = sprites()[which[episode], v, u]
        ground = image[episode, row, column]
        image[episode, row, column] = texel[:, :3] + (1 - texel[:, 3:]) * ground
        return image


def overlap(
    box: Int64[np.ndarray, "B 4"], other: Int64[np.ndarray, "B 4"]
) -> Float64[np.ndarray, " B"]:
    """Intersection over union of boxes (top, left, bottom, right)."""
    common = np.minimum(box[:, 2:], other[:, 2:]) - np.maximum(box[:, :2], other[:, :2])
    both = np.maximum(common, 0).prod(axis=1)
    areas = (box[:, 2:] - box[:, :2]).prod(axis=1) + (other[:, 2:] - other[:, :2]).prod(axis=1)
    return both / (areas - both)


@cache
def sprites() -> Float32[np.ndarray, "K texture texture 4"]:
    """Animals and foods, each cut to its box and stretched; colours 0..255 times opacity 0..1."""
    rows, stored = [], noto_sprites()
    for image, (top, left, bottom, right) in zip(stored.rgba, stored.box.tolist(), strict=True):
        cut = Image.fromarray(image[top:bottom, left:right])
        rows.append(np.asarray(cut.resize((TEXTURE, TEXTURE), Image.Resampling.BILINEAR)))
    sprite = np.stack(rows).astype(np.float32)
    sprite[..., 3:] /= 255
    sprite[..., :3] *= sprite[..., 3:]
    return sprite


bounding_box = factory(BoundingBox, QuestionEnv)
bounding_box_vec = factory(BoundingBox, QuestionVectorEnv)
