"""Drawn faces without end: attributes by label, identities, and the exact outcome of every edit.

A face is layers of sprites, painted one over the other. Seven attributes are there or not, each by
chance and independent of all else. The rest is who it is, the identity: shape and width of the
head, ears, nose, eyebrows, hair, skin. A person who is made to smile has a smile of their own: the
mouths, the eyes, the beard, the wrinkles, the glasses and the colour of the hair that a person can
have follow from the nose and the skin, which are in every picture (``OWN``). So the edited face is
a function of the face, its picture is known exactly, and the least error of an edit is zero. (All
but one: which short hair a long-haired face would have is not to be seen.)

    faces = draw_faces(8, seed=0, held_out=True)
    images = faces.images(32)
    truth = faces.edited("smile", 1).images(32)

Parts: faces.js by Jeremy Scheff / ZenGM, Apache-2.0 (NOTICE).
"""

import json
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

from hringur.data.images.image_set import ImageSet
from hringur.types import UserError

ATTRIBUTES = {
    "smile": 0.5, "age": 0.4, "narrow_eyes": 0.4, "blonde": 0.3, "beard": 0.3, "glasses": 0.2,
    "long_hair": 0.4,
}  # fmt: skip
"""How often a face has each."""

IDENTITY = {"head": 14, "fat": 3, "ear": 3, "nose": 12, "eyebrow": 10, "hair": 21, "skin": 8}
"""How many there are of each part of an identity."""

OWN = {
    **dict.fromkeys(("mouth", "eye", "facialHair", "glasses"), "nose"),
    **dict.fromkeys(("eyeLine", "smileLine", "miscLine"), "nose"),
    "hair_rgb": "skin",
}
"""The part of the identity that says which variant a person has, by what has variants."""

COLOURS = ("black", "brown", "red", "grey")
"""of hair that is not blonde"""

SIDE = 64
"""Pixels of the sprites' own pictures, high and wide; for 32 they are averaged over 2 x 2."""

GROUND = (0.79, 0.86, 0.93)
HELD_OUT = 10
"""One identity in so many is held out."""

AT_ONCE = 256
TRAINING, TEST = 20_000, 2_000
"""Faces of the data set ``faces``."""

Code = Int64[np.ndarray, " N"]
Placed = tuple[int, int, Float32[np.ndarray, "_ _ 6"]]
"""First row and column of a sprite, and its channels: colour times opacity (3), opacity, how much
of it is skin, how much is hair."""


@dataclass(frozen=True, eq=False)
class Faces:
    """N faces: who they are, and which attributes they have."""

    identity: Int64[np.ndarray, "N I"]
    """number of each part, in the order of ``IDENTITY``"""

    attributes: UInt8[np.ndarray, "N A"]
    """1 where a face has the attribute, in the order of ``ATTRIBUTES``"""

    def __len__(self) -> int:
        return len(self.identity)

    def __getitem__(self, rows: Any) -> "Faces":
        """The chosen faces."""
        return Faces(self.identity[rows], self.attributes[rows])

    def edited(self, attribute: str, value: int | UInt8[np.ndarray, " N"]) -> "Faces":
        """The same faces with the attribute (1) or without it (0), one value for all or each.

        Raises:
            UserError: there is no such attribute, or the value is neither 0 nor 1.
        """
        if attribute not in ATTRIBUTES:
            raise UserError(f"attribute must be one of {', '.join(ATTRIBUTES)}, got {attribute!r}")
        if not np.isin(value, (0, 1)).all():
            raise UserError(f"a face has {attribute} (1) or not (0), got {value}")
        attributes = self.attributes.copy()
        attributes[:, list(ATTRIBUTES).index(attribute)] = value
        return replace(self, attributes=attributes)

    def images(self, size: int = 32) -> UInt8[np.ndarray, "N 3 S S"]:
        """The pictures, ``size`` pixels high and wide: 32 or 64."""
        if size not in (32, SIDE):
            raise UserError(f"faces are drawn in 32 or {SIDE} pixels, got {size}")
        found = np.empty((len(self), 3, size, size), dtype=np.uint8)
        for first in range(0, len(self), AT_ONCE):
            rows = slice(first, first + AT_ONCE)
            found[rows] = _painted(self[rows], size)
        return found


def draw_faces(count: int, seed: int, held_out: bool = False) -> Faces:
    """So many faces of identities to train on, or of held-out ones.

    Raises:
        UserError: fewer than one is asked for, or the seed is negative.
    """
    if count < 1:
        raise UserError(f"count must be at least 1, got {count}")
    if seed < 0:
        raise UserError(f"seed must be at least 0, got {seed}")
    rng = np.random.default_rng((seed, held_out))
    identity = np.empty((0, len(IDENTITY)), dtype=np.int64)
    while len(identity) < count:
        drawn = rng.integers(0, list(IDENTITY.values()), (16 * count, len(IDENTITY)))
        identity = np.concatenate([identity, drawn[is_held_out(drawn) == held_out]])
    chances = np.array(list(ATTRIBUTES.values()))
    attributes = (rng.random((count, len(chances))) < chances).astype(np.uint8)
    return Faces(identity[:count], attributes)


def is_held_out(identity: Int64[np.ndarray, "N I"]) -> Bool[np.ndarray, " N"]:
    """Whether an identity is never trained on; a hash decides, so every part is in both splits."""
    number = np.ravel_multi_index(tuple(identity.T), tuple(IDENTITY.values())).astype(np.uint64)
    return (number * np.uint64(2654435761) >> np.uint64(7)) % np.uint64(HELD_OUT) == 0


def changed(
    before: UInt8[np.ndarray, "N 3 S S"], after: UInt8[np.ndarray, "N 3 S S"]
) -> Bool[np.ndarray, "N S S"]:
    """The pixels that differ: the region that an edit should change, and nothing else."""
    return (before != after).any(axis=1)


def faces(size: int = 32) -> ImageSet:
    """The data set ``faces``: always the same faces, identities to train on and held-out ones."""
    train, test = draw_faces(TRAINING, seed=0), draw_faces(TEST, seed=0, held_out=True)
    return ImageSet(
        "faces",
        train.images(size),
        test.images(size),
        train_attributes=train.attributes,
        test_attributes=test.attributes,
        attributes=tuple(ATTRIBUTES),
    )


@cache
def _stored() -> tuple[dict[str, Any], dict[str, Placed]]:
    """What the file says of the sprites, and each by its name."""
    with resources.files("hringur.data.images").joinpath("sprites/faces.npz").open("rb") as file:
        stored = np.load(file, allow_pickle=False)
        pixels, index, keys = (stored[name] for name in ("pixels", "index", "keys"))
        about = json.loads(str(stored["meta"]))
    found = {}
    for key, (start, top, left, height, width) in zip(keys, index.tolist(), strict=True):
        sprite = pixels[start : start + 6 * height * width].reshape(6, height, width)
        found[str(key)] = top, left, sprite.transpose(1, 2, 0).astype(np.float32) / 255
    return about, found


@cache
def _sprites(size: int) -> dict[str, Placed]:
    """Each sprite by its name for pictures of that size."""
    full = _stored()[1]
    return full if size == SIDE else {key: _halved(placed) for key, placed in full.items()}


def _halved(placed: Placed) -> Placed:
    """The means of 2 x 2 pixels of the picture."""
    top, left, sprite = placed
    height, width, _ = sprite.shape
    above, before = top % 2, left % 2
    edges = ((above, (above + height) % 2), (before, (before + width) % 2), (0, 0))
    even = np.pad(sprite, edges)
    cells = even.reshape(len(even) // 2, 2, even.shape[1] // 2, 2, 6)
    return top // 2, left // 2, cells.mean(axis=(1, 3))


def _variants(faces: Faces) -> tuple[dict[str, Code], dict[str, list[str]]]:
    """The number of each face's variant by part of the picture, and the variants' names."""
    about = _stored()[0]
    part = dict(zip(IDENTITY, faces.identity.T, strict=True))
    has = dict(zip(ATTRIBUTES, faces.attributes.T.astype(bool), strict=True))
    names: dict[str, list[str]] = dict(about["variants"])
    chosen = {name: part[name] for name in ("head", "ear", "nose", "eyebrow")}
    chosen["body"] = np.zeros(len(faces), dtype=np.int64)
    switched = {"mouth": "smile", "eye": "narrow_eyes", "facialHair": "beard", "glasses": "glasses"}
    for name, attribute in switched.items():
        without, with_it = (about["attributes"][attribute][value] for value in "01")
        names[name] = [*without, *with_it]
        own = part[OWN[name]]
        kept = own % len(without), len(without) + own % len(with_it)
        chosen[name] = np.where(has[attribute], kept[1], kept[0])
    for name in ("eyeLine", "smileLine", "miscLine"):  # variant 0 is none
        own = 1 + part[OWN[name]] % (len(names[name]) - 1)
        chosen[name] = np.where(has["age"], own, 0)
    short, long = (about["attributes"]["long_hair"][value] for value in "01")
    names["hair"] = [*short, *long]
    own = part["hair"]
    chosen["hair"] = np.where(has["long_hair"], len(short) + own % len(long), own)
    behind = 1 + own % (len(names["hairBg"]) - 1)
    chosen["hairBg"] = np.where(has["long_hair"], behind, 0)
    return chosen, names


def _painted(faces: Faces, size: int) -> UInt8[np.ndarray, "N 3 S S"]:
    """The pictures: each sprite is laid over all faces that have it at once."""
    about, sprites = _stored()[0], _sprites(size)
    chosen, names = _variants(faces)
    part = dict(zip(IDENTITY, faces.identity.T, strict=True))
    blonde = faces.attributes[:, list(ATTRIBUTES).index("blonde")].astype(bool)
    skin = np.array(about["skin_rgb"], dtype=np.float32)[part["skin"]]
    colours = [about["hair_rgb"][name] for name in (*COLOURS, "blonde")]
    own_colour = part[OWN["hair_rgb"]] % len(COLOURS)
    hair = np.array(colours, dtype=np.float32)[np.where(blonde, len(COLOURS), own_colour)]
    image = np.broadcast_to(np.array(GROUND, dtype=np.float32), (len(faces), size, size, 3)).copy()
    for name in about["order"]:
        by_width = f"{name}|{names[name][-1]}|1" in sprites
        kind = chosen[name] * 3 + (part["fat"] if by_width else 0)
        for number in np.unique(kind):
            key = f"{name}|{names[name][number // 3]}|{number % 3}"
            if key in sprites:  # else it is none
                rows = np.flatnonzero(kind == number)
                _lay(image, rows, sprites[key], skin[rows], hair[rows])
    return np.rint(255 * image.clip(0, 1)).astype(np.uint8).transpose(0, 3, 1, 2)


def _lay(
    image: Float32[np.ndarray, "N S S 3"],
    rows: Int64[np.ndarray, " M"],
    placed: Placed,
    skin: Float32[np.ndarray, "M 3"],
    hair: Float32[np.ndarray, "M 3"],
) -> None:
    """One sprite over the images of ``rows``, in their colours of skin and hair."""
    top, left, sprite = placed
    height, width, _ = sprite.shape
    there = np.s_[rows, top : top + height, left : left + width]
    paint = sprite[..., :3] + sprite[..., 4:5] * skin[:, None, None]
    paint += sprite[..., 5:6] * hair[:, None, None]
    image[there] = image[there] * (1 - sprite[..., 3:4]) + paint
