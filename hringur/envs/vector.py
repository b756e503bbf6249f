"""Many environments side by side: everything that does not depend on what is played.

A native vector environment does with arrays what Gymnasium's ``SyncVectorEnv`` does with a loop
over single environments, and returns the very same. Each environment has a random generator of
its own, seeded as Gymnasium's loop does it. A subclass states its physics: see the methods that
``NativeVectorEnv`` leaves open.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from jaxtyping import Bool, Float64, Int, Int64, UInt8

from hringur.types import State, UserError

Info = dict[str, Any]
Seeds = int | Sequence[int | None] | None
VectorStep = tuple[
    Any,
    Float64[np.ndarray, " B"],
    Bool[np.ndarray, " B"],
    Bool[np.ndarray, " B"],
    Info,
]

ONE = np.array(1)
"""NumPy adds it to 64 numbers in half the time of a Python number. Such arrays, and one look at the
largest action, together make a step of 64 traders 1.2 times as fast."""


class NativeVectorEnv(VectorEnv, ABC):
    """B environments at a time: spaces, seeds, reset, and checks of arguments."""

    allowed_actions: str
    """what an action may be, for messages: "places in 0..19" """

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Discrete | spaces.MultiDiscrete,
        num_envs: int,
        render_mode: str | None,
        autoreset_mode: AutoresetMode | str,
    ) -> None:
        """The spaces are those of one environment."""
        if num_envs < 1:
            raise UserError(f"num_envs must be at least 1, got {num_envs}")
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise UserError(
                f"render_mode of many environments must be None or rgb_array, got {render_mode!r}"
            )
        self.num_envs, self.render_mode = num_envs, render_mode
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = type(self).metadata | {"autoreset_mode": self.autoreset_mode}
        self.single_observation_space = observation_space
        self.single_action_space = action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        one_number = isinstance(action_space, spaces.Discrete)
        choices = action_space.n if one_number else action_space.nvec  # type: ignore[union-attr]
        self._choices = np.asarray(choices, dtype=np.uint64)
        self._fewest_choices = int(self._choices.min())
        self._generators = Generators(num_envs)
        self._begun = False
        self._set_ended(np.zeros(num_envs, dtype=bool))

    @abstractmethod
    def _begin(self, rows: Int64[np.ndarray, " R"], options: Info) -> None:
        """Begin new episodes in these environments; ``options`` are those of ``reset``."""

    @abstractmethod
    def _observe(self) -> Any:
        """Observations of all environments, which later steps leave as they are."""

    @abstractmethod
    def _idle_actions(self) -> Int64[np.ndarray, "B *parts"]:
        """Allowed actions, for the environments that start again whatever was chosen for them."""

    def _info(self, rows: Bool[np.ndarray, " B"] | None = None) -> Info:
        """Info that every step has, about these environments; None: about all."""
        return {}

    def reset(self, *, seed: Seeds = None, options: Info | None = None) -> tuple[Any, Info]:
        """Begin new episodes.

        Environment i is seeded with ``seed + i``, or with ``seed[i]``. With
        ``options["reset_mask"]`` only those environments start again.
        """
        options = options or {}
        chosen = self._chosen(options.get("reset_mask"))
        self._generators.seed(seed, chosen)
        self._begin(np.flatnonzero(chosen), options)
        self._begun = True
        self._set_ended(self._ended & ~chosen)
        return self._observe(), self._first_info(chosen)

    def _first_info(self, rows: Bool[np.ndarray, " B"]) -> Info:
        """Info about the episodes that a reset has begun."""
        return self._info(rows)

    def _chosen(self, reset_mask: Any) -> Bool[np.ndarray, " B"]:
        """The environments that a reset is for."""
        if reset_mask is None:
            return np.ones(self.num_envs, dtype=bool)
        mask = np.array(reset_mask)
        if mask.dtype != bool or mask.shape != (self.num_envs,) or not mask.any():
            raise UserError(
                f"reset_mask must be {self.num_envs} truth values, at least one of them True, "
                f"got {mask.dtype} {mask.shape}"
            )
        if not self._begun and not mask.all():
            raise gym.error.ResetNeeded("the first reset() must be of all environments")
        return mask

    def _checked(
        self, actions: Any, restart: Bool[np.ndarray, " B"] | None
    ) -> Int64[np.ndarray, "B *parts"]:
        """A copy of the actions, idle ones for the environments that start again."""
        self._check_begun("step")
        if restart is not None and self.autoreset_mode is AutoresetMode.DISABLED:
            raise gym.error.ResetNeeded(
                "episodes have ended: call reset(options={'reset_mask': ...}) for them"
            )
        action = np.array(actions)
        if action.dtype.kind not in "iu" or action.shape != self.action_space.shape:
            raise gym.error.InvalidAction(
                f"actions must be whole numbers {self.action_space.shape}, "
                f"got {action.dtype} {action.shape}"
            )
        action = action.astype(np.int64, copy=False)
        if restart is not None:
            action[restart] = self._idle_actions()[restart]
        unsigned = action.view(np.uint64)  # negative ones are huge
        if unsigned.item(unsigned.argmax()) < self._fewest_choices:
            return action
        outside = unsigned >= self._choices
        if outside.any():
            raise gym.error.InvalidAction(
                f"actions must be {self.allowed_actions}, got {action[outside][0]}"
            )
        return action

    def _set_ended(self, ended: Bool[np.ndarray, " B"]) -> None:
        """Which episodes ended in the last step and have not been reset since."""
        self._ended = ended
        self._restart = ended if ended.any() else None

    def _check_begun(self, what: str) -> None:
        if not self._begun:
            raise gym.error.ResetNeeded(f"call reset() before {what}()")

    def _check_state(self, num_envs: int) -> None:
        """Refuse a state of another number of environments."""
        if num_envs != self.num_envs:
            raise UserError(f"the state is of {num_envs} environments, these are {self.num_envs}")

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

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """What a method returns for each environment; as ``SyncVectorEnv.call``.

        A result without a row for each environment is that of all of them.
        """
        found = self._of_each(name)
        if not callable(found):
            return self.get_attr(name)
        result = found(*args, **kwargs)
        rows = isinstance(result, list | tuple | np.ndarray) and len(result) == self.num_envs
        return tuple(result) if rows else (result,) * self.num_envs

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """An attribute of each environment; only an array with a row for each has several values.

        ``observation_space`` and ``action_space`` are those of one environment.
        """
        found = self._of_each(name)
        if isinstance(found, np.ndarray) and found.shape[:1] == (self.num_envs,):
            return tuple(found)
        return (found,) * self.num_envs

    def set_attr(self, name: str, values: Any) -> None:
        """Set an attribute: one value, or a list or tuple with one for each environment.

        Raises:
            UserError: as many values as environments are needed, and equal ones where the
                attribute is one for all.
        """
        several = list(values) if isinstance(values, list | tuple) else [values] * self.num_envs
        if len(several) != self.num_envs:
            raise UserError(f"{name} needs {self.num_envs} values, got {len(several)}")
        found = getattr(self, name, None)
        if isinstance(found, np.ndarray) and found.shape[:1] == (self.num_envs,):
            setattr(self, name, np.array(several, dtype=found.dtype))
        elif any(one is not several[0] and one != several[0] for one in several):
            raise UserError(f"{name} is one for all environments, got different values")
        else:
            setattr(self, name, several[0])

    def _of_each(self, name: str) -> Any:
        single = {"observation_space", "action_space"}
        return getattr(self, f"single_{name}" if name in single else name)

    def _final(self, ended: Bool[np.ndarray, " B"], observation: Any, info: Info) -> Info:
        """The last observations and infos of the episodes that ended, set aside for SAME_STEP."""
        last = np.full(self.num_envs, None, dtype=object)
        for row in np.flatnonzero(ended).tolist():
            if isinstance(observation, dict):
                last[row] = {name: value[row].copy() for name, value in observation.items()}
            else:
                last[row] = observation[row].copy()
        final = {"final_obs": last, "_final_obs": ended.copy()}
        return final | {"final_info": info, "_final_info": ended.copy()}


class FixedLengthVectorEnv(NativeVectorEnv):
    """Episodes of at most ``length`` steps, computed with arrays and reset as the mode says."""

    truncates: ClassVar[bool]
    """episodes end by truncation, otherwise by termination"""

    def __init__(self, length: int, *arguments: Any) -> None:
        """``arguments`` are those of ``NativeVectorEnv``."""
        super().__init__(*arguments)
        self._length = length
        self._steps = np.zeros(self.num_envs, dtype=np.int64)  # of each episode so far
        # Steps until one ends: 1.3 times as fast, for 64 traders, as to look at each every time.
        self._left = 0
        self._going_on = _locked(self._told(self._pending(), np.ones(self.num_envs, dtype=bool)))

    @abstractmethod
    def _begin_episodes(self, rows: Int64[np.ndarray, " R"], options: Info) -> None:
        """Begin new episodes in these environments; ``options`` are those of ``reset``."""

    @abstractmethod
    def _advance(
        self,
        actions: Int64[np.ndarray, "B *parts"],
        finished: Bool[np.ndarray, " B"] | None,
        restart: Bool[np.ndarray, " B"] | None,
    ) -> tuple[Float64[np.ndarray, " B"], Bool[np.ndarray, " B"] | None]:
        """Rewards, and which episodes end.

        Args:
            actions: checked, and free to be overwritten.
            finished: episodes whose last step this is; None: none, and none begins.
            restart: environments that begin a new episode after this step, so that their reward
                is 0 and they do not end; None: none.
        """

    @abstractmethod
    def _pending(self) -> Info:
        """The figures of ``_outcome`` while an episode goes on: what stands for no value yet."""

    @abstractmethod
    def _outcome(self, ended: Bool[np.ndarray, " B"]) -> Info:
        """Figures of the episodes that have just ended, by name; other rows do not count."""

    @abstractmethod
    def _frame(self, row: int) -> UInt8[np.ndarray, "height width 3"]:
        """The picture of one environment."""

    def step(self, actions: Int[np.ndarray, "B *parts"] | Sequence[int]) -> VectorStep:
        """One step of every environment; those that have ended start again as the mode says."""
        restart = self._restart
        action = self._checked(actions, restart)
        self._steps += ONE
        self._left -= 1
        finished = None
        if restart is not None or self._left <= 0:
            finished = self._steps == self._length
            if restart is not None:
                finished &= ~restart
        reward, ended = self._advance(action, finished, restart)
        if ended is None:
            ended, info = np.zeros(self.num_envs, dtype=bool), self._going_on | self._info()
        else:
            info = self._settle(ended, restart) | self._info()
        never = np.zeros(self.num_envs, dtype=bool)
        terminated, truncated = (never, ended) if self.truncates else (ended, never)
        return self._observe(), reward, terminated, truncated, info

    def _settle(
        self, ended: Bool[np.ndarray, " B"], restart: Bool[np.ndarray, " B"] | None
    ) -> Info:
        """Begin the episodes that are due after a step; the info about those that ended."""
        some_ended, info = bool(ended.any()), self._going_on
        outcome = self._outcome(ended) if some_ended else {}
        if restart is not None:
            self._begin(np.flatnonzero(restart), {})
        if some_ended and self.autoreset_mode is AutoresetMode.SAME_STEP:
            final = self._told(outcome, ended) | self._info(ended)
            info = info | self._final(ended, self._observe(), final)
            self._begin(np.flatnonzero(ended), {})
            self._set_ended(np.zeros(self.num_envs, dtype=bool))
        else:
            for name, values in outcome.items():
                info = info | {name: np.where(_beside(ended, values), values, info[name])}
            self._set_ended(ended.copy())
        return info

    def _first_info(self, rows: Bool[np.ndarray, " B"]) -> Info:
        return self._told(self._pending(), rows) | self._info(rows)

    def _told(self, figures: Info, rows: Bool[np.ndarray, " B"]) -> Info:
        """Figures of the episodes in ``rows``, zero elsewhere, with the marks of who has them."""
        info: Info = {}
        for name, values in figures.items():
            values = np.broadcast_to(values, (self.num_envs, *np.shape(values)[1:]))
            info[name] = np.where(_beside(rows, values), values, np.zeros((), values.dtype))
            info[f"_{name}"] = rows.copy()
        return info

    def _begin(self, rows: Int64[np.ndarray, " R"], options: Info) -> None:
        self._begin_episodes(rows, options)
        self._steps[rows] = 0
        self._left = self._length - int(self._steps.max())

    def render(self) -> tuple[UInt8[np.ndarray, "height width 3"], ...] | None:
        """A picture of each environment."""
        if self.render_mode is None:
            gym.logger.warn("render() needs a render_mode: make_vec(..., render_mode='rgb_array')")
            return None
        self._check_begun("render")
        return tuple(self._frame(row) for row in range(self.num_envs))


def _beside(rows: Bool[np.ndarray, " B"], values: np.ndarray) -> Bool[np.ndarray, "B *ones"]:
    """``rows`` with as many axes as ``values``."""
    return rows.reshape(-1, *[1] * (values.ndim - 1))


def _locked(info: Info) -> Info:
    """Read-only arrays: every step without an end hands on the very same."""
    for values in info.values():
        values.flags.writeable = False
    return info


class Generators:
    """Environment i is seeded with ``seed + i``, or with ``seed[i]``; without a seed, by chance."""

    def __init__(self, num_envs: int) -> None:
        self.num_envs = num_envs
        self.of: list[np.random.Generator] = []
        """that of each environment; empty before the first seeding"""
        self.seeds: list[int] = []

    def seed(self, seed: Seeds, chosen: Bool[np.ndarray, " B"] | None = None) -> None:
        """Seed those chosen; None leaves a generator as it stands, or makes the first one."""
        if seed is None:
            if self.of:
                return
            seed = [None] * self.num_envs
        elif isinstance(seed, int | np.integer):
            seed = [int(seed) + index for index in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise UserError(f"seed must be one or {self.num_envs} numbers, got {len(seed)}")
        if not self.of:
            fresh = [seeding.np_random(one) for one in seed]
            self.of = [generator for generator, _ in fresh]
            self.seeds = [one for _, one in fresh]
            return
        rows = range(self.num_envs) if chosen is None else np.flatnonzero(chosen).tolist()
        begun: dict[int, Any] = {}
        for row in rows:
            if (one := seed[row]) is None:
                continue
            if one in begun:  # as of a group that begins alike: 40 times as fast as from the seed
                self.of[row].bit_generator.state, self.seeds[row] = begun[one], one
            else:
                self.of[row], self.seeds[row] = seeding.np_random(one)
                begun[one] = self.of[row].bit_generator.state

    def state_dict(self) -> State:
        """Where each generator stands, six numbers of 64 bits each."""
        self.seed(None)
        words = [state_words(generator.bit_generator.state) for generator in self.of]
        return {"words": np.array(words, dtype=np.uint64), "seeds": list(self.seeds)}

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
        self.seed(None)
        for generator, words in zip(self.of, state["words"].tolist(), strict=True):
            generator.bit_generator.state = _state(words)
        self.seeds = list(state["seeds"])


def state_words(state: Any) -> list[int]:
    """PCG64's state: two numbers of 128 bits, and half a word that is left over."""
    low = (1 << 64) - 1
    inner = state["state"]
    long = [word for name in ("state", "inc") for word in (inner[name] >> 64, inner[name] & low)]
    return [*long, state["has_uint32"], state["uinteger"]]


def _state(words: list[int]) -> dict[str, Any]:
    return {
        "bit_generator": "PCG64",
        "state": {"state": words[0] << 64 | words[1], "inc": words[2] << 64 | words[3]},
        "has_uint32": words[4],
        "uinteger": words[5],
    }
