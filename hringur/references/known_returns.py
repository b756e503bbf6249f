"""Best possible mean return of an environment: what a learned policy is measured against.

It is known only where it follows from the environment as it was made, with its options, its time
limit and its wrappers:

- An environment may state it itself, in an attribute ``best_return``.
- Where the dynamics are a table (``unwrapped.P``, as in Gymnasium's toy texts), backward induction
  over the time limit solves it exactly (Bellman 1957):

      V_k(s) = max_a  sum_s' p(s'|s, a) (r + V_{k-1}(s')),    V_0 = 0.

- CartPole pays 1 for each step, and can be balanced up to any time limit.
"""

import inspect
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import wrappers
from jaxtyping import Float64

TRANSPARENT = (
    wrappers.HumanRendering,
    wrappers.OrderEnforcing,
    wrappers.PassiveEnvChecker,
    wrappers.RecordEpisodeStatistics,
    wrappers.RecordVideo,
    wrappers.RenderCollection,
    wrappers.TimeLimit,
)
"""Wrappers that change neither rewards nor transitions; a time limit is taken into account."""

TOY_TEXTS = "gymnasium.envs.toy_text"
OPTIONS_IN_THE_TABLE = {
    f"{TOY_TEXTS}.cliffwalking:CliffWalkingEnv": {"is_slippery"},
    f"{TOY_TEXTS}.frozen_lake:FrozenLakeEnv": {
        "desc", "map_name", "is_slippery", "success_rate", "reward_schedule",
    },
    f"{TOY_TEXTS}.taxi:TaxiEnv": {"is_rainy", "rainy_probability"},
}  # fmt: skip
"""Options by class that ``P`` takes into account; Taxi's fickle passenger, for one, it does not."""

CART_POLE = "gymnasium.envs.classic_control.cartpole:CartPoleEnv"

ENDLESS = 10_000
"""Steps after which an environment without a time limit is taken as over."""


def best_return(env: gym.Env) -> float | None:
    """Largest mean return of an episode of this environment; None where it is not known."""
    limits = []
    while isinstance(env, gym.Wrapper):
        if type(env) not in TRANSPARENT:
            return None
        if isinstance(env, wrappers.TimeLimit):
            limits.append(env._max_episode_steps)
        env = env.env
    limit = min(limits, default=None)
    stated = getattr(env, "best_return", None)
    if stated is not None:
        return None if limit is not None else float(stated)
    made_of = f"{type(env).__module__}:{type(env).__qualname__}"
    changed = changed_options(env)
    if made_of == CART_POLE:
        return None if limit is None or changed else float(limit)
    table, start = getattr(env, "P", None), getattr(env, "initial_state_distrib", None)
    if table is None or start is None or changed - OPTIONS_IN_THE_TABLE.get(made_of, set()):
        return None
    options = {} if env.spec is None else env.spec.kwargs
    if options.get("map_name", "4x4") is None and options.get("desc") is None:
        return None  # each FrozenLake then draws a map of its own
    return float(np.asarray(start) @ optimal_values(table, limit))


def changed_options(env: gym.Env) -> set[str]:
    """Names of the options that are not at their defaults; how it is drawn does not count."""
    defaults = inspect.signature(type(env)).parameters
    given = {} if env.spec is None else env.spec.kwargs
    return {
        name
        for name, value in given.items()
        if name != "render_mode"
        and (name not in defaults or repr(value) != repr(defaults[name].default))
    }


def optimal_values(table: Any, steps: int | None) -> Float64[np.ndarray, " S"]:
    """Value of every state with ``steps`` decisions left; until nothing changes if None.

    Args:
        table: ``table[state][action]`` lists (probability, next state, reward, ended), numbered
            from 0, as Gymnasium's toy texts have it.
        steps: decisions left.
    """
    rows = [
        (state, action, probability, after, reward, not ended)
        for state, actions in table.items()
        for action, outcomes in actions.items()
        for probability, after, reward, ended in outcomes
    ]
    state, action, after = (np.array([row[k] for row in rows]) for k in (0, 1, 3))
    probability, reward, goes_on = (np.array([row[k] for row in rows], float) for k in (2, 4, 5))
    values = np.zeros(int(state.max()) + 1)
    shape = (len(values), int(action.max()) + 1)
    cell = state * shape[1] + action
    for _ in range(ENDLESS if steps is None else steps):
        worth = probability * (reward + goes_on * values[after])
        better = np.bincount(cell, worth, minlength=shape[0] * shape[1]).reshape(shape).max(axis=1)
        if steps is None and np.allclose(better, values, rtol=0, atol=1e-12):
            break
        values = better
    return values
