"""An observation of any Gymnasium space, taken apart into plain arrays.

A space is a tree: dictionaries and tuples with boxes, bits and choices as leaves. A network wants
the leaves. Each becomes a ``Part``: a name, the path to it, and what kind of numbers it holds. A
batch of observations is then one array, or one tensor, for each part.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from hringur.types import UserError

Kind = Literal["numbers", "image", "choices", "bits"]
Parts = dict[str, Tensor]
"""A batch of observations: a tensor for each part, by its name."""

SUPPORTED = "Box, Discrete, MultiBinary, MultiDiscrete, and Dict and Tuple of these"


@dataclass(frozen=True)
class Part:
    """One leaf of an observation space."""

    name: str
    """keys on the way to it, joined by '/'; "observation" if there are none"""

    path: tuple[str | int, ...]
    """those keys"""

    kind: Kind
    shape: tuple[int, ...]
    """of one observation"""

    sizes: tuple[int, ...] = ()
    """of choices: how many values each number may take"""

    first: tuple[int, ...] = ()
    """of choices: the smallest value of each"""

    largest: float = 1.0
    """of images: the value of white"""

    @property
    def dtype(self) -> torch.dtype:
        """In which it is stored."""
        kinds = {"image": torch.uint8, "choices": torch.int64}
        return kinds.get(self.kind, torch.float32)

    def of(self, observation: Any) -> Any:
        """This part of one observation or of a batch of them; choices count from zero."""
        for key in self.path:
            observation = observation[key]
        if any(self.first):
            shape = self.shape or ()
            return np.asarray(observation) - np.reshape(self.first, shape)
        return observation


def parts_of(space: spaces.Space, where: str) -> tuple[Part, ...]:
    """The leaves of an observation space, in order; ``where`` names the environment.

    Raises:
        UserError: a leaf is of a kind that no network here reads.
    """
    return tuple(_leaves(space, (), where))


def _leaves(space: spaces.Space, path: tuple[str | int, ...], where: str) -> Iterator[Part]:
    name = "/".join(map(str, path)) or "observation"
    if isinstance(space, spaces.Dict):
        for key, inner in space.spaces.items():
            yield from _leaves(inner, (*path, key), where)
    elif isinstance(space, spaces.Tuple):
        for index, inner in enumerate(space.spaces):
            yield from _leaves(inner, (*path, index), where)
    elif isinstance(space, spaces.Box) and _is_image(space):
        yield Part(name, path, "image", space.shape, largest=float(space.high.max()))
    elif isinstance(space, spaces.Box):
        yield Part(name, path, "numbers", space.shape)
    elif isinstance(space, spaces.MultiBinary):
        yield Part(name, path, "bits", space.shape)
    elif isinstance(space, spaces.Discrete):
        yield Part(name, path, "choices", (), (int(space.n),), (int(space.start),))
    elif isinstance(space, spaces.MultiDiscrete):
        sizes = tuple(int(size) for size in space.nvec.flat)
        first = tuple(int(value) for value in space.start.flat)
        yield Part(name, path, "choices", space.shape, sizes, first)
    else:
        raise UserError(f"{where}: cannot read the {name} {space}; supported are {SUPPORTED}")


def _is_image(space: spaces.Box) -> bool:
    """Pixels: whole numbers of 8 bits in two or three dimensions."""
    return space.dtype in (np.uint8, np.bool_) and len(space.shape) in (2, 3)


def is_single(parts: tuple[Part, ...], observation: Any) -> bool:
    """Whether this is one observation rather than a batch of them."""
    return np.ndim(parts[0].of(observation)) == len(parts[0].shape)


def tensors(parts: tuple[Part, ...], observation: Any, device: torch.device) -> Parts:
    """A batch of observations as tensors; a single one becomes a batch of one."""
    single = is_single(parts, observation)
    batch = {}
    for part in parts:
        array = np.asarray(part.of(observation))
        array = array[None] if single else array
        batch[part.name] = torch.tensor(array, dtype=part.dtype, device=device)
    return batch
