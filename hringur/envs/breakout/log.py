"""Every decision of B games since each was seeded: enough to play them again."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int, Int64, UInt8

from hringur.envs.breakout.game import NOOP
from hringur.types import State

FIRST_ROWS = 1024


class ActionLog:
    """Rows of B actions; only those since the oldest seed are kept."""

    def __init__(self, num_envs: int) -> None:
        self.seeds: Int64[np.ndarray, " B"] = np.zeros(num_envs, dtype=np.int64)
        """of each emulator"""

        self.since: Int64[np.ndarray, " B"] = np.zeros(num_envs, dtype=np.int64)
        """rows since each was seeded"""

        self._rows = np.zeros((FIRST_ROWS, num_envs), dtype=np.uint8)
        self._end = 0

    def append(self, action: np.ndarray) -> None:
        """One decision of everybody."""
        if self._end == len(self._rows):
            self._make_room()
        self._rows[self._end] = action
        self._end += 1
        self.since += 1

    def restart(self, rows: np.ndarray, seeds: Sequence[int]) -> None:
        """Those in ``rows`` begin anew; what they did before is forgotten."""
        self.seeds[rows] = seeds
        self.since[rows] = 0

    def rows(self) -> UInt8[np.ndarray, "T B"]:
        """All decisions since the oldest seed, as a copy."""
        return self._rows[self._end - int(self.since.max()) : self._end].copy()

    def state_dict(self) -> State:
        """Seeds and decisions."""
        return {"seeds": self.seeds.copy(), "since": self.since.copy(), "rows": self.rows()}

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
        self.seeds, self.since = state["seeds"].copy(), state["since"].copy()
        self._end = len(state["rows"])
        self._rows = np.zeros((max(FIRST_ROWS, 2 * self._end), len(self.seeds)), dtype=np.uint8)
        self._rows[: self._end] = state["rows"]

    def _make_room(self) -> None:
        """Forget what nobody needs; where that is less than half, take twice the room."""
        kept = self.rows()
        if 2 * len(kept) > len(self._rows):
            self._rows = np.zeros((2 * len(self._rows), self._rows.shape[1]), dtype=np.uint8)
        self._end = len(kept)
        self._rows[: self._end] = kept


def replay(
    ale: Any, log: ActionLog, buttons: Int[np.ndarray, " A"], strength: list[float]
) -> Int64[np.ndarray, " B"]:
    """Play every decision of the log again; the lives that are left at its end.

    Each game begins so late that all end together. Until then nothing is pressed: without a ball
    an emulator's game waits for ever.
    """
    rows = log.rows()
    begins = len(rows) - log.since
    seeds = np.where(begins == 0, log.seeds, -1)
    native = ale.reset(list(range(len(seeds))), seeds.tolist())[-1]
    for t in range(len(rows) + 1):
        late = np.flatnonzero((begins == t) & (t > 0)).tolist()
        if late:
            native = ale.reset(late, log.seeds[late].tolist())[-1]
        if t < len(rows):
            pressed = np.where(begins <= t, buttons[rows[t]], NOOP)
            ale.send(pressed.tolist(), strength)
            native = ale.recv()[-1]
    return native["lives"].astype(np.int64)
