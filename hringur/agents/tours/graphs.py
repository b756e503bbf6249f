"""A tour agent as three ONNX graphs: encode once, begin, then step from place to place."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from hringur.training.exports.onnx_graphs import Graph


def tour_graphs(network: Any, device: torch.device) -> dict[str, Graph]:
    """``encode``, ``begin`` and ``step``, for any number of instances, places and tours of each.

    ``encode`` takes ``coordinates`` [B N 2] and ``distance`` [B N N]; ``begin`` what that gave and
    the ``start`` [B P] of each tour; ``step`` both, the present ``place`` [B P] and ``is_open``
    [B P N], and gives the ``logits`` [B P N] of the next place and the memory after it.
    """
    some = network.encode(*_places(2, device).values())
    memory_of_some = network.begin(some, _starts(2, device))
    encoded, memory = list(_parts(some)), [f"memory_{name}" for name in _parts(memory_of_some)]

    def encode(coordinates: Tensor, distance: Tensor) -> tuple[Tensor, ...]:
        return tuple(_parts(network.encode(coordinates, distance)).values())

    def begin(start: Tensor, **given: Tensor) -> tuple[Tensor, ...]:
        encoding = _whole(some, [given[name] for name in encoded])
        return tuple(_parts(network.begin(encoding, start)).values())

    def step(place: Tensor, is_open: Tensor, **given: Tensor) -> tuple[Tensor, ...]:
        encoding = _whole(some, [given[name] for name in encoded])
        before = _whole(memory_of_some, [given[name] for name in memory])
        logits, after = network.logits(encoding, before, place, is_open)
        return logits, *_parts(after).values()

    def at_begin(size: int) -> dict[str, Tensor]:
        encoding = dict(zip(encoded, encode(**_places(size, device)), strict=True))
        return encoding | {"start": _starts(size, device)}

    def at_step(size: int) -> dict[str, Tensor]:
        given = at_begin(size)
        found = dict(zip(memory, begin(**given), strict=True))
        place = given.pop("start")
        is_open = torch.ones(*place.shape, _n_places(size), dtype=torch.bool, device=device)
        return given | found | {"place": place, "is_open": is_open}

    return {
        "encode": Graph(network, encode, lambda size: _places(size, device), encoded),
        "begin": Graph(network, begin, at_begin, memory),
        "step": Graph(network, step, at_step, ["logits", *(f"{name}_after" for name in memory)]),
    }


def _n_places(size: int) -> int:
    return 2 * size + 1


def _places(size: int, device: torch.device) -> dict[str, Tensor]:
    """So many instances of random points."""
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(size, _n_places(size), 2, generator=generator)
    return {"coordinates": points.to(device), "distance": torch.cdist(points, points).to(device)}


def _starts(size: int, device: torch.device) -> Tensor:
    """One tour more of each instance than there are instances."""
    return torch.arange(size + 1, device=device).expand(size, size + 1).contiguous()


def _parts(whole: Any) -> dict[str, Tensor]:
    """The tensors of an encoding or a memory, by name."""
    return {"state": whole} if isinstance(whole, Tensor) else whole._asdict()


def _whole(like: Any, parts: Sequence[Tensor]) -> Any:
    return parts[0] if isinstance(like, Tensor) else type(like)(*parts)
