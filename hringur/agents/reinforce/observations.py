"""An observation of any Gymnasium space, taken apart into plain arrays.

A space is a tree: dictionaries and tuples with boxes, bits and choices as leaves. A network wants
the leaves. Each becomes a ``Leaf``: a name, the path to it, and what kind of numbers it holds. A
batch of observations is then one tensor for each leaf.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from hringur.types import UserError

Observation = dict[str, Tensor]
"""A batch of observations: a tensor for each leaf, by its name."""

SUPPORTED = "Box, Discrete, MultiBinary, MultiDiscrete, and Dict and Tuple of these"


@dataclass(frozen=True)
class Leaf:
    """One leaf of an observation space."""

    name: str
    """its path, joined by '/'; "observation" where the path is empty"""

    path: tuple[str | int, ...]
    """keys on the way to it"""

    kind: Literal["numbers", "image", "choices", "bits"]
    shape: tuple[int, ...]
    """of one observation"""

    sizes: tuple[int, ...] = ()
    """of choices: how many values each number may take"""

    first: tuple[int, ...] = ()
    """of choices: the smallest value of each"""

    white: float = 1.0
    """of images: the largest value of a pixel"""

    @property
    def dtype(self) -> torch.dtype:
        """Type of the stored numbers."""
        kinds = {"image": torch.uint8, "choices": torch.int64}
        return kinds.get(self.kind, torch.float32)

    def of(self, observation: Any) -> Any:
        """This leaf of one observation or of a batch of them; choices count from zero."""
        for key in self.path:
            observation = observation[key]
        if any(self.first):
            return np.asarray(observation) - np.reshape(self.first, self.shape)
        return observation


def leaves_of(space: spaces.Space, where: str) -> tuple[Leaf, ...]:
    """The leaves of an observation space, in order; ``where`` names the environment."""
    return tuple(_leaves(space, (), where))


def _leaves(space: spaces.Space, path: tuple[str | int, ...], where: str) -> Iterator[Leaf]:
    name = "/".join(map(str, path)) or "observation"
    if isinstance(space, spaces.Dict):
        for key, inner in space.spaces.items():
            yield from _leaves(inner, (*path, key), where)
    elif isinstance(space, spaces.Tuple):
        for index, inner in enumerate(space.spaces):
            yield from _leaves(inner, (*path, index), where)
    elif isinstance(space, spaces.Box) and _is_image(space):
        yield Leaf(name, path, "image", space.shape, white=float(space.high.max()))
    elif isinstance(space, spaces.Box):
        yield Leaf(name, path, "numbers", space.shape)
    elif isinstance(space, spaces.MultiBinary):
        yield Leaf(name, path, "bits", space.shape)
    elif isinstance(space, spaces.Discrete):
        yield Leaf(name, path, "choices", (), (int(space.n),), (int(space.start),))
    elif isinstance(space, spaces.MultiDiscrete):
        sizes = tuple(int(size) for size in space.nvec.flat)
        first = tuple(int(value) for value in space.start.flat)
        yield Leaf(name, path, "choices", space.shape, sizes, first)
    else:
        raise UserError(f"{where}: cannot read the {name} {space}; supported are {SUPPORTED}")


def _is_image(space: spaces.Box) -> bool:
    return space.dtype in (np.uint8, np.bool_) and len(space.shape) in (2, 3)


def is_single(leaves: tuple[Leaf, ...], observation: Any) -> bool:
    """Whether this is one observation rather than a batch of them."""
    return np.ndim(leaves[0].of(observation)) == len(leaves[0].shape)


def tensors(leaves: tuple[Leaf, ...], observation: Any, device: torch.device) -> Observation:
    """A batch of observations as tensors; a single one becomes a batch of one."""
    single = is_single(leaves, observation)
    batch = {}
    for leaf in leaves:
        array = np.asarray(leaf.of(observation))
        array = array[None] if single else array
        batch[leaf.name] = torch.tensor(array, dtype=leaf.dtype, device=device)
    return batch


def examples(leaves: tuple[Leaf, ...], count: int, device: torch.device) -> Observation:
    """So many observations of any content that the space allows, the same at each call."""
    generator, made = torch.Generator().manual_seed(0), {}
    for leaf in leaves:
        shape = (count, *leaf.shape)
        if leaf.kind == "numbers":
            tensor = torch.randn(shape, generator=generator)
        else:
            end = {"image": int(leaf.white) + 1, "bits": 2}.get(leaf.kind) or min(leaf.sizes)
            tensor = torch.randint(end, shape, generator=generator).to(leaf.dtype)
        made[leaf.name] = tensor.to(device)
    return made
