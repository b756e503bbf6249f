"""Trading one asset as a Gymnasium environment: buy, wait or sell, day by day, honestly.

========== ===================================================================================
part       what
========== ===================================================================================
observe    one vector, float32, of numbers known at the close of day t: the last W log returns
           over their volatility, oldest first; how far the price is from its trailing mean; the
           process's own state, where there is one; the position, 0 flat or 1 long; how long
           it has been held [years]
action     Sell 0, Wait 1, Buy 2: decided on the close of day t, filled at the open of t + 1,
           all in or all out, in fractional shares
reward     change of log wealth from the close of t to that of t + 1, costs taken off
terminated never
truncated  after ``episode_days`` decisions (252); a position is then sold at the last close,
           which the last reward pays for, so the rewards add up to log(final / initial wealth)
start      flat; on a path drawn anew, or on a random day of the prices that are there
info       empty but at the end: ``log_wealth``, ``buy_and_hold``, and with ``compute_optimal``
           ``optimal_return`` (where it is known) and ``reference_return``
========== ===================================================================================

docs/stock_trading.md tells the options and the formulas.
"""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from jaxtyping import Float32, Float64, UInt8

from hringur.data.trading.prices import Prices
from hringur.envs.trading.problem import Paths, TradingProblem
from hringur.references.trading.optimum import hindsight_optimum
from hringur.types import UserError

RENDER_MODES = ["human", "rgb_array"]
Observation = Float32[np.ndarray, " F"]
Step = tuple[Observation, float, bool, bool, dict[str, Any]]


class TradingEnv(gym.Env):
    """One episode at a time; see the module's table."""

    metadata = {"render_modes": RENDER_MODES, "render_fps": 8}

    def __init__(self, problem: TradingProblem, render_mode: str | None = None) -> None:
        if render_mode not in (None, *RENDER_MODES):
            raise UserError(
                f"render_mode must be None or one of {', '.join(RENDER_MODES)}, got {render_mode!r}"
            )
        self.problem, self.render_mode = problem, render_mode
        self.observation_space = problem.observation_space()
        self.action_space = spaces.Discrete(3)
        self._held_seen = problem.held
        self._paths: Paths | None = None
        self._ended = True
        self._positions: list[int] = []  # of every day so far; kept only to be drawn
        self._window: Any = None
        if not problem.drawn:
            self._lay_out(problem.there)
        if render_mode == "human":
            from hringur.envs.window import Window

            self._window = Window()  # refuses here, not at the first frame, if pygame is missing

    @property
    def history(self) -> str | None:
        """The days that all episodes are cut from, in words; None: each has prices of its own."""
        return self.problem.history

    @property
    def evaluation_options(self) -> dict[str, Any]:
        """What was trained on the train split is tested on the test split."""
        return {"split": "test"} if self.problem.split == "train" else {}

    @property
    def monitoring_options(self) -> dict[str, Any]:
        """While training goes on, the validation split is played, so that the test stays unseen."""
        return {"split": "validation"} if self.problem.split == "train" else {}

    def _lay_out(self, paths: Paths) -> None:
        """Tables as a single step reads them fastest: one row a day, plain numbers."""
        self._paths = paths
        self._rows = paths.rows.reshape(-1, self.problem.width)
        self._earned = paths.by_cell().reshape(-1, 4).tolist()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Draw a path, or a first day; the trader is flat."""
        super().reset(seed=seed)
        problem, zero = self.problem, np.zeros(1, dtype=np.int64)
        if problem.drawn:
            numbers = self.np_random.standard_normal(problem.row_size)[None]
            self._lay_out(problem.drawn_from_random_rows(numbers))
            path, first = zero, zero
        else:
            path, first = problem.start_from_random_number(self.np_random.random(1))
        assert self._paths is not None
        self._path, self._first = path, first
        self._row = int(path[0]) * self._paths.rows.shape[1] + int(first[0])
        self._last_row = self._row + problem.days
        self._position, self._held, self._log_wealth, self._ended = 0, 0, 0.0, False
        self._positions = [0]
        self._show()
        return self._observe(), {}

    def step(self, action: Any) -> Step:
        """Sell 0, wait 1 or buy 2 at the next open; the reward is the change of log wealth."""
        if self._ended:
            raise gym.error.ResetNeeded("call reset() before step()")
        if type(action) is not int and not _is_whole(action) or not 0 <= action <= 2:
            raise gym.error.InvalidAction(
                f"action must be 0 (sell), 1 (wait) or 2 (buy), got {action!r}"
            )
        before = self._position
        after = (int(action) + before) >> 1  # sell: 0, wait: as before, buy: 1
        reward = self._earned[self._row][2 * before + after]
        self._row += 1
        self._held = self._held + 1 if after == before else 1
        self._position = after
        info: dict[str, Any] = {}
        if self._row == self._last_row:
            reward -= self._liquidate()
            self._log_wealth += reward
            info = self._outcome()
        else:
            self._log_wealth += reward
        if self.render_mode is not None:
            self._positions.append(after)
            self._show()
        return self._observe(), reward, False, self._ended, info

    def _liquidate(self) -> float:
        """The episode is over: sell what is held; what that costs."""
        self._ended = True
        cost = self.problem.sell_cost if self._position else 0.0
        self._position = self._held = 0
        return cost

    def _outcome(self) -> dict[str, Any]:
        """How the episode went, beside what is known of it."""
        problem = self.problem
        assert self._paths is not None
        held = float(problem.buy_and_hold(self._paths.prices, self._path, self._first)[0])
        info = {"log_wealth": self._log_wealth, "buy_and_hold": held}
        if problem.compute_optimal:
            optimal = problem.optimal(self._paths)
            info |= {} if optimal is None else {"optimal_return": float(optimal[0])}
            info["reference_return"] = held
        return info

    def _observe(self) -> Observation:
        observation = self._rows[self._row].copy()
        observation[-2] = self._position
        observation[-1] = self._held_seen[self._held]
        return observation

    def hindsight(self) -> float:
        """Log wealth that knowing all prices of this episode beforehand would make: unreachable."""
        if self._paths is None or not self._positions:
            raise gym.error.ResetNeeded("call reset() before hindsight()")
        return float(hindsight_optimum(self._episode_outcomes(), self.problem.sell_cost)[0][0])

    def _episode_outcomes(self) -> Float64[np.ndarray, "1 days 4"]:
        first = self._last_row - self.problem.days
        return np.array(self._earned[first : self._last_row])[None]

    def render(self) -> UInt8[np.ndarray, "height width 3"] | None:
        """Prices, trades, wealth so far, as pixels (``rgb_array``) or in a window (``human``)."""
        if self.render_mode is None:
            gym.logger.warn("render() needs a render_mode: gymnasium.make(..., render_mode=...)")
            return None
        if not self._positions:
            raise gym.error.ResetNeeded("call reset() before render()")
        if self.render_mode == "human":
            self._show()
            return None
        return self._frame()

    def _frame(self) -> UInt8[np.ndarray, "height width 3"]:
        from hringur.envs.trading.chart import frame  # matplotlib is paid for only when rendering

        assert self._paths is not None
        prices: Prices = self._paths.prices
        path, first = int(self._path[0]), int(self._first[0])
        return frame(self.problem, prices, path, first, np.array(self._positions, dtype=np.int8))

    def _show(self) -> None:
        if self._window is not None:
            self._window.show(self._frame(), self.metadata["render_fps"])

    def close(self) -> None:
        """Close the window, if there is one; closing twice is fine."""
        if self._window is not None:
            self._window.close()

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the window, which cannot be pickled: a copy plays on without one."""
        return self.__dict__ | {"_window": None}


def _is_whole(action: Any) -> bool:
    """One whole number, also as NumPy has it."""
    return isinstance(action, np.integer | np.ndarray) and (
        action.shape == () and action.dtype.kind in "iu"
    )
