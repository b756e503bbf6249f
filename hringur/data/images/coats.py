"""Horses and zebras, apples and oranges: drawn pairs without end whose hidden truth is known.

``coats``: silhouettes of animals in one colour, and striped; ``fruits``: round fruits as apples,
smooth and glossy, and as oranges, with pores. A picture is a silhouette in a pose on a ground. The
same silhouette, pose and ground in the other coat is its true partner. The stripes, the colour and
the light follow from silhouette and pose alone, so that the partner is a function of the picture.

    coats = draw_coats("animals", 8, seed=0)
    plain, striped = coats.images("plain"), coats.images("striped")

Silhouettes: Noto Emoji, (c) Google, Apache-2.0 (NOTICE).
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from hringur.data.images.noto import noto_sprites
from hringur.types import UserError

SIDE = 32
KINDS: dict[str, tuple[str, str]] = {"animals": ("plain", "striped"), "fruits": ("apple", "orange")}
"""The two coats of each kind of silhouette."""

NAMES = {
    "animals": (
        "bison", "camel", "cat-face", "chicken", "crocodile", "deer", "duck", "elephant", "fish",
        "fox", "giraffe", "goat", "goose", "gorilla", "hippopotamus", "horse", "kangaroo", "lion",
        "lizard", "otter", "rabbit-face", "rhinoceros", "rooster", "sauropod", "swan", "turtle",
        "whale", "zebra",
    ),
    "fruits": (
        "avocado", "coconut", "egg", "eggplant", "green-apple", "kiwi-fruit", "lemon", "mango",
        "peach", "pear", "potato", "red-apple", "strawberry", "tangerine", "tomato",
    ),
}  # fmt: skip
"""Silhouettes of each kind, by their names in the file."""

HIDES = ((0.55, 0.33, 0.18), (0.38, 0.24, 0.17), (0.72, 0.52, 0.32), (0.47, 0.45, 0.43))
APPLES = ((0.80, 0.12, 0.14), (0.55, 0.74, 0.20), (0.93, 0.82, 0.36))
ORANGE, BLACK, WHITE = (0.97, 0.56, 0.11), (0.10, 0.10, 0.11), (0.95, 0.94, 0.92)
LEAST_SCALE, MOST_SCALE, TILT, SHIFT = 0.72, 1.0, 0.35, 2.5
"""Of a pose: size beside the sprite's own, angle [radian], pixels to any side."""

Colours = Float32[np.ndarray, "N 3 S S"]
Shade = Float32[np.ndarray, "N 1 S S"]
Map = Float32[np.ndarray, "N S S"]


@dataclass(frozen=True, eq=False)
class Coats:
    """N silhouettes with their poses and grounds, which any coat can be laid on."""

    kind: str
    silhouette: Int64[np.ndarray, " N"]
    pose: Float32[np.ndarray, "N 5"]
    """scale, tilt [radian], shift right and down [pixels], and -1 where it looks the other way"""

    ground: Float32[np.ndarray, "N 3 3"]
    """colours: the sky's, the meadow's, and one that the meadow is speckled with"""

    horizon: Float32[np.ndarray, " N"]
    """height of the meadow as a share of the picture"""

    def images(self, coat: str) -> UInt8[np.ndarray, "N 3 S S"]:
        """The pictures with this coat, 32 x 32 in colour.

        Raises:
            UserError: this kind of silhouette has no such coat.
        """
        if coat not in KINDS[self.kind]:
            raise UserError(f"coats of {self.kind} are {', '.join(KINDS[self.kind])}, got {coat!r}")
        alpha, across, down = self._placed()
        paint = {"plain": _plain, "striped": _striped, "apple": _apple, "orange": _orange}[coat]
        body = paint(self.silhouette, across, down)
        image = alpha[:, None] * body + (1 - alpha[:, None]) * self._grounds()
        return np.rint(255 * image.clip(0, 1)).astype(np.uint8)

    def _placed(self) -> tuple[Map, Map, Map]:
        """Opacity of the posed silhouette, and where each pixel lies in its own square (-1..1)."""
        scale, tilt, right, down, mirror = (self.pose[:, [i], None] for i in range(5))
        rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32) - np.float32((SIDE - 1) / 2)
        x, y = (columns - right) / scale, (rows - down) / scale
        x, y = (np.cos(tilt) * x + np.sin(tilt) * y) * mirror, np.cos(tilt) * y - np.sin(tilt) * x
        alpha = _bilinear(_silhouettes(self.kind), self.silhouette, y, x)
        return alpha, 2 * x / SIDE, 2 * y / SIDE

    def _grounds(self) -> Colours:
        """A sky that grows pale towards the horizon, over a speckled meadow."""
        rows = (np.arange(SIDE, dtype=np.float32)[:, None] + 0.5) / SIDE
        columns = (np.arange(SIDE, dtype=np.float32)[None] + 0.5) / SIDE
        sky, meadow, speckle = (self.ground[:, i, :, None, None] for i in range(3))
        pale = 0.35 * (rows / (1 - self.horizon[:, None, None, None])).clip(0, 1)
        grain = 0.5 + 0.5 * np.sin(40 * rows + 9 * np.sin(31 * columns))
        field = meadow + 0.35 * grain * (speckle - meadow)
        edge = ((rows - 1 + self.horizon[:, None, None, None]) * SIDE + 0.5).clip(0, 1)
        return ((1 - edge) * (sky + pale * (1 - sky)) + edge * field).astype(np.float32)


def draw_coats(kind: str, count: int, seed: int, held_out: bool = False) -> Coats:
    """So many silhouettes, poses and grounds; held-out ones come from another stream."""
    if kind not in KINDS:
        raise UserError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    rng = np.random.default_rng((seed, held_out))
    low, high = (LEAST_SCALE, -TILT, -SHIFT, -SHIFT), (MOST_SCALE, TILT, SHIFT, SHIFT)
    pose = np.column_stack([rng.uniform(low, high, (count, 4)), rng.choice((-1, 1), count)])
    sky = rng.uniform((0.35, 0.55, 0.75), (0.75, 0.85, 1.0), (count, 3))
    meadow = rng.uniform((0.30, 0.50, 0.15), (0.85, 0.80, 0.45), (count, 3))
    speckle = meadow * rng.uniform(0.4, 1.2, (count, 1))
    return Coats(
        kind,
        rng.integers(0, len(NAMES[kind]), count),
        pose.astype(np.float32),
        np.stack([sky, meadow, speckle], axis=1).astype(np.float32),
        rng.uniform(0.2, 0.6, count).astype(np.float32),
    )


@cache
def _silhouettes(kind: str) -> Float32[np.ndarray, "K 32 32"]:
    sprites = noto_sprites()
    rows = [sprites.name.index(name) for name in NAMES[kind]]
    return sprites.rgba[rows, :, :, 3].astype(np.float32) / 255


def _bilinear(
    pictures: Float32[np.ndarray, "K S S"], number: Int64[np.ndarray, " N"], y: Map, x: Map
) -> Map:
    """The numbered picture of each at the given places [pixels from its middle]; 0 outside."""
    padded = np.pad(pictures, ((0, 0), (1, 2), (1, 2)))
    y, x = ((where + (SIDE - 1) / 2 + 1).clip(0, SIDE + 1) for where in (y, x))
    top, left = y.astype(np.int64), x.astype(np.int64)
    down, right = (y - top).astype(np.float32), (x - left).astype(np.float32)
    which = number[:, None, None]
    above = padded[which, top, left] * (1 - right) + padded[which, top, left + 1] * right
    below = padded[which, top + 1, left] * (1 - right) + padded[which, top + 1, left + 1] * right
    return above * (1 - down) + below * down


def _tinted(
    colours: tuple[tuple[float, ...], ...], number: Int64[np.ndarray, " N"]
) -> Float32[np.ndarray, "N 3 1 1"]:
    return np.array(colours, dtype=np.float32)[number % len(colours)][:, :, None, None]


def _light(down: Map) -> Shade:
    """Brighter above than below."""
    return (1.1 - 0.3 * (0.5 + 0.5 * down)).clip(0.7, 1.2)[:, None]


def _gloss(across: Map, down: Map) -> Shade:
    """A highlight to the upper left."""
    return np.exp(-8 * ((across + 0.3) ** 2 + (down + 0.25) ** 2))[:, None]


def _plain(number: Int64[np.ndarray, " N"], across: Map, down: Map) -> Colours:
    return _tinted(HIDES, number) * _light(down)


def _striped(number: Int64[np.ndarray, " N"], across: Map, down: Map) -> Colours:
    wave = np.sin(14 * across + 3 * np.sin(3 * down + number.astype(np.float32)[:, None, None]))
    black = (0.5 + 2.5 * wave).clip(0, 1)[:, None]
    return (black * _tinted((BLACK,), number) + (1 - black) * _tinted((WHITE,), number)) * _light(
        down
    )


def _apple(number: Int64[np.ndarray, " N"], across: Map, down: Map) -> Colours:
    return _tinted(APPLES, number) * _light(down) + 0.5 * _gloss(across, down)


def _orange(number: Int64[np.ndarray, " N"], across: Map, down: Map) -> Colours:
    pores = (np.sin(22 * across) * np.sin(22 * down + 1))[:, None]
    return _tinted((ORANGE,), number) * _light(down) * (1 - 0.13 * pores) + 0.15 * _gloss(
        across, down
    )
