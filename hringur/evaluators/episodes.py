"""Whole episodes of any environment, and what they returned beside the best that is known.

Episode ``i`` is played in environment ``i`` of a vector, from ``seed + i``: whoever is measured
with the same seed meets the same beginnings and, as far as the environment's chance does not
depend on the actions, the same chance.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from jaxtyping import Float64, Int64

from hringur.evaluators.tours import gym_spec, make_vector, takes
from hringur.references.known_returns import best_return

Decide = Callable[[Any, np.ndarray | None], np.ndarray]
"""From a batch of observations, and 1 for each action that is allowed, to actions."""

Watch = Callable[[int, int], None]
"""Is told after each decision how many episodes have ended, and how many decisions were made."""

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

    @property
    def gap(self) -> float | None:
        """How far the mean is from the best one, as a fraction; None where that is not known."""
        return None if self.optimal is None else float(gap_of(self, np.arange(len(self.returns))))


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
    watch: Watch | None = None,
) -> EpisodeReturns:
    """Let ``decide`` play ``episodes`` episodes side by side, each from its own seed.

    After ``most_steps`` decisions, if given, whoever still plays is stopped, and what was returned
    up to there counts. Long games are worth a ``watch``.
    """
    options = dict(env_options)
    if takes(gym_spec(env_id).entry_point, "compute_optimal"):
        options["compute_optimal"] = True
    env = make_vector(env_id, episodes, **options)
    try:
        observation, info = env.reset(seed=seed)
        returns, lengths = np.zeros(episodes), np.zeros(episodes, dtype=np.int64)
        known = {name: np.full(episodes, np.nan) for name in ("optimal_return", "reference_return")}
        playing = np.ones(episodes, dtype=bool)
        while playing.any() and (most_steps is None or lengths.max() < most_steps):
            actions = decide(observation, info.get("action_mask"))
            observation, reward, terminated, truncated, info = env.step(actions)
            returns[playing] += reward[playing]
            lengths[playing] += 1
            ended = playing & (terminated | truncated)
            for name, column in known.items():
                if name in info:
                    column[ended] = np.asarray(info[name], dtype=float)[ended]
            playing &= ~ended
            if watch is not None:
                watch(episodes - int(playing.sum()), int(lengths.max()))
    finally:
        env.close()
    optimal, reference = (None if np.isnan(c).any() else c for c in known.values())
    if optimal is None:
        optimal = _everywhere(best_of(env_id, env_options), episodes)
    return EpisodeReturns(returns, lengths, optimal, reference)


def best_of(env_id: str, env_options: Mapping[str, Any]) -> float | None:
    """Largest mean return that the rules of this environment allow, if that is known."""
    env = gym.make(env_id, **env_options)
    try:
        return best_return(env)
    finally:
        env.close()


def _everywhere(value: float | None, episodes: int) -> Float64[np.ndarray, " E"] | None:
    return None if value is None else np.full(episodes, value)
