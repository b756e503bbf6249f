"""The two sets of images of a translation, and batches that pair nothing.

A set of images with two classes is two sides. Images of a class of its own lie in any order; only
where a data set is known to hold its held-out images as pairs (``hringur/data/images/domains.py``)
is the n-th held-out image of one side the truth of the n-th of the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from hringur.data.images.domains import DOMAINS
from hringur.generative.batches import ImageBatches, Images
from hringur.types import State, UserError


@dataclass(frozen=True, eq=False)
class Unpaired:
    """A batch of each side, drawn independently of each other."""

    first: Float[Tensor, "B C H W"]
    second: Float[Tensor, "B C H W"]

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True, eq=False)
class Sides:
    """What is translated, and what it is translated to."""

    first: Images
    second: Images
    paired: bool
    """whether the held-out images are pairs, row by row"""


def two_sides(images: Images, reverse: bool = False) -> Sides:
    """The images of both classes; with ``reverse`` the second class is translated to the first.

    Raises:
        UserError: there are not two classes, or one has no images.
    """
    if len(images.classes) != 2:
        raise UserError(
            f"translation needs images of two sets, {images.name} has "
            f"{len(images.classes) or 'no'} classes: give {', '.join(DOMAINS)}, or a folder with "
            "two sub-folders"
        )
    one, other = (_side(images, number) for number in (0, 1))
    paired = images.name in DOMAINS and 0 < len(one.test) == len(other.test)
    return Sides(other, one, paired) if reverse else Sides(one, other, paired)


def _side(images: Images, number: int) -> Images:
    """The images of one class; all of them, which is none, where a saved model has no images."""
    side = replace(images, train_labels=None, test_labels=None)
    if images.train_labels is None or images.test_labels is None:
        return side
    train = images.train[images.train_labels == number]
    test = images.test[images.test_labels == number]
    if not (len(train) and len(test)):
        name = images.classes[number]
        raise UserError(f"{images.name}: {name} needs more images, to train on and to hold out")
    return replace(side, train=train, test=test)


class UnpairedBatches:
    """Endless batches of both sides, each in an order of its own."""

    def __init__(self, sides: Sides, batch: int, seed: int, rank: int, processes: int) -> None:
        self.first = ImageBatches(sides.first, batch, seed, rank, processes)
        self.second = ImageBatches(sides.second, batch, seed + 1, rank, processes)

    def __iter__(self) -> Iterator[Unpaired]:
        return self

    def __next__(self) -> Unpaired:
        return Unpaired(next(self.first).image, next(self.second).image)

    def state_dict(self) -> State:
        """Where both are."""
        return {"first": self.first.state_dict(), "second": self.second.state_dict()}

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
        self.first.load_state_dict(state["first"])
        self.second.load_state_dict(state["second"])
