"""Two sets of images to translate between, with no pairs to learn from.

========== ======================================================================================
set        first and second
========== ======================================================================================
``glyphs`` letters and digits of DejaVu Sans, and of DejaVu Serif; 32 x 32 grey
``emoji``  pictures of Noto Emoji, and of Fluent Emoji on white; 32 x 32 colour
``coats``  animals in one colour, and the same striped: horses and zebras; 32 x 32 colour
``fruits`` fruits as apples, and as oranges; 32 x 32 colour
a folder   with two sub-folders of images, the first by name and the second
========== ======================================================================================

The true partner of each image is known and hidden: no character, emoji or silhouette with its pose
that one side trains on is among the other side's training images. Only the held-out images are
pairs, row by row, to measure a translation with.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from hringur.data.images.coats import KINDS, draw_coats
from hringur.data.images.files import read_folder
from hringur.data.images.image_set import ImageSet, resized
from hringur.types import UserError

FIRST_SIDE, SECOND_SIDE, PAIRS = 0, 1, 2
"""What a row of the files of glyphs and emoji is for."""

DRAWN, DRAWN_PAIRS = 6_000, 1_000
"""Images of each side of a set that is drawn, and its held-out pairs."""


@dataclass(frozen=True, eq=False)
class Domains:
    """Images of two domains, in no order; held-out ones of both."""

    name: str
    names: tuple[str, str]
    first: UInt8[np.ndarray, "N C H W"]
    second: UInt8[np.ndarray, "M C H W"]
    held_out_first: UInt8[np.ndarray, "P C H W"]
    held_out_second: UInt8[np.ndarray, "Q C H W"]
    paired: bool = True
    """whether row i of both held-out sets shows the same thing"""

    def resized(self, size: int) -> "Domains":
        """The same images, so many pixels high and wide."""
        return replace(
            self,
            first=resized(self.first, size),
            second=resized(self.second, size),
            held_out_first=resized(self.held_out_first, size),
            held_out_second=resized(self.held_out_second, size),
        )

    def image_set(self) -> ImageSet:
        """All of it as images of two classes, for models of images; no row tells of its partner."""
        train, test = (self.first, self.second), (self.held_out_first, self.held_out_second)

        def labels(sides: tuple[np.ndarray, np.ndarray]) -> Any:
            return np.repeat(np.arange(2, dtype=np.int64), [len(side) for side in sides])

        return ImageSet(
            self.name,
            np.concatenate(train),
            np.concatenate(test),
            labels(train),
            labels(test),
            self.names,
        )


def load_domains(dataset: str, size: int | None = None) -> Domains:
    """Two domains by name, or the two sub-folders of a folder of one's own.

    Args:
        dataset: a name of the table above, or the path of a folder.
        size: bring the images to so many pixels; None leaves them as they are.

    Raises:
        UserError: there is no such set, or the folder has not two sub-folders of images.
    """
    if dataset in DOMAINS:
        found = DOMAINS[dataset]()
        return found if size is None else found.resized(size)
    path = Path(dataset)
    if not os.path.isdir(dataset):  # Path makes the present folder of an empty name
        raise UserError(
            f"two domains must be one of {', '.join(DOMAINS)}, or a folder with two sub-folders of "
            f"images; there is neither a set nor a folder named {dataset!r}"
        )
    return _two_classes(read_folder(path, size), path)


def training_pairs(
    name: str,
) -> tuple[UInt8[np.ndarray, "N C H W"], UInt8[np.ndarray, "N C H W"]]:
    """True pairs of what both sides train on: for a ceiling, which no translation is shown.

    Raises:
        UserError: there is no such set.
    """
    if name not in DOMAINS:
        raise UserError(f"true pairs are known of {', '.join(DOMAINS)}, not of {name!r}")
    if name in STORED:
        first, second, split = _both_sides(name)
        return first[split != PAIRS], second[split != PAIRS]
    kind = DRAWN_KINDS[name]
    coats, (one, other) = draw_coats(kind, DRAWN, seed=FIRST_SIDE), KINDS[kind]
    return coats.images(one), coats.images(other)


def stored(name: str) -> Domains:
    """Glyphs or emoji: a character or an emoji is of one side, or a held-out pair."""
    return _by_split(name, STORED[name], *_both_sides(name))


def _both_sides(
    name: str,
) -> tuple[UInt8[np.ndarray, "N C H W"], UInt8[np.ndarray, "N C H W"], np.ndarray]:
    """All pairs of a file, and what each is for."""
    with resources.files("hringur.data.images").joinpath(f"sprites/{name}.npz").open("rb") as file:
        found = dict(np.load(file, allow_pickle=False))
    first, second = (_channels_first(found[side]) for side in STORED[name])
    return first, second, found["split"]


def drawn(name: str, kind: str) -> Domains:
    """Coats of one kind of silhouette: each side and the held-out pairs are drawn apart."""
    one, other = KINDS[kind]
    held_out = draw_coats(kind, DRAWN_PAIRS, seed=0, held_out=True)
    return Domains(
        name,
        (one, other),
        draw_coats(kind, DRAWN, seed=FIRST_SIDE).images(one),
        draw_coats(kind, DRAWN, seed=SECOND_SIDE).images(other),
        held_out.images(one),
        held_out.images(other),
    )


STORED = {"glyphs": ("sans", "serif"), "emoji": ("noto", "fluent")}
"""Both sides of the sets that are files."""

DRAWN_KINDS = {"coats": "animals", "fruits": "fruits"}
"""The silhouettes of the sets that are drawn."""

DOMAINS: dict[str, Callable[[], Domains]] = {
    **{name: partial(stored, name) for name in STORED},
    **{name: partial(drawn, name, kind) for name, kind in DRAWN_KINDS.items()},
}
"""Two domains by name."""


def _by_split(
    name: str,
    names: tuple[str, str],
    first: UInt8[np.ndarray, "N C H W"],
    second: UInt8[np.ndarray, "N C H W"],
    split: np.ndarray,
) -> Domains:
    """What each side may train on, and the pairs; everything else of the file is dropped."""
    return Domains(
        name,
        names,
        first[split == FIRST_SIDE],
        second[split == SECOND_SIDE],
        first[split == PAIRS],
        second[split == PAIRS],
    )


def _channels_first(pictures: UInt8[np.ndarray, "N H W *rgba"]) -> UInt8[np.ndarray, "N C H W"]:
    """Grey levels as one channel; colours with an opacity as three, on white."""
    if pictures.ndim == 3:
        return pictures[:, None]
    rgba = pictures
    opacity = rgba[..., 3:].astype(np.float32) / 255
    return (
        np.rint(rgba[..., :3] * opacity + 255 * (1 - opacity))
        .astype(np.uint8)
        .transpose(0, 3, 1, 2)
    )


def _two_classes(images: ImageSet, path: Path) -> Domains:
    """The two classes of a folder as domains whose pairs, if there are any, are not known."""
    if len(images.classes) != 2 or images.train_labels is None or images.test_labels is None:
        found = ", ".join(images.classes) or "none"
        raise UserError(f"{path} needs two sub-folders of images, one a domain; it has {found}")
    train = [images.train[images.train_labels == side] for side in (0, 1)]
    test = [images.test[images.test_labels == side] for side in (0, 1)]
    for name, side in zip(images.classes * 2, train + test, strict=True):
        if not len(side):
            raise UserError(f"{path}/{name} needs more images: none is left to train on or to test")
    one, other = images.classes
    return Domains(images.name, (one, other), train[0], train[1], test[0], test[1], paired=False)
