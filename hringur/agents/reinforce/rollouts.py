"""Steps of many environments side by side: what a policy-gradient method learns from.

One forward pass and one call of the environment make a row of a rollout, whatever the number of
environments. Two ways to cut the stream:

* segments (the usual): T steps of every environment; where an episode ends, the next begins;
* whole episodes: every environment starts from a known seed, and one episode of each counts.

A vector environment starts the next episode in one of two ways. With NEXT_STEP the observation
after an end is the last of the old episode, and the step after it is none: it only brings the new
one, and is marked as not ``valid``. With SAME_STEP it is already the new one, and the last one of
an episode that was truncated, whose value is asked for, is kept apart.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from jaxtyping import Float, Int
from torch import Tensor

from hringur.agents.reinforce.action_distributions import ActionDistribution
from hringur.agents.reinforce.buffer import CPU, Buffer, Rollout
from hringur.agents.reinforce.environments import autoreset, episodes_of, restore_episodes
from hringur.agents.reinforce.networks import ActorCritic
from hringur.agents.reinforce.observations import Leaf, tensors
from hringur.types import State, UserError

RECENT = 100  # episodes over which returns are averaged, as in Stable-Baselines3

Outputs = Literal["forgotten", "kept", "kept with graph"]
"""Outputs of the acting network. With their graph, learning needs no forward pass of its own."""

Cut = list[tuple[int, int, Any]]
"""Time, environment and last observation of each episode that was truncated."""


@dataclass
class EpisodeState:
    """The episodes of B environments between two rollouts."""

    restarting: np.ndarray
    """ended in the last step; with NEXT_STEP the next one only starts it again"""

    discounted: np.ndarray
    returns: np.ndarray
    lengths: np.ndarray
    recent: list[list[float]]
    """return and length of the last episodes that ended"""


class Rollouts:
    """Endless rollouts of the present policy, resumable as far as the environments are."""

    def __init__(
        self,
        env: gym.vector.VectorEnv,
        name: str,
        leaves: tuple[Leaf, ...],
        actions: ActionDistribution,
        network: ActorCritic,
        *,
        n_steps: int,
        gamma: float,
        whole_episodes: bool,
        seed: list[int],
        outputs: Outputs = "forgotten",
        group: int = 1,
    ) -> None:
        self.env, self.name, self.leaves = env, name, leaves
        self.actions, self.network, self.gamma = actions, network, gamma
        self.whole_episodes, self.seed, self.outputs = whole_episodes, seed, outputs
        self.group = group
        self.next_step = autoreset(env, name) is AutoresetMode.NEXT_STEP
        self.n_steps, self.n_envs = n_steps, env.num_envs
        self.collected = self.steps = 0
        self.generator = torch.Generator().manual_seed(self._seed_now())
        self.episodes: EpisodeState | None = None
        device = next(network.parameters()).device
        self.buffer = Buffer(leaves, actions, n_steps, env.num_envs, device)
        self._logits: list[Tensor] = []
        self._value: list[Tensor] = []

    def __iter__(self) -> Iterator[Rollout]:
        return self

    def __next__(self) -> Rollout:
        """Act with the present policy, and check that rewards and observations are finite.

        A rollout without any decision, as of one step between episodes of one step, is left out.
        """
        rollout = self._collect()
        while not rollout.valid.any():
            rollout = self._collect()
        return rollout

    def _collect(self) -> Rollout:
        seed: int | list[int] | None = None
        if self.episodes is None or self.whole_episodes:
            first = self._seed_now()
            seed = first
            if self.group > 1:
                seed = [first + index // self.group for index in range(self.n_envs)]
            self.episodes = self._start(seed, self.episodes.recent if self.episodes else [])
        else:
            self.buffer.copy_row(self.n_steps, 0)
        self.collected += 1
        over = np.zeros(self.n_envs, dtype=bool) if self.whole_episodes else None
        cut: Cut = []
        length = self.n_steps
        self._logits, self._value = [], []
        for t in range(self.n_steps):
            self._step(t, self.episodes, cut, over)
            if over is not None and over.all():
                length = t + 1
                break
        rollout = self._rollout(length, cut, seed if self.whole_episodes else None)
        self.buffer.check(length, self.name, self.steps)
        self.steps += length
        return rollout

    def _step(self, t: int, episodes: EpisodeState, cut: Cut, over: np.ndarray | None) -> None:
        """One decision in every environment, written into row ``t``."""
        buffer = self.buffer
        decision = self._decide(t)
        buffer.decision[t] = decision
        step = self.env.step(self.actions.actions(decision))
        observation, reward, terminated, truncated, info = step
        buffer.write(t + 1, observation, info)
        buffer.reward[t], buffer.terminated[t], buffer.truncated[t] = reward, terminated, truncated
        valid = buffer.valid[t]
        np.logical_not(episodes.restarting, out=valid)
        if over is not None:
            valid &= ~over
        episodes.discounted *= self.gamma
        episodes.discounted += reward
        buffer.discounted[t] = episodes.discounted
        episodes.returns += reward
        episodes.lengths += valid
        ended = buffer.terminated[t] | buffer.truncated[t]
        if ended.any():
            self._end(t, episodes, ended & valid, cut, info)
            episodes.discounted[ended] = episodes.returns[ended] = 0.0
            episodes.lengths[ended] = 0
        if self.next_step:
            episodes.restarting = ended
        if over is not None:
            over |= ended

    def _decide(self, t: int) -> Int[Tensor, "B *shape"]:
        observation = self.buffer.observed(t)
        group = self.group if t == 0 else 1  # all of a group begin with the same observation
        if group > 1:
            observation = {name: x[::group] for name, x in observation.items()}
        value = None
        if self.outputs == "forgotten":
            with torch.inference_mode():
                logits = self.network.logits(observation)
        else:
            with torch.set_grad_enabled(self.outputs == "kept with graph"):
                logits, value = self.network(observation, self.n_envs // group)
        if group > 1:
            logits = logits.repeat_interleave(group, dim=0)
            value = None if value is None else value.repeat_interleave(group, dim=0)
        if value is not None:
            self._logits.append(logits)
            self._value.append(value)
        with torch.inference_mode():
            mask = None if self.buffer.mask is None else torch.from_numpy(self.buffer.mask[t])
            return self.actions.sample(logits.to(CPU, torch.float32), mask, self.generator)

    def _end(
        self, t: int, episodes: EpisodeState, ended: np.ndarray, cut: Cut, info: dict[str, Any]
    ) -> None:
        """Remember the returns of episodes that ended, and the last observation of cut ones."""
        pairs = np.stack([episodes.returns[ended], episodes.lengths[ended]], axis=1).tolist()
        episodes.recent = (episodes.recent + pairs)[-RECENT:]
        if not self.next_step:
            truncated = self.buffer.truncated[t] & ~self.buffer.terminated[t] & ended
            for row in np.flatnonzero(truncated).tolist():
                cut.append((t, row, info["final_obs"][row]))

    def _start(self, seed: int | list[int], recent: list[list[float]]) -> EpisodeState:
        """A new episode in every environment."""
        try:
            observation, info = self.env.reset(seed=seed)  # type: ignore[arg-type]
        except (gym.error.Error, TypeError) as error:
            if self.group == 1:
                raise
            raise UserError(
                f"group: the vector of {self.name} takes one seed for all, not one for each;"
                " vectorization sync or async does"
            ) from error
        self.buffer.mask = None
        self.buffer.write(0, observation, info)
        for rows in self.buffer.observation.values():
            first = rows[0].reshape(-1, self.group, *rows.shape[2:])
            if self.group > 1 and (first != first[:, :1]).any():
                raise UserError(f"group: {self.name} does not begin alike from the same seed")
        b = self.n_envs
        zeros = (np.zeros(b), np.zeros(b), np.zeros(b, dtype=np.int64))
        return EpisodeState(np.zeros(b, dtype=bool), *zeros, recent)

    def _rollout(self, length: int, cut: Cut, seed: int | list[int] | None) -> Rollout:
        assert self.episodes is not None
        recent = np.array(self.episodes.recent or [[np.nan, np.nan]]).mean(axis=0)
        times = torch.tensor([t for t, _, _ in cut], dtype=torch.int64)
        rows = torch.tensor([row for _, row, _ in cut], dtype=torch.int64)
        last = None
        if cut:
            each = [tensors(self.leaves, observation, CPU) for _, _, observation in cut]
            last = {leaf.name: torch.cat([one[leaf.name] for one in each]) for leaf in self.leaves}
        logits = value = None
        if self.outputs != "forgotten":
            self._value.append(self._last_value(length))
            logits, value = torch.stack(self._logits), torch.stack(self._value)
        return Rollout(
            **self.buffer.steps(length),
            cut=(times, rows),
            cut_observation=last,
            logits=logits,
            value=value,
            seed=seed,
            ep_rew_mean=float(recent[0]),
            ep_len_mean=float(recent[1]),
        )

    def _last_value(self, length: int) -> Float[Tensor, " B"]:
        """Of the observations after the last step; 0 where nothing follows it anywhere."""
        if self.buffer.terminated[length - 1].all():
            return torch.zeros(self.n_envs, device=self.buffer.device)
        with torch.no_grad():
            return self.network.value(self.buffer.observed(length))

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
            "episode_state": None,
        }
        if self.episodes is not None:
            buffer, last = self.buffer, self.n_steps
            state["episode_state"] = dict(vars(self.episodes))
            state["episodes"] = None if self.whole_episodes else episodes_of(self.env)
            state["observation"] = {name: rows[last] for name, rows in buffer.observation.items()}
            state["mask"] = None if buffer.mask is None else buffer.mask[last]
        return state

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``; with fresh episodes where the environment cannot restore them."""
        self.generator.set_state(state["generator"])
        self.seed, self.collected, self.steps = state["seed"], state["collected"], state["steps"]
        self.episodes = None
        kept = state["episode_state" if "episode_state" in state else "standing"]  # its old name
        if kept is None:
            return
        episodes, buffer, last = EpisodeState(**kept), self.buffer, self.n_steps
        if self.whole_episodes:
            self.episodes = episodes
        elif state["episodes"] is not None and len(episodes.returns) == self.n_envs:
            self.env.reset(seed=self._seed_now())
            restore_episodes(self.env, state["episodes"])
            for name, rows in buffer.observation.items():
                rows[last] = state["observation"][name]
            if state["mask"] is not None:
                shape = (last + 1, *state["mask"].shape)
                buffer.mask = np.broadcast_to(state["mask"], shape).copy()
            self.episodes = episodes
        else:
            gym.logger.warn(f"{self.name} cannot restore its episodes: fresh ones begin")
            self.episodes = self._start(self._seed_now(), episodes.recent)
            buffer.copy_row(0, last)
