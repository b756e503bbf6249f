"""Policies of any environment, measured on whole episodes beside the best that is known.

Episode ``i`` is played in environment ``i`` of a vector, from ``seed + i``: every policy that is
measured with the same seed meets the same first states and, as far as the environment's chance
does not depend on the actions, the same chance.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache, cached_property
from pkgutil import resolve_name
from typing import Any, ClassVar, Protocol, runtime_checkable

import gymnasium as gym
import numpy as np
from jaxtyping import Bool, Float, Float64, Int64, UInt64

from hringur.evaluators.environments import gym_spec, make_single, make_vector, said, takes
from hringur.references.known_returns import best_return
from hringur.registry import Domain, domain_of
from hringur.types import Decide, Metrics, OnDecision, UserError

EPISODES = 100
EPISODES_OF_IMAGES = 25  # where each step is dear
MEASURED_STEPS = 4_500
"""Decisions after which an episode with images stops while training: five minutes of Atari."""

HELD_OUT_SEED = 2**40
"""Episodes from here on are for evaluation: further than any training seed reaches."""


@dataclass(frozen=True, eq=False)
class EpisodeReturns:
    """One row for each of E episodes."""

    returns: Float64[np.ndarray, " E"]
    """sum of the rewards"""

    lengths: Int64[np.ndarray, " E"]
    """decisions"""

    optimal: Float64[np.ndarray, " E"] | None = None
    """what the best policy returns, on the same episode or on average; None: not known"""

    reference: Float64[np.ndarray, " E"] | None = None
    """what a policy without any skill returns, if the environment knows one"""

    figures: Mapping[str, Float64[np.ndarray, " E"]] = field(default_factory=dict)
    """more of each episode, by tag: what the domain's recorder makes of its steps"""

    distinct: int | None = None
    """episodes that differ in what was first seen, done or rewarded; None: not counted"""

    history: str | None = None
    """what all episodes are cut from, in words; None: each is drawn independently"""

    reference_name: str = "reference"
    """what the environment calls the policy without skill"""

    @property
    def gap(self) -> float | None:
        """How far the mean is from the best one, as a fraction; None where that is not known."""
        return None if self.optimal is None else float(gap_of(self, np.arange(len(self.returns))))


@runtime_checkable
class Recorder(Protocol):
    """Called after every step of episodes that are played side by side."""

    def __call__(
        self,
        observation: Any,
        actions: np.ndarray,
        rewards: Float[np.ndarray, " E"],
        info: Mapping[str, Any],
        playing: Bool[np.ndarray, " E"],
    ) -> None:
        """``actions`` answer ``observation``; ``playing`` marks episodes not ended before."""
        ...

    def figures(self) -> Mapping[str, Float64[np.ndarray, " E"]]:
        """Figures of each episode, by tag."""
        ...


def gap_of(
    played: EpisodeReturns, rows: Int64[np.ndarray, "*axes E"]
) -> Float64[np.ndarray, "*axes"] | np.floating:
    """(J* - J) / |J* - max(J_reference, 0)| over the episodes in ``rows``, along the last axis.

    0 is the best policy, 1 one that is no better than the reference, or than getting nothing.
    """
    assert played.optimal is not None
    best = played.optimal[rows].mean(axis=-1)
    nothing = 0.0
    if played.reference is not None:
        nothing = np.maximum(played.reference[rows].mean(axis=-1), 0.0)
    return (best - played.returns[rows].mean(axis=-1)) / np.abs(best - nothing)


def play_episodes(
    env_id: str,
    env_options: Mapping[str, Any],
    decide: Decide,
    episodes: int = 100,
    seed: int = HELD_OUT_SEED,
    most_steps: int | None = None,
    on_decision: OnDecision | None = None,
    recorder: Recorder | None = None,
) -> EpisodeReturns:
    """Let ``decide`` play ``episodes`` episodes side by side, each from its own seed.

    After ``most_steps`` decisions, if given, the episodes that have not ended are stopped, and
    their rewards up to there count.
    """
    options = dict(env_options)
    if takes(gym_spec(env_id).entry_point, "compute_optimal"):
        options["compute_optimal"] = True
    env = make_vector(env_id, episodes, **options)
    try:
        observation, info = env.reset(seed=seed)
        returns, lengths = np.zeros(episodes), np.zeros(episodes, dtype=np.int64)
        known = {name: np.full(episodes, np.nan) for name in ("optimal_return", "reference_return")}
        playing, trails = np.ones(episodes, dtype=bool), _Trails(episodes)
        while playing.any() and (most_steps is None or lengths.max() < most_steps):
            mask = info.get("action_mask")
            if mask is not None:  # whatever is chosen where an episode has ended does not count
                mask = np.where(playing.reshape(-1, *[1] * (mask.ndim - 1)), mask, 1)
            seen, actions = observation, decide(observation, mask)
            observation, reward, terminated, truncated, info = env.step(actions)
            trails.add(playing, seen, actions, reward)
            if recorder is not None:
                recorder(seen, actions, reward, info, playing)
            returns[playing] += reward[playing]
            lengths[playing] += 1
            ended = playing & (terminated | truncated)
            for name, column in known.items():
                if name in info:
                    column[ended] = np.asarray(info[name], dtype=float)[ended]
            playing &= ~ended
            if on_decision is not None:
                on_decision(episodes - int(playing.sum()), int(lengths.max()))
        history = getattr(env.unwrapped, "history", None)
        name = said(env, "reference_name", "reference")
    finally:
        env.close()
    optimal, reference = (None if np.isnan(c).any() else c for c in known.values())
    if optimal is None:
        with closing(make_single(env_id, **env_options)) as single:
            best = best_return(single)
        optimal = None if best is None else np.full(episodes, best)
    figures = {} if recorder is None else recorder.figures()
    told = (figures, trails.distinct, history, name)
    return EpisodeReturns(returns, lengths, optimal, reference, *told)


ODD, HALF = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)


class _Trails:
    """A checksum of all that was seen, done and rewarded in each episode, to count them."""

    def __init__(self, episodes: int) -> None:
        self._sums = np.zeros(episodes, dtype=np.uint64)

    def add(
        self,
        playing: Bool[np.ndarray, " E"],
        observation: Any,
        actions: Any,
        rewards: Float[np.ndarray, " E"],
    ) -> None:
        """A step of those that are ``playing``."""
        mixed = self._sums.copy()
        for part in (*_parts(observation), *_parts(actions), rewards):
            mixed ^= _checksums(part, len(playing))
            mixed *= ODD
            mixed ^= mixed >> HALF  # the upper bits, in which floats differ, move the lower
        np.copyto(self._sums, mixed, where=playing)

    @property
    def distinct(self) -> int:
        """How many differ."""
        return len(np.unique(self._sums))


def _checksums(part: Any, rows: int) -> UInt64[np.ndarray, " E"]:
    """One for each row: its bits, eight bytes at a time, each times an odd number of its own."""
    array = np.asarray(part)
    if array.dtype.hasobject or array.dtype.kind in "US" or array.size % rows or not array.size:
        return np.zeros(rows, dtype=np.uint64)
    content = np.ascontiguousarray(array).reshape(rows, -1).view(np.uint8)
    words = np.pad(content, ((0, 0), (0, -content.shape[1] % 8))).view(np.uint64)
    return (words * _weights(words.shape[1])).sum(axis=1, dtype=np.uint64)


@cache
def _weights(count: int) -> UInt64[np.ndarray, " K"]:
    return np.random.default_rng(0).integers(2**63, size=count, dtype=np.uint64) * 2 + 1


def _parts(batch: Any) -> list[Any]:
    """The arrays of a batch of observations or actions."""
    if isinstance(batch, Mapping):
        return _parts(tuple(batch.values()))
    return (
        [leaf for part in batch for leaf in _parts(part)] if isinstance(batch, tuple) else [batch]
    )


@dataclass(frozen=True)
class EpisodeEvaluator:
    """Episodes from reserved seeds, beside the best mean return where that is known.

    Options that make learning easier, such as clipped rewards, are turned off: the environment
    names them in ``evaluation_options``, and in ``monitoring_options`` those of measurements while
    training goes on, where they differ.
    """

    env_id: str
    env_options: dict[str, Any]
    episodes: int | None = None
    """100 when not given, 25 where images are observed"""

    chosen: frozenset[str] = frozenset()
    """options that were chosen for the evaluation: the environment does not change them"""

    samples: ClassVar[str] = "environment steps"
    """what a learner counts"""

    headline: ClassVar[str] = "evaluation/return_mean"
    """the mean return, which every environment has"""

    def play(self, learner: Any) -> EpisodeReturns:
        """Every episode, played by a trained learner, one row each."""
        return self.play_policy(decider(learner))

    def play_policy(
        self,
        decide: Decide,
        on_decision: OnDecision | None = None,
        recorder: Recorder | None = None,
    ) -> EpisodeReturns:
        """Every episode, played by any policy, one row each; the domain's ``recorder`` if None."""
        if recorder is None and self._domain.recorder is not None:
            recorder = resolve_name(self._domain.recorder)(self._env.unwrapped)
        options = self.env_options | self.overruled
        return play_episodes(
            self.env_id, options, decide, self.count, on_decision=on_decision, recorder=recorder
        )

    def measure(self, decide: Decide) -> Metrics:
        """Mean return and length and, where the optimum is known, the gap to it.

        For use while training goes on: where images are observed, a policy that keeps a game alive
        for ever is stopped after some thousand decisions.
        """
        changed = getattr(self._env.unwrapped, "monitoring_options", self.overruled)
        options = self.env_options | changed
        played = play_episodes(
            self.env_id, options, decide, self.count, most_steps=self.measured_steps
        )
        metrics = {
            "evaluation/return_mean": float(played.returns.mean()),
            "evaluation/length_mean": float(played.lengths.mean()),
        }
        gap = played.gap
        return metrics if gap is None else metrics | {"evaluation/gap_percent": 100 * gap}

    @property
    def count(self) -> int:
        """Episodes of a measurement."""
        return self.episodes or (EPISODES_OF_IMAGES if self._sees_images else EPISODES)

    @property
    def measured_steps(self) -> int | None:
        """Decisions after which an episode is stopped while training goes on; None: not at all."""
        return MEASURED_STEPS if self._sees_images else None

    @cached_property
    def overruled(self) -> dict[str, Any]:
        """Options of the environment that an evaluation sets, in place of those of training."""
        options = getattr(self._env.unwrapped, "evaluation_options", {})
        return {name: value for name, value in options.items() if name not in self.chosen}

    @cached_property
    def _env(self) -> gym.Env:
        env = make_single(self.env_id, **self.env_options)
        env.close()
        return env

    @property
    def _sees_images(self) -> bool:
        return len(self._env.observation_space.shape or ()) == 3

    @property
    def _domain(self) -> Domain:
        return domain_of(gym_spec(self.env_id).id, type(self._env.unwrapped))


def decider(learner: Any, likeliest: bool = True) -> Decide:
    """The likeliest, or drawn, actions of a learner that decides step by step, if allowed.

    Raises:
        UserError: it has no ``predict``.
    """
    if not hasattr(learner, "predict"):
        kind = type(learner).__name__
        raise UserError(f"{kind} cannot be measured: it has no predict(observation, ...)")
    return lambda observation, mask: learner.predict(
        observation, deterministic=likeliest, action_masks=mask
    )[0]
