"""Scenes of several objects, made from a seed, with the number of objects and their boxes.

================== ==================================================================== ===========
data set           scene                                                                objects
================== ==================================================================== ===========
``digit-scenes``   MNIST digits on black, 50 x 50 grey                                  0 to 2
``digit-scenes-3`` the same                                                             0 to 3
``sprite-scenes``  animals and foods among faint coloured rectangles, 50 x 50 colour    0 to 2
================== ==================================================================== ===========

Each object keeps its shape and is brought to 80 to 100 % of 20 pixels; boxes are those of its ink
and do not overlap. Training scenes are made as they are needed, from training digits; held-out
ones from test digits. Sprites: Noto Emoji, Google, Apache-2.0 (NOTICE).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from hringur.data.images.images import mnist
from hringur.data.images.noto import noto_sprites
from hringur.types import UserError

SIDE = 50
"""Pixels along a scene."""

LARGEST, SMALLEST_SHARE = 20, 0.8
"""Longer side of the largest object [pixels], and that of the smallest one as a share of it."""

MOST = 3
"""Most objects of any scene, for which boxes are kept."""

LAYOUTS = 60
"""Layouts that are drawn for a scene; the first without overlap is taken."""

INK = 64
"""Bytes above which a pixel of a digit belongs to its box, and opacity of a sprite."""

CLUTTER, CLUTTER_LIGHT = 6, 0.15
"""Rectangles behind sprites, and the most light of each colour."""


@dataclass(frozen=True, eq=False)
class Objects:
    """Pictures of objects, each stretched to a square, and their true shape."""

    texture: Float32[np.ndarray, "N C T T"]
    """light in 0 .. 1"""

    size: Float32[np.ndarray, "N 2"]
    """height and width over the longer of them"""


@dataclass(frozen=True, eq=False)
class Scenes:
    """Images with what is on them; models see the images alone."""

    image: UInt8[np.ndarray, "N C side side"]
    count: Int64[np.ndarray, " N"]
    box: Float32[np.ndarray, "N most 4"]
    """top, left, bottom and right of each object [pixels]; zeros beyond ``count``"""


@dataclass(frozen=True, eq=False)
class SceneSet:
    """A recipe for scenes: to train on, and held-out ones."""

    name: str
    train: Objects
    test: Objects
    most: int
    """objects of a scene; the number is uniform in 0 .. ``most``"""

    clutter: bool = False

    @property
    def channels(self) -> int:
        """1 for grey, 3 for colour."""
        return self.train.texture.shape[1]

    def draw(
        self, seed: tuple[int, ...], count: int, objects: int | None = None, held_out: bool = False
    ) -> Scenes:
        """``count`` scenes, the same for the same ``seed``; each of so many ``objects`` if given.

        Raises:
            UserError: a scene cannot hold so many objects.
        """
        if objects is not None and not 0 <= objects <= MOST:
            raise UserError(f"objects must be in 0..{MOST}, got {objects}")
        rng, source = np.random.default_rng(seed), self.test if held_out else self.train
        number = (
            rng.integers(0, self.most + 1, count) if objects is None else np.full(count, objects)
        )
        which = rng.integers(0, len(source.texture), (count, MOST))
        box = layout(rng, source.size[which], number)
        light = background(rng, count) if self.clutter else np.zeros((count, 1, 1, 1), np.float32)
        scene, place = np.nonzero(np.arange(MOST) < number[:, None])
        light = np.broadcast_to(light, (count, self.channels, SIDE, SIDE)).copy()
        painted = paint(source.texture[which[scene, place]], box[scene, place])
        np.add.at(light, scene, painted)
        image = np.rint(255 * light.clip(0, 1)).astype(np.uint8)
        return Scenes(image, number.astype(np.int64), box)


def layout(
    rng: np.random.Generator, size: Float32[np.ndarray, "N most 2"], number: np.ndarray
) -> Float32[np.ndarray, "N most 4"]:
    """Boxes that do not overlap, or, if ``LAYOUTS`` tries all do, that overlap least."""
    share = rng.uniform(SMALLEST_SHARE, 1, (len(size), MOST, 1))
    extent = np.rint(LARGEST * share * size).clip(3)[:, None]  # N 1 most 2
    corner = np.floor(rng.random((len(size), LAYOUTS, MOST, 2)) * (SIDE - extent + 1))
    far = corner + extent
    common = np.minimum(far[:, :, :, None], far[:, :, None]) - np.maximum(
        corner[:, :, :, None], corner[:, :, None]
    )
    present = np.arange(MOST) < number[:, None]  # N most
    counted = np.triu(present[:, :, None] & present[:, None], 1)[:, None]  # N 1 most most
    overlap = (common.clip(0).prod(axis=-1) * counted).sum(axis=(2, 3))  # N layouts
    best = overlap.argmin(axis=1)
    rows = np.arange(len(size))
    box = np.concatenate([corner[rows, best], far[rows, best]], axis=-1)
    return (box * present[:, :, None]).astype(np.float32)


def background(rng: np.random.Generator, count: int) -> Float32[np.ndarray, "N 3 side side"]:
    """Faint rectangles of any colour that lie on top of each other."""
    corner = rng.uniform(-10, SIDE, (count, CLUTTER, 2))
    extent = rng.uniform(4, 25, (count, CLUTTER, 2))
    colour = rng.uniform(0, CLUTTER_LIGHT / 2, (count, CLUTTER, 3))
    pixel = np.arange(SIDE)
    after, before = pixel >= corner[..., None], pixel < (corner + extent)[..., None]
    inside = np.logical_and(after, before)  # N K 2 side
    rows, columns = inside.astype(float).transpose(2, 0, 1, 3)
    light = np.einsum("nkc,nki,nkj->ncij", colour, rows, columns)
    return light.clip(0, CLUTTER_LIGHT).astype(np.float32)


def paint(
    texture: Float32[np.ndarray, "N C T T"], box: Float32[np.ndarray, "N 4"]
) -> Float32[np.ndarray, "N C side side"]:
    """Each texture stretched to its box by bilinear interpolation, on black."""
    down, across = (stretch(box[:, k], box[:, k + 2], texture.shape[-1]) for k in range(2))
    return down[:, None] @ texture @ across[:, None].swapaxes(2, 3)


def stretch(
    low: np.ndarray, high: np.ndarray, texels: int, side: int = SIDE
) -> Float32[np.ndarray, "N side T"]:
    """Weight of each texel in each pixel, along one axis."""
    middle = np.arange(side) + 0.5
    low, high = low[:, None], high[:, None]
    place = (middle - low) / np.maximum(high - low, 1e-6) * texels - 0.5
    near = place.clip(0, texels - 1)[..., None] - np.arange(texels)
    inside = (middle > low) & (middle < high)
    return ((1 - np.abs(near)).clip(0) * inside[..., None]).astype(np.float32)


def cut(images: Float32[np.ndarray, "N C H W"], ink: np.ndarray, texels: int = LARGEST) -> Objects:
    """Each image cut to the box of its ``ink`` (N H W) and stretched to ``texels`` squared."""
    sides = []
    for axis in (2, 1):
        line = np.any(ink, axis=axis)
        sides += [line.argmax(axis=1), line.shape[1] - line[:, ::-1].argmax(axis=1)]
    top, bottom, left, right = sides
    size = np.stack([bottom - top, right - left], axis=1).astype(np.float32)
    grid = (np.arange(texels) + 0.5) / texels

    def sample(low: np.ndarray, high: np.ndarray, pixels: int) -> np.ndarray:
        low, high = low[:, None], high[:, None]
        place = (low + grid * (high - low) - 0.5).clip(low, high - 1)
        return (1 - np.abs(place[..., None] - np.arange(pixels))).clip(0).astype(np.float32)

    down, across = sample(top, bottom, images.shape[2]), sample(left, right, images.shape[3])
    texture = down[:, None] @ images @ across[:, None].swapaxes(2, 3)
    return Objects(texture, size / size.max(axis=1, keepdims=True))


@cache
def digits() -> tuple[Objects, Objects]:
    """The digits of MNIST to train on, and the held-out ones."""
    images = mnist()
    parts = (images.train, images.test)
    return tuple(cut(part.astype(np.float32) / 255, part[:, 0] > INK) for part in parts)  # type: ignore[return-value]


@cache
def sprites() -> tuple[Objects, Objects]:
    """Animals and foods; every fifth is held out."""
    rgba = noto_sprites().rgba.astype(np.float32).transpose(0, 3, 1, 2) / 255
    every = cut(rgba[:, :3] * rgba[:, 3:], rgba[:, 3] > INK / 255)
    held_out = np.arange(len(rgba)) % 5 == 0
    return tuple(Objects(every.texture[rows], every.size[rows]) for rows in (~held_out, held_out))  # type: ignore[return-value]


SCENES: dict[str, Callable[[], SceneSet]] = {
    "digit-scenes": lambda: SceneSet("digit-scenes", *digits(), most=2),
    "digit-scenes-3": lambda: SceneSet("digit-scenes-3", *digits(), most=3),
    "sprite-scenes": lambda: SceneSet("sprite-scenes", *sprites(), most=2, clutter=True),
}
"""Data sets of scenes by name."""


def load_scenes(name: str) -> SceneSet:
    """The data set of scenes called ``name``."""
    if name not in SCENES:
        raise UserError(f"data set of scenes must be one of {', '.join(SCENES)}, got {name!r}")
    return SCENES[name]()
