"""Trading one asset as a Gymnasium environment: buy, wait or sell, day by day, honestly.

========== ===================================================================================
part       what
========== ===================================================================================
observe    one vector, float32, of numbers known at the close of day t: the last W log returns
           over their volatility, oldest first; how far the price is from its trailing mean; the
           process's own state, where there is one; the position, 0 flat or 1 long (-1 short,
           with ``short=True``); how long it has been held [years]
action     Sell 0, Wait 1, Buy 2: decided on the close of day t, filled at the open of t + 1,
           all in or all out, in fractional shares; one step along flat, long, or along short,
           flat, long
reward     change of log wealth from the close of t to that of t + 1, costs taken off
terminated never
truncated  after ``episode_days`` decisions (252); a position is then sold at the last close,
           (and a short bought back), which the last reward pays for, so the rewards add up to
           log(final / initial wealth)
start      flat; on a path drawn anew, or on a random day of the prices that are there
info       infinite until the end: ``log_wealth``, ``buy_and_hold``, and with ``compute_optimal``
           ``optimal_return`` (where it is known) and ``reference_return``
========== ===================================================================================

docs/stock_trading.md tells the options and the formulas.
"""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from jaxtyping import Bool, Float32, UInt8

from hringur.envs.single import RENDER_MODES, SingleEnv, told
from hringur.envs.trading.problem import ACTION_NAMES, Paths, TradingProblem

Observation = Float32[np.ndarray, " F"]
Step = tuple[Observation, float, bool, bool, dict[str, Any]]


class TradingEnv(SingleEnv):
    """One episode at a time; see the module's table."""

    metadata = {"render_modes": RENDER_MODES, "render_fps": 8}
    action_names, time_unit, reference_name = ACTION_NAMES, "day", "buy and hold"

    def __init__(self, problem: TradingProblem, render_mode: str | None = None) -> None:
        super().__init__(render_mode)
        self.problem = problem
        self.observation_space = problem.observation_space()
        self.action_space = spaces.Discrete(3)
        self._years_held, self._moves = problem.held, problem.moves
        self._pays = problem.terms.fixed_fee > 0.0
        self._positions: list[int] = []  # of every day so far; kept only to be drawn
        if not problem.drawn:
            self._tabulate(problem.shared)

    @property
    def history(self) -> str | None:
        """The days that all episodes are cut from, in words; None: each has prices of its own."""
        return self.problem.history

    @property
    def history_days(self) -> frozenset[tuple[Any, ...]]:
        """Each day and its prices that episodes are cut from."""
        return self.problem.history_days

    @property
    def evaluation_options(self) -> dict[str, Any]:
        """What was trained on the train split is tested on the test split."""
        return {"split": "test"} if self.problem.split == "train" else {}

    @property
    def monitoring_options(self) -> dict[str, Any]:
        """While training goes on, the validation split is played, so that the test stays unseen."""
        return {"split": "validation"} if self.problem.split == "train" else {}

    def _tabulate(self, paths: Paths) -> None:
        """Tables as a single step reads them fastest: one row a day, plain numbers."""
        self._paths, self._outcomes = paths, paths.outcomes.tolist()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Draw a path, or a first day; the trader is flat."""
        super().reset(seed=seed)
        numbers = self.problem.random_rows([self.np_random], [0])
        paths, self._path, self._first = self.problem.from_random_rows(numbers)
        if self.problem.drawn:
            self._tabulate(paths)
        path, self._day = int(self._path[0]), int(self._first[0])
        self._rows, self._earned = paths.rows[path], self._outcomes[path]  # by day
        self._last_day = self._day + self.problem.days
        self._position, self._held, self._log_wealth = 0, 0, 0.0
        self._begun, self._ended = True, False
        self._positions = [0]
        self._show()
        return self._observe(), self.problem.pending.copy()

    def step(self, action: Any) -> Step:
        """Sell 0, wait 1 or buy 2 at the next open; the reward is the change of log wealth."""
        if self._ended:
            raise gym.error.ResetNeeded("call reset() before step()")
        if type(action) is not int and not _is_whole(action) or not 0 <= action <= 2:
            raise gym.error.InvalidAction(f"action must be {told(ACTION_NAMES)}, got {action!r}")
        before = self._position
        after, column = self._moves[before][action]
        reward = self._earned[self._day][column]
        if self._pays:
            reward = self._with_fees(before, after, reward)
        self._day += 1
        self._held = self._held + 1 if after == before else 1
        self._position = after
        if self._day == self._last_day:
            self._ended, self._position, self._held = True, 0, 0
            reward += self._closed(self._log_wealth + reward, after)  # nothing is kept
        self._log_wealth += reward
        if self.render_mode is not None:
            self._positions.append(after)
            self._show()
        info = self._outcome() if self._ended else self.problem.pending.copy()
        return self._observe(), reward, False, self._ended, info

    def _with_fees(self, before: int, after: int, gained: float) -> float:
        """The day's gain, with the fixed fees of its trades taken off."""
        sides = (np.array([self._log_wealth]), np.array([before]), np.array([after]))
        return float(self.problem.terms.with_fees(*sides, np.array([gained]))[0])

    def _closed(self, log_wealth: float, position: int) -> float:
        """Log wealth gained by leaving the position at the last close."""
        return float(self.problem.terms.closed(np.array([log_wealth]), np.array([position]))[0])

    def _outcome(self) -> dict[str, Any]:
        """How the episode went, beside what is known of it."""
        problem = self.problem
        held = float(problem.buy_and_hold(self._paths.prices, self._path, self._first)[0])
        info = {"log_wealth": self._log_wealth, "buy_and_hold": held}
        if problem.compute_optimal:
            optimal = problem.optimal(self._paths)
            info |= {} if optimal is None else {"optimal_return": float(optimal[0])}
            info["reference_return"] = held
        return info

    def action_masks(self) -> Bool[np.ndarray, "3"]:
        """True where an action changes something, and for waiting (as sb3-contrib asks for it).

        Selling what is not held (unless short positions are allowed, and none is held yet) and
        buying what is held are allowed; they are waiting. ``info`` has no mask, so that a learner
        need not heed this one.
        """
        self._check_begun("action_masks")
        return self.problem.useful(np.array(self._position))

    def _observe(self) -> Observation:
        observation = self._rows[self._day].copy()
        observation[-2] = self._position
        observation[-1] = self._years_held[self._held]
        return observation

    def hindsight(self) -> float:
        """Log wealth that knowing all prices of this episode beforehand would make: unreachable."""
        self._check_begun("hindsight")
        episode = self._earned[self._last_day - self.problem.days : self._last_day]
        return float(self.problem.terms.hindsight(np.array([episode]))[0][0])

    def _frame(self) -> UInt8[np.ndarray, "height width 3"]:
        from hringur.envs.trading.chart import frame  # matplotlib is paid for only when rendering

        path, first = int(self._path[0]), int(self._first[0])
        positions = np.array(self._positions, dtype=np.int8)
        return frame(self.problem, self._paths.prices, path, first, positions)


def _is_whole(action: Any) -> bool:
    """One whole number, also as NumPy has it."""
    return isinstance(action, np.integer | np.ndarray) and (
        action.shape == () and action.dtype.kind in "iu"
    )
