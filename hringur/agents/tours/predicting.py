"""Deciding step by step, as Gymnasium and Stable-Baselines3 ask for it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from hringur.agents.tours.decoding import check_finite, greedy, sample
from hringur.checks import check_observed
from hringur.types import UserError


class Episodes(NamedTuple):
    """The episodes under way, as the last decision saw them."""

    distances: np.ndarray
    visited: np.ndarray
    encoding: Any
    memory: Any


class Predicting:
    """Encodes an instance once and remembers it, and the recurrent memory, while it lasts."""

    def __init__(self, policy: Any) -> None:
        self.policy = policy
        self.episodes: Episodes | None = None

    @torch.no_grad()
    def next_place(self, observation: Mapping[str, Any], deterministic: bool) -> Any:
        """One place for an observation, or an array of them for a batch."""
        single = np.ndim(observation["current"]) == 0
        check_observed(observation, np.asarray(observation["visited"]) == 0)
        seen = {key: np.asarray(value) for key, value in observation.items()}
        if single:
            seen = {key: value[None] for key, value in seen.items()}
        encoding, memory = self._remember(seen)
        current = self._tensor(seen["current"], torch.long)[:, None]
        is_open = self._tensor(seen["visited"] == 0, torch.bool)[:, None]
        logits, memory = self.policy.logits(encoding, memory, current, is_open)
        check_finite(logits)
        self.episodes = Episodes(seen["distances"], seen["visited"].copy(), encoding, memory)
        chosen = (greedy if deterministic else sample)(logits, is_open)[:, 0].cpu().numpy()
        return chosen[0] if single else chosen

    def _remember(self, seen: dict[str, np.ndarray]) -> tuple[Any, Any]:
        """Encoding and memory of these episodes before this decision."""
        before = self.episodes
        known = before is not None and (
            before.distances is seen["distances"]  # the very same array: nothing to compare
            or np.array_equal(before.distances, seen["distances"])
        )
        if before is not None and known:
            encoding = before.encoding
        else:
            coordinates = self._tensor(seen["coordinates"], torch.float32)
            distances = self._tensor(seen["distances"], torch.float32)
            encoding = self.policy.encode(coordinates, distances)
        start = self._tensor(seen["start"], torch.long)[:, None]
        memory = self.policy.begin(encoding, start)
        fresh = seen["visited"].sum(axis=1) == 1
        if self.policy.recurrent and not fresh.all():
            if before is None or not known or not _goes_on(before.visited, seen)[~fresh].all():
                raise UserError("a recurrent policy must see every step of an episode, from reset")
            memory = _where(self._tensor(fresh, torch.bool), memory, before.memory)
        return encoding, memory

    def _tensor(self, array: np.ndarray, dtype: torch.dtype) -> Tensor:
        device = next(self.policy.parameters()).device
        return torch.tensor(array, dtype=dtype, device=device)  # copies: arrays may be locked


def _goes_on(visited: np.ndarray, seen: dict[str, np.ndarray]) -> np.ndarray:
    """Which episodes are one visit, to the current place, further than ``visited``."""
    row = np.arange(len(visited))
    one_more = seen["visited"].sum(axis=1) == visited.sum(axis=1) + 1
    return one_more & (visited[row, seen["current"]] == 0)


def _where(rows: Tensor, new: tuple[Tensor, ...], old: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The new memory in these rows, the old one elsewhere."""
    pairs = zip(new, old, strict=True)
    parts = (torch.where(rows.view(-1, *[1] * (n.ndim - 1)), n, o) for n, o in pairs)
    return type(new)(*parts)
