"""Many traders side by side, step for step the same as ``SyncVectorEnv`` of ``TradingEnv``.

A step is about two dozen NumPy calls without a loop. A reset loops once over the environments, as
each has a random generator of its own. Everything that a step returns is new.
"""

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from jaxtyping import Bool, Float32, Float64, Int, UInt8

from hringur.envs.trading.markets import Beginnings, DrawnPaths, Market, SharedHistory
from hringur.envs.trading.problem import BUY, DAY_IN_YEARS, YEAR, TradingProblem
from hringur.envs.vector import Generators, Seeds, chosen_rows
from hringur.types import State, UserError

Info = dict[str, Any]
Observation = Float32[np.ndarray, "B F"]
VectorStep = tuple[
    Observation,
    Float64[np.ndarray, " B"],
    Bool[np.ndarray, " B"],
    Bool[np.ndarray, " B"],
    Info,
]


class TradingVectorEnv(VectorEnv):
    """B episodes at a time; observation, action and reward as in ``trading_env``."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 8}

    def __init__(
        self,
        problem: TradingProblem,
        num_envs: int,
        render_mode: str | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    ) -> None:
        if num_envs < 1:
            raise UserError(f"num_envs must be at least 1, got {num_envs}")
        if render_mode not in (None, "rgb_array"):
            raise UserError(
                f"render_mode of many environments must be None or rgb_array, got {render_mode!r}"
            )
        self.problem, self.num_envs, self.render_mode = problem, num_envs, render_mode
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = type(self).metadata | {"autoreset_mode": self.autoreset_mode}
        self.single_observation_space = problem.observation_space()
        self.single_action_space = gym.spaces.Discrete(3)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._generators = Generators(num_envs)
        drawing = render_mode is not None
        self._market: Market = (
            DrawnPaths(problem, num_envs, keep_prices=drawing)
            if problem.drawn
            else SharedHistory(problem, num_envs)
        )
        self._width = problem.width
        self._begun, self._ended, self._some_ended = False, np.zeros(num_envs, dtype=bool), False
        self._clock, self._began = 0, np.zeros(num_envs, dtype=np.int64)
        self._cell, self._position = (np.zeros(num_envs, dtype=np.int64) for _ in range(2))
        self._held = np.zeros(num_envs, dtype=np.float32)  # years
        # NumPy adds a whole array of ones faster than it makes an array of the number 1.
        self._one, self._day = np.ones(num_envs, dtype=np.int64), np.full(num_envs, DAY_IN_YEARS)
        self._log_wealth, self._buy_and_hold = np.zeros(num_envs), np.zeros(num_envs)
        self._optimal = np.full(num_envs, np.nan)
        # Position after each day of an episode; kept only to be drawn.
        self._drawn = np.zeros((problem.days + 1, num_envs), dtype=np.int8) if drawing else None

    @property
    def independent_episodes(self) -> bool:
        """As of the single environment."""
        return self.problem.drawn

    def reset(
        self, *, seed: Seeds = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, Info]:
        """Draw paths, or first days; everybody is flat.

        Environment i is seeded with ``seed + i``, or with ``seed[i]``. With
        ``options["reset_mask"]`` only those environments start again.
        """
        chosen = chosen_rows((options or {}).get("reset_mask"), self.num_envs, self._begun)
        self._generators.seed(seed, chosen)
        self._begun = True
        self._begin(np.flatnonzero(chosen))
        self._ended = self._ended & ~chosen
        self._some_ended = bool(self._ended.any())
        return self._observe(), {}

    def step(self, actions: Int[np.ndarray, " B"] | Sequence[int]) -> VectorStep:
        """Everybody sells, waits or buys; who has ended starts again as the mode says."""
        if not self._begun:
            raise gym.error.ResetNeeded("call reset() before step()")
        restart = self._ended if self._some_ended else None
        action, before, one = self._checked(actions, restart), self._position, self._one
        action += before
        after = action >> one  # sell: 0, wait: as before, buy: 1
        code = self._cell + self._cell
        code += before
        code += code
        code += after
        reward = self._market.outcomes.take(code)
        self._cell += one
        self._held *= after == before
        self._held += self._day
        self._position = after
        self._clock += 1
        info: Info = {}
        if restart is None and self._clock < self._first_end:
            self._log_wealth += reward
            ended = np.zeros(self.num_envs, dtype=bool)
            self._keep()
            observation = self._observe()
        else:
            ended, observation, info = self._settle(restart, reward)
        return observation, reward, np.zeros(self.num_envs, dtype=bool), ended, info

    def _settle(
        self, restart: np.ndarray | None, reward: np.ndarray
    ) -> tuple[np.ndarray, Observation, Info]:
        """A step in which somebody ends or starts again; ``reward`` is put right in place."""
        ended = self._clock - self._began == self.problem.days
        if restart is not None:
            reward[restart] = 0.0
            ended &= ~restart
        reward[ended & (self._position == 1)] -= self.problem.sell_cost  # nothing is kept
        self._log_wealth += reward
        self._keep()
        self._position[ended] = self._held[ended] = 0
        some_ended = bool(ended.any())
        info = self._outcome(ended) if some_ended else {}
        if restart is not None:
            self._begin(np.flatnonzero(restart))
        if some_ended and self.autoreset_mode is AutoresetMode.SAME_STEP:
            info = self._final(ended, info)
            self._begin(np.flatnonzero(ended))
            self._ended, self._some_ended = np.zeros(self.num_envs, dtype=bool), False
        else:
            self._ended, self._some_ended = ended.copy(), some_ended
        return ended, self._observe(), info

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

    def _final(self, ended: np.ndarray, outcome: Info) -> Info:
        """The last observations and infos, set aside for the mode SAME_STEP."""
        observation = self._observe()
        last = np.full(self.num_envs, None, dtype=object)
        for row in np.flatnonzero(ended).tolist():
            last[row] = observation[row].copy()
        final = {"final_obs": last, "_final_obs": ended.copy()}
        return final | {"final_info": outcome, "_final_info": ended.copy()}

    def _begin(self, rows: np.ndarray) -> None:
        """Those in ``rows`` start again, flat."""
        self._take(rows, self._market.begin(rows, self._generators.of))
        self._position[rows] = self._held[rows] = 0
        self._log_wealth[rows] = 0.0
        self._began[rows] = self._clock
        if self._drawn is not None:
            self._drawn[0, rows] = 0
        self._look_ahead()

    def _take(self, rows: np.ndarray, begun: Beginnings) -> None:
        self._cell[rows] = begun.cell
        self._buy_and_hold[rows] = begun.buy_and_hold
        if begun.optimal is not None:
            self._optimal[rows] = begun.optimal

    def _look_ahead(self) -> None:
        """When the next episode ends, and whether all are at the same day till then."""
        oldest = int(self._began.min())
        self._first_end = oldest + self.problem.days
        self._together = bool((self._began == oldest).all())

    def _keep(self) -> None:
        if self._drawn is not None:
            day = np.minimum(self._clock - self._began, self.problem.days)
            self._drawn[day, np.arange(self.num_envs)] = self._position

    def _observe(self) -> Observation:
        observation = np.empty((self.num_envs, self._width), dtype=np.float32)
        day = self._clock - int(self._began[0]) if self._together else None
        self._market.observe(self._cell, day, observation)
        observation[:, -2] = self._position
        observation[:, -1] = self._held
        if self.problem.days > YEAR:
            np.minimum(observation[:, -1], 1.0, out=observation[:, -1])
        return observation

    def _checked(self, actions: Any, restart: np.ndarray | None) -> np.ndarray:
        """A copy of the actions; of those that start again, any choice is ignored."""
        if restart is not None and self.autoreset_mode is AutoresetMode.DISABLED:
            raise gym.error.ResetNeeded(
                "episodes have ended: call reset(options={'reset_mask': ...}) for them"
            )
        action = np.array(actions)
        if action.dtype.kind not in "iu" or action.shape != (self.num_envs,):
            raise gym.error.InvalidAction(
                f"actions must be {self.num_envs} whole numbers, got {action.dtype} {action.shape}"
            )
        action = action.astype(np.int64, copy=False)
        if restart is not None:
            action[restart] = 1
        unsigned = action.view(np.uint64)  # so that negative ones are huge
        if unsigned[unsigned.argmax()] > BUY:  # twice as fast as max()
            raise gym.error.InvalidAction(
                f"actions must be 0 (sell), 1 (wait) or 2 (buy), got {action.min()}..{action.max()}"
            )
        return action

    def state_dict(self) -> State:
        """All that is needed to go on bit for bit; docs/environments.md tells the convention."""
        if not self._begun:
            raise gym.error.ResetNeeded("call reset() before state_dict()")
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
        if len(state["days"]) != self.num_envs:
            raise UserError(
                f"the state is of {len(state['days'])} environments, these are {self.num_envs}"
            )
        self._generators.load_state_dict(state["generators"])
        self._take(np.arange(self.num_envs), self._market.restore(state["market"]))
        days = state["days"]
        self._clock = int(days.max())
        self._began = self._clock - days
        self._cell += days
        self._position, self._held = state["position"].copy(), state["held"].copy()
        self._log_wealth, self._ended = state["log_wealth"].copy(), state["ended"].copy()
        self._begun, self._some_ended = True, bool(self._ended.any())
        if self._drawn is not None and "drawn" in state:
            self._drawn[:] = state["drawn"]
        self._look_ahead()

    @property  # type: ignore[misc]
    def np_random(self) -> tuple[np.random.Generator, ...]:  # type: ignore[override]
        """The random generator of each environment."""
        self._generators.seed(None)
        return tuple(self._generators.of)

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """The seed of each environment's random generator."""
        self._generators.seed(None)
        return tuple(self._generators.seeds)

    def render(self) -> tuple[UInt8[np.ndarray, "height width 3"], ...] | None:
        """One chart for each environment."""
        if self._drawn is None:
            gym.logger.warn("render() needs a render_mode: make_vec(..., render_mode='rgb_array')")
            return None
        from hringur.envs.trading.chart import frame  # matplotlib is paid for only when rendering

        frames = []
        for row in range(self.num_envs):
            prices, path, first = self._market.shown(row)
            so_far = self._drawn[: int(self._clock - self._began[row]) + 1, row]
            frames.append(frame(self.problem, prices, path, first, so_far))
        return tuple(frames)
