"""Every decision of B games since each was seeded: enough to play them again."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int, Int64, UInt8

from hringur.envs.breakout.game import NOOP
from hringur.types import State


class ActionLog:
    """Rows of B actions; only those since the oldest seed are kept."""

    def __init__(self, num_envs: int) -> None:
        self.seeds: Int64[np.ndarray, " B"] = np.zeros(num_envs, dtype=np.int64)
        """of each emulator"""

        self.since: Int64[np.ndarray, " B"] = np.zeros(num_envs, dtype=np.int64)
        """rows since each was seeded"""

        self._rows: list[UInt8[np.ndarray, " B"]] = []

    def append(self, action: np.ndarray) -> None:
        """Keep one decision of all games."""
        self._rows.append(action.astype(np.uint8))
        self.since += 1

    def restart(self, rows: np.ndarray, seeds: Sequence[int]) -> None:
        """Forget what the games in ``rows`` did; they begin anew."""
        self.seeds[rows] = seeds
        self.since[rows] = 0
        del self._rows[: len(self._rows) - int(self.since.max())]

    def rows(self) -> UInt8[np.ndarray, "T B"]:
        """All decisions since the oldest seed, as a copy."""
        return np.array(self._rows, dtype=np.uint8).reshape(-1, len(self.seeds))

    def state_dict(self) -> State:
        """Seeds and decisions."""
        return {"seeds": self.seeds.copy(), "since": self.since.copy(), "rows": self.rows()}

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
        self.seeds, self.since = state["seeds"].copy(), state["since"].copy()
        self._rows = list(state["rows"].copy())


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
