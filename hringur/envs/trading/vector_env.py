"""Many traders side by side, step for step the same as ``SyncVectorEnv`` of ``TradingEnv``.

A step is about two dozen NumPy calls without a loop. A reset loops once over the environments, as
each has a random generator of its own. Everything that a step returns is new.
"""

import numpy as np
from gymnasium.vector import AutoresetMode
from jaxtyping import Float32, UInt8

from hringur.envs.trading.markets import Beginnings, DrawnPaths, Market, SharedHistory
from hringur.envs.trading.problem import DAY_IN_YEARS, WAIT, YEAR, TradingProblem
from hringur.envs.vector import FixedLengthVectorEnv, Info
from hringur.types import State

Observation = Float32[np.ndarray, "B F"]


class TradingVectorEnv(FixedLengthVectorEnv):
    """B episodes at a time; observation, action and reward as in ``TradingEnv``."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 8}
    truncates = True
    allowed_actions = "0 (sell), 1 (wait) or 2 (buy)"

    def __init__(
        self,
        problem: TradingProblem,
        num_envs: int,
        render_mode: str | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    ) -> None:
        space = problem.observation_space()
        super().__init__(problem.days, space, 3, num_envs, render_mode, autoreset_mode)
        self.problem = problem
        drawing = render_mode is not None
        self._market: Market = (
            DrawnPaths(problem, num_envs, keep_prices=drawing)
            if problem.drawn
            else SharedHistory(problem, num_envs)
        )
        self._width = problem.width
        self._cell, self._position = (np.zeros(num_envs, dtype=np.int64) for _ in range(2))
        self._held = np.zeros(num_envs, dtype=np.float32)  # years
        # NumPy adds a whole array of ones faster than it makes an array of the number 1.
        self._one, self._day = np.ones(num_envs, dtype=np.int64), np.full(num_envs, DAY_IN_YEARS)
        self._log_wealth, self._buy_and_hold = np.zeros(num_envs), np.zeros(num_envs)
        self._optimal = np.full(num_envs, np.nan)
        # Position after each day of an episode; kept only to be drawn.
        self._drawn = np.zeros((problem.days + 1, num_envs), dtype=np.int8) if drawing else None

    @property
    def history(self) -> str | None:
        """As of the single environment."""
        return self.problem.history

    def _begin_episodes(self, rows: np.ndarray, options: Info) -> None:
        """Draw paths, or first days; the traders are flat."""
        self._take(rows, self._market.begin(rows, self._generators.of))
        self._position[rows] = self._held[rows] = 0
        self._log_wealth[rows] = 0.0
        if self._drawn is not None:
            self._drawn[0, rows] = 0

    def _advance(
        self, actions: np.ndarray, finished: np.ndarray | None, restart: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Sell, wait or buy; the reward is the change of log wealth."""
        before, one = self._position, self._one
        actions += before
        after = actions >> one  # sell: 0, wait: as before, buy: 1
        code = self._cell + self._cell
        code += before
        code += code
        code += after
        reward = self._market.outcomes.take(code)
        self._cell += one
        self._held *= after == before
        self._held += self._day
        self._position = after
        if restart is not None:
            reward[restart] = 0.0
        if finished is not None:
            reward[finished & (after == 1)] -= self.problem.sell_cost  # nothing is kept
        self._log_wealth += reward
        if self._drawn is not None:
            day = np.minimum(self._clock - self._began, self.problem.days)
            self._drawn[day, np.arange(self.num_envs)] = after
        if finished is not None:
            after[finished] = self._held[finished] = 0
        return reward, finished

    def _outcome(self, ended: np.ndarray) -> Info:
        """As the single environment tells it, for those that have ended."""
        told = {"log_wealth": self._log_wealth, "buy_and_hold": self._buy_and_hold}
        if self.problem.compute_optimal:
            if not np.isnan(self._optimal).any():
                told["optimal_return"] = self._optimal
            told["reference_return"] = self._buy_and_hold
        info: Info = {}
        for name, value in told.items():
            info[name], info[f"_{name}"] = np.where(ended, value, 0.0), ended.copy()
        return info

    def _take(self, rows: np.ndarray, begun: Beginnings) -> None:
        self._cell[rows] = begun.cell
        self._buy_and_hold[rows] = begun.buy_and_hold
        if begun.optimal is not None:
            self._optimal[rows] = begun.optimal

    def _observe(self) -> Observation:
        observation = np.empty((self.num_envs, self._width), dtype=np.float32)
        # mode="clip": 1.2 times as fast, as with "raise" the rows would be copied twice
        self._market.rows.take(self._cell, axis=0, out=observation, mode="clip")
        observation[:, -2] = self._position
        observation[:, -1] = self._held
        if self.problem.days > YEAR:
            np.minimum(observation[:, -1], 1.0, out=observation[:, -1])
        return observation

    def _idle_actions(self) -> np.ndarray:
        return np.full(self.num_envs, WAIT)

    def state_dict(self) -> State:
        """All that is needed to go on bit for bit; docs/environments.md tells the convention."""
        self._check_begun("state_dict")
        state: State = {
            "generators": self._generators.state_dict(),
            "market": self._market.state_dict(),
            "days": self._clock - self._began,
            "position": self._position.copy(),
            "held": self._held.copy(),
            "log_wealth": self._log_wealth.copy(),
            "ended": self._ended.copy(),
        }
        return state if self._drawn is None else state | {"drawn": self._drawn.copy()}

    def load_state_dict(self, state: State) -> None:
        """Go on from what ``state_dict`` of an environment with the same options gave.

        Raises:
            UserError: it was of another number of environments, or of other options.
        """
        self._check_state(len(state["days"]))
        self._generators.load_state_dict(state["generators"])
        self._take(np.arange(self.num_envs), self._market.restore(state["market"]))
        days = state["days"]
        self._set_clock(int(days.max()), int(days.max()) - days)
        self._cell += state["days"]
        self._position, self._held = state["position"].copy(), state["held"].copy()
        self._log_wealth, self._begun = state["log_wealth"].copy(), True
        self._set_ended(state["ended"].copy())
        if self._drawn is not None and "drawn" in state:
            self._drawn[:] = state["drawn"]

    def _frame(self, row: int) -> UInt8[np.ndarray, "height width 3"]:
        from hringur.envs.trading.chart import frame  # matplotlib is paid for only when rendering

        assert self._drawn is not None
        prices, path, first = self._market.shown(row)
        so_far = self._drawn[: self._clock - int(self._began[row]) + 1, row]
        return frame(self.problem, prices, path, first, so_far)
