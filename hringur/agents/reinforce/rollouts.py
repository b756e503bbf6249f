"""Steps of many environments side by side: what a policy-gradient method learns from.

The arrays are allocated once and filled row by row; one forward pass and one call of the
environment make a row, whatever the number of environments. Two ways to cut the stream:

* segments (the usual): T steps of every environment, whoever ends starts again;
* whole episodes: everybody starts afresh from a known seed, and one episode of each counts.

A vector environment starts the next episode in one of two ways. With NEXT_STEP the observation
after an end is the last of the old episode, and the step after it is none: it only brings the new
one, and is marked as not ``valid``. With SAME_STEP it is already the new one, and the last one of
an episode that was cut off, whose value is asked for, is kept apart.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hringur.agents.reinforce.action_distributions import ActionDistribution
from hringur.agents.reinforce.environments import allowed, autoreset
from hringur.agents.reinforce.networks import ActorCritic
from hringur.agents.reinforce.observations import Part, Parts, tensors
from hringur.agents.reinforce.vector_state import episodes_of, restore_episodes
from hringur.types import State

CPU = torch.device("cpu")
RECENT = 100  # episodes over which returns are averaged, as in Stable-Baselines3


@dataclass(frozen=True, eq=False)
class Rollout:
    """T steps of B environments; the tensors are overwritten when the next one is collected."""

    observation: Parts
    """before each step, and after the last: [T + 1, B, ...] of each part"""

    decision: Int[Tensor, "T B *shape"]
    reward: Float[Tensor, "T B"]
    discounted: Float[Tensor, "T B"]
    """sum of the rewards of the episode up to here, earlier ones discounted"""

    terminated: Bool[Tensor, "T B"]
    truncated: Bool[Tensor, "T B"]
    valid: Bool[Tensor, "T B"]
    """False where an environment only started again, or where its one episode is over"""

    mask: Bool[Tensor, "T B M"] | None
    """allowed actions, if the environment tells them"""

    cut: tuple[Int[Tensor, " C"], Int[Tensor, " C"]]
    """time and environment of the truncated steps whose true successor is in ``cut_observation``"""

    cut_observation: Parts | None
    samples: int
    """steps that are valid"""

    logits: Float[Tensor, "T B A"] | None = None
    """of the policy that decided, if outputs are kept"""

    value: Float[Tensor, "T1 B"] | None = None
    """of the observations as that policy's critic sees them, if outputs are kept"""

    seed: int | None = None
    """from which every environment was started, if whole episodes are collected"""

    ep_rew_mean: float = float("nan")
    """return of an episode, mean of the last 100; not a number before the first ends"""

    ep_len_mean: float = float("nan")

    def __len__(self) -> int:
        return self.samples

    def to(self, device: torch.device) -> "Rollout":
        """On another device."""
        if device == CPU:
            return self
        moved: dict[str, Any] = {
            name: value.to(device) for name, value in vars(self).items() if torch.is_tensor(value)
        }
        # From pinned memory and without waiting; whatever an update reads back, waits for it.
        moved["observation"] = {
            name: x.to(device, non_blocking=True) for name, x in self.observation.items()
        }
        if self.cut_observation is not None:
            moved["cut_observation"] = {n: x.to(device) for n, x in self.cut_observation.items()}
        return replace(self, **moved)


@dataclass
class Standing:
    """Where each of the B environments stands between two rollouts."""

    restarting: np.ndarray
    """ended in the last step; with NEXT_STEP the next one only starts it again"""

    discounted: np.ndarray
    returns: np.ndarray
    lengths: np.ndarray
    recent: list[list[float]]
    """return and length of the last episodes that ended"""


Outputs = Literal["forgotten", "kept", "kept with graph"]
"""Of the network while it acts. With their graph, learning needs no forward pass of its own."""


class Rollouts:
    """Endless rollouts of the present policy, resumable as far as the environments are."""

    def __init__(
        self,
        env: gym.vector.VectorEnv,
        name: str,
        parts: tuple[Part, ...],
        actions: ActionDistribution,
        network: ActorCritic,
        *,
        n_steps: int,
        gamma: float,
        whole_episodes: bool,
        seed: list[int],
        outputs: Outputs = "forgotten",
    ) -> None:
        self.env, self.name, self.parts = env, name, parts
        self.actions, self.network, self.gamma = actions, network, gamma
        self.whole_episodes, self.seed = whole_episodes, seed
        self.outputs = outputs
        self.next_step = autoreset(env, name) is AutoresetMode.NEXT_STEP
        self.n_steps, self.n_envs = n_steps, env.num_envs
        self.collected = self.steps = 0
        self.generator = torch.Generator().manual_seed(self._seed_now())
        self.device = next(network.parameters()).device
        self.standing: Standing | None = None
        self._mask: np.ndarray | None = None
        self._logits: list[Tensor] = []
        self._value: list[Tensor] = []
        self._allocate()

    def __iter__(self) -> Iterator[Rollout]:
        return self

    def __next__(self) -> Rollout:
        """Let the present policy act, and check what comes back.

        Raises:
            FloatingPointError: a reward or an observation is not finite.
        """
        seed = self._seed_now()
        self.collected += 1
        standing = self.standing
        if standing is None or self.whole_episodes:
            standing = self._start(seed, standing.recent if standing else [])
        else:
            for buffer in self._observation.values():
                buffer[0] = buffer[self.n_steps]
            if self._mask is not None:
                self._mask[0] = self._mask[self.n_steps]
        self.standing = standing
        over = np.zeros(self.n_envs, dtype=bool) if self.whole_episodes else None
        cut: list[tuple[int, int, Any]] = []
        length = self.n_steps
        self._logits, self._value = [], []
        for t in range(self.n_steps):
            self._step(t, standing, cut, over)
            if over is not None and over.all():
                length = t + 1
                break
        rollout = self._rollout(length, cut, seed if self.whole_episodes else None)
        self._check(length)
        self.steps += length
        return rollout

    def _step(
        self,
        t: int,
        standing: Standing,
        cut: list[tuple[int, int, Any]],
        over: np.ndarray | None,
    ) -> None:
        """One decision of everybody, written down in row ``t``."""
        decision = self._decide(t)
        self._decision[t] = decision
        step = self.env.step(self.actions.actions(decision))
        observation, reward, terminated, truncated, info = step
        self._write(t + 1, observation, info)
        self._reward[t], self._terminated[t], self._truncated[t] = reward, terminated, truncated
        valid = self._valid[t]
        np.logical_not(standing.restarting, out=valid)
        if over is not None:
            valid &= ~over
        standing.discounted *= self.gamma
        standing.discounted += reward
        self._discounted[t] = standing.discounted
        standing.returns += reward
        standing.lengths += valid
        ended = self._terminated[t] | self._truncated[t]
        if ended.any():
            self._end(t, standing, ended & valid, cut, info)
            standing.discounted[ended] = standing.returns[ended] = 0.0
            standing.lengths[ended] = 0
        if self.next_step:
            standing.restarting = ended
        if over is not None:
            over |= ended

    def _decide(self, t: int) -> Int[Tensor, "B *shape"]:
        if self.outputs == "forgotten":
            with torch.inference_mode():
                logits = self.network.logits(self._seen(t))
        else:
            with torch.set_grad_enabled(self.outputs == "kept with graph"):
                laid_out = self.network.lay_out(self._seen(t))
                logits, value = self.network(laid_out, self.n_envs)
            self._logits.append(logits)
            self._value.append(value)
        with torch.inference_mode():
            mask = None if self._mask is None else torch.from_numpy(self._mask[t])
            return self.actions.sample(logits.to(CPU, torch.float32), mask, self.generator)

    def _seen(self, t: int) -> Parts:
        """Row ``t`` of what was observed, where the network is."""
        if self.device == CPU:
            return self._rows[t]
        return {n: row.to(self.device, non_blocking=True) for n, row in self._rows[t].items()}

    def _end(
        self,
        t: int,
        standing: Standing,
        ended: np.ndarray,
        cut: list[tuple[int, int, Any]],
        info: dict[str, Any],
    ) -> None:
        """Remember the returns of who has ended, and what those who were cut off saw last."""
        pairs = np.stack([standing.returns[ended], standing.lengths[ended]], axis=1).tolist()
        standing.recent = (standing.recent + pairs)[-RECENT:]
        if not self.next_step:
            for row in np.flatnonzero(self._truncated[t] & ~self._terminated[t] & ended).tolist():
                cut.append((t, row, info["final_obs"][row]))

    def _start(self, seed: int, recent: list[list[float]]) -> Standing:
        """Everybody begins a new episode."""
        observation, info = self.env.reset(seed=seed)
        self._mask = None
        self._write(0, observation, info)
        b = self.n_envs
        zeros = (np.zeros(b), np.zeros(b), np.zeros(b, dtype=np.int64))
        return Standing(np.zeros(b, dtype=bool), *zeros, recent)

    def _write(self, t: int, observation: Any, info: dict[str, Any]) -> None:
        """An observation, and who may do what now, into row ``t``."""
        for part in self.parts:
            self._observation[part.name][t] = part.of(observation)
        if "action_mask" in info:
            if self._mask is None:
                size = self.actions.mask_size
                self._mask = np.ones((self.n_steps + 1, self.n_envs, size), dtype=bool)
            self._mask[t] = allowed(info, self.n_envs)
        elif self._mask is not None:
            self._mask[t] = True

    def _rollout(self, length: int, cut: list[tuple[int, int, Any]], seed: int | None) -> Rollout:
        assert self.standing is not None
        recent = np.array(self.standing.recent or [[np.nan, np.nan]]).mean(axis=0)
        when = torch.tensor([t for t, _, _ in cut], dtype=torch.int64)
        who = torch.tensor([row for _, row, _ in cut], dtype=torch.int64)
        last = None
        if cut:
            each = [tensors(self.parts, observation, CPU) for _, _, observation in cut]
            last = {part.name: torch.cat([one[part.name] for one in each]) for part in self.parts}
        logits = value = None
        if self.outputs != "forgotten":
            with torch.no_grad():
                self._value.append(self.network.value(self._seen(length)))
            logits, value = torch.stack(self._logits), torch.stack(self._value)
        numpy = torch.from_numpy
        return Rollout(
            observation={n: numpy(x[: length + 1]) for n, x in self._observation.items()},
            decision=self._decision[:length],
            reward=numpy(self._reward[:length]),
            discounted=numpy(self._discounted[:length]),
            terminated=numpy(self._terminated[:length]),
            truncated=numpy(self._truncated[:length]),
            valid=numpy(self._valid[:length]),
            mask=None if self._mask is None else numpy(self._mask[:length]),
            cut=(when, who),
            cut_observation=last,
            logits=logits,
            value=value,
            samples=int(self._valid[:length].sum()),
            seed=seed,
            ep_rew_mean=float(recent[0]),
            ep_len_mean=float(recent[1]),
        )

    def _check(self, length: int) -> None:
        """Stop at the first number that is not finite: nothing has been learned from it yet."""
        named = {"the reward": (self._reward[:length], 1)}
        for part in self.parts:
            if part.kind == "numbers":
                rows = self._observation[part.name][: length + 1]
                named[f"the {part.name}"] = (rows, 0)
        found = []
        for what, (rows, after) in named.items():
            with np.errstate(all="ignore"):
                total = rows.sum()
            if not np.isfinite(total):  # one pass without a copy; then look closely
                for index in np.argwhere(~np.isfinite(rows))[:1].tolist():
                    found.append((index[0] + after, what, index, rows[tuple(index)]))
        if found:
            t, what, index, value = min(found, key=lambda one: one[0])
            where = f"[{', '.join(map(str, index[2:]))}]" if len(index) > 2 else ""
            raise FloatingPointError(
                f"{self.name}: {what}{where} of environment {index[1]} is {value}"
                f" after its step {self.steps + t}"
            )

    def _allocate(self) -> None:
        t, b = self.n_steps, self.n_envs
        self._observation: dict[str, np.ndarray] = {}
        for part in self.parts:
            size = (t + 1, b, *part.shape)
            rows = torch.zeros(size, dtype=part.dtype, pin_memory=self.device.type == "cuda")
            self._observation[part.name] = rows.numpy()
        self._rows = [
            {name: torch.from_numpy(rows[k]) for name, rows in self._observation.items()}
            for k in range(t + 1)
        ]
        self._decision = torch.zeros(t, b, *self.actions.shape, dtype=torch.int64)
        self._reward, self._discounted = (np.zeros((t, b), dtype=np.float32) for _ in range(2))
        self._terminated, self._truncated, self._valid = (
            np.zeros((t, b), dtype=bool) for _ in range(3)
        )

    def _seed_now(self) -> int:
        """Follows from the run's seed and from how many rollouts there have been."""
        sequence = np.random.SeedSequence([*self.seed, self.collected])
        return int(sequence.generate_state(1)[0])

    def state_dict(self) -> State:
        """The random stream, the counters, and the episodes under way if they can be kept."""
        state: State = {
            "generator": self.generator.get_state(),
            "seed": list(self.seed),
            "collected": self.collected,
            "steps": self.steps,
            "standing": None,
        }
        if self.standing is not None:
            row = self.n_steps
            state["standing"] = dict(vars(self.standing))
            state["episodes"] = None if self.whole_episodes else episodes_of(self.env)
            state["observation"] = {n: x[row] for n, x in self._observation.items()}
            state["mask"] = None if self._mask is None else self._mask[row]
        return state

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``; with fresh episodes where the environment cannot tell its own."""
        self.generator.set_state(state["generator"])
        self.seed, self.collected, self.steps = state["seed"], state["collected"], state["steps"]
        self.standing = None
        if state["standing"] is None:
            return
        standing = Standing(**state["standing"])
        if self.whole_episodes:
            self.standing = standing
        elif state["episodes"] is not None and len(standing.returns) == self.n_envs:
            self.env.reset(seed=self._seed_now())
            restore_episodes(self.env, state["episodes"])
            for name, rows in self._observation.items():
                rows[self.n_steps] = state["observation"][name]
            if state["mask"] is not None:
                shape = (self.n_steps + 1, *state["mask"].shape)
                self._mask = np.broadcast_to(state["mask"], shape).copy()
            self.standing = standing
        else:
            gym.logger.warn(f"{self.name} cannot take up its episodes: fresh ones begin")
            self.standing = self._start(self._seed_now(), standing.recent)
            for rows in self._observation.values():
                rows[self.n_steps] = rows[0]
            if self._mask is not None:
                self._mask[self.n_steps] = self._mask[0]
