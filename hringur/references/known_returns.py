"""Best possible mean return of well-known environments: what a learned policy is held against.

Environments whose dynamics are a table (``unwrapped.P``, as those of Gymnasium's toy texts) are
solved exactly by backward induction over their time limit (Bellman 1957):

    V_k(s) = max_a  sum_s' p(s'|s, a) (r + V_{k-1}(s')),    V_0 = 0.

Of others only what follows from their rules is listed.
"""

from typing import Any

import numpy as np
from jaxtyping import Float64

from hringur.references.breakout import CEILING

BOUNDED = {"CartPole-v0": 200.0, "CartPole-v1": 500.0, "ThreeActionBreakout-v0": float(CEILING)}
"""CartPole: 1 for each step up to the time limit. Breakout: every brick of both walls."""

ENDLESS = 10_000
"""Steps after which an environment without a time limit is taken as over."""


def best_return(env: Any) -> float | None:
    """Largest mean return of an episode of this Gymnasium environment; None where not known."""
    spec = env.spec
    table = getattr(env.unwrapped, "P", None)
    start = getattr(env.unwrapped, "initial_state_distrib", None)
    if table is not None and start is not None:
        limit = None if spec is None else spec.max_episode_steps
        return float(np.asarray(start) @ optimal_values(table, limit))
    return None if spec is None else BOUNDED.get(spec.id)


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
