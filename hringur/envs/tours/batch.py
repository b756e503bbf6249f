"""The state of B tours side by side: who is where, has been where, and may go where.

A move is a dozen NumPy calls and no loop. ``coordinates`` and ``distances`` are read-only and are
handed out as they are: whenever somebody is dealt a new instance they are replaced, never
overwritten, so what was handed out before stays true.

Who went where is kept as one row of choices per move, in a ring of n rows: an episode takes at
most n - 1 moves, so its tour can be read off the ring when it ends.
"""

import numpy as np
from jaxtyping import Bool, Float64, Int64

from hringur.envs.tours.dealt import Dealt
from hringur.envs.tours.problem import Optima, TourProblem, invalid_reward
from hringur.types import State


class Episodes:
    """B tours, all of which begin now."""

    def __init__(
        self,
        problem: TourProblem,
        optima: Optima,
        dealt: Dealt,
        start: Int64[np.ndarray, " B"],
    ) -> None:
        batch, n = len(start), problem.n_places
        self.problem, self._optima = problem, optima
        self.dealt = dealt
        self.coordinates, self.distances = dealt.observed()
        self.start, self.current = start, start
        self.visited = np.zeros((batch, n), dtype=np.int8)
        self.visited[np.arange(batch), start] = 1
        self.optimal = np.full(batch, np.nan)
        self.clock, self._began = 0, np.zeros(batch, dtype=np.int64)
        self.first_end = n - 1  # nobody can have visited all places before this time
        self._ring = np.empty((n, batch), dtype=np.int64)
        self._ring[0] = start
        self._row = np.arange(batch) * n  # where the cells of each tour begin
        self._lock()

    def begin_again(
        self, rows: Int64[np.ndarray, " R"], dealt: Dealt, start: Int64[np.ndarray, " R"]
    ) -> None:
        """The tours in ``rows`` begin now, on what is dealt to them."""
        self.dealt.replace(rows, dealt)
        self.distances, self.coordinates = self.distances.copy(), self.coordinates.copy()
        self.coordinates[rows], self.distances[rows] = dealt.observed()
        self.start, self.current = self.start.copy(), self.current.copy()
        self.start[rows] = self.current[rows] = start
        self.visited[rows] = 0
        self.visited[rows, start] = 1
        self.optimal[rows] = np.nan
        self._began[rows] = self.clock
        self._ring[self.clock % self.problem.n_places, rows] = start
        self.first_end = int(self._began.min()) + self.problem.n_places - 1
        self._lock()

    def move(
        self, place: Int64[np.ndarray, " B"]
    ) -> tuple[Float64[np.ndarray, " B"], Bool[np.ndarray, " B"]]:
        """Go to ``place``, which is kept; the scaled way there, and who had been there before."""
        cell = self._row + place
        leg = self.distances.reshape(-1).take(
            (self._row + self.current) * self.problem.n_places + place
        )
        repeated = self.visited.reshape(-1).take(cell).view(bool)
        self.visited.reshape(-1)[cell] = 1
        self.clock += 1
        self.current = self._ring[self.clock % self.problem.n_places] = place
        return leg.astype(np.float64), repeated

    def stay(self, rows: Bool[np.ndarray, " B"], where: Int64[np.ndarray, " B"]) -> None:
        """Put those in ``rows`` back to where they were before the last move."""
        self.current = np.where(rows, where, self.current)
        self._ring[self.clock % self.problem.n_places] = self.current

    def complete(self) -> Bool[np.ndarray, " B"]:
        """Who has made n - 1 moves by now."""
        return self.clock - self._began == self.problem.n_places - 1

    def tours(self, rows: Int64[np.ndarray, " R"]) -> Int64[np.ndarray, "R N"]:
        """Places in the order of visit; of an unfinished tour only the beginning means anything."""
        n, batch = self._ring.shape
        when = self._began[rows, None] % n + np.arange(n)
        when[when >= n] -= n
        return self._ring.take(when * batch + rows[:, None])

    def so_far(self, row: int) -> list[int]:
        """Places that one tour has visited, in order."""
        moves = min(int(self.clock - self._began[row]), self.problem.n_places - 1)
        places = self.tours(np.array([row]))[0, : moves + 1].tolist()
        return list(dict.fromkeys(places))  # who lost has stayed where he was

    def way_home(self, rows: Int64[np.ndarray, " R"]) -> Float64[np.ndarray, " R"]:
        """Scaled distance from the current place to the start."""
        return self.distances[rows, self.current[rows], self.start[rows]].astype(np.float64)

    def price(self, rows: Int64[np.ndarray, " R"]) -> Float64[np.ndarray, " R"]:
        """Reward for visiting a place twice."""
        largest = self.distances[rows].reshape(len(rows), -1).max(axis=1)
        return invalid_reward(largest.astype(np.float64), self.problem.n_places)

    def solve(self, rows: Int64[np.ndarray, " R"]) -> None:
        """Fill in the exact optimum where it is not known yet."""
        for row in rows[np.isnan(self.optimal[rows])].tolist():
            one = self.dealt.some(np.array([row]))
            self.optimal[row] = self._optima.length(one, int(self.start[row]))

    def state_dict(self) -> State:
        """Everything that ``from_state`` needs, copied."""
        return {
            "dealt": self.dealt.state_dict(),
            "start": self.start.copy(),
            "current": self.current.copy(),
            "visited": self.visited.copy(),
            "optimal": self.optimal.copy(),
            "clock": self.clock,
            "first_end": self.first_end,
            "began": self._began.copy(),
            "ring": self._ring.copy(),
        }

    @classmethod
    def from_state(cls, problem: TourProblem, optima: Optima, state: State) -> "Episodes":
        """The episodes of which ``state_dict`` told."""
        episodes = cls(problem, optima, Dealt.from_state(problem, state["dealt"]), state["start"])
        for name in ("start", "current", "visited", "optimal"):
            setattr(episodes, name, state[name].copy())
        episodes.clock, episodes.first_end = state["clock"], state["first_end"]
        episodes._began, episodes._ring = state["began"].copy(), state["ring"].copy()
        return episodes

    def _lock(self) -> None:
        self.distances.flags.writeable = self.coordinates.flags.writeable = False
