"""The best return of small worlds, by enumerating every policy, and of famous ones."""

from itertools import product
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest

from hringur.references.known_returns import best_return, optimal_values

STATES, ACTIONS = 3, 2


def world(seed: int) -> dict:
    """A table as Gymnasium's toy texts have it; some of its moves end the episode."""
    rng = np.random.default_rng(seed)
    table = {}
    for state in range(STATES):
        table[state] = {}
        for action in range(ACTIONS):
            chances = rng.dirichlet(np.ones(STATES))
            table[state][action] = [
                (float(p), after, float(rng.normal()), bool(rng.random() < 0.2))
                for after, p in enumerate(chances)
            ]
    return table


def value_of(table: dict, plan: tuple, state: int) -> float:
    """Expected return of a plan that names an action for each state at each time."""
    if not plan:
        return 0.0
    return sum(
        p * (reward + (0.0 if ended else value_of(table, plan[1:], after)))
        for p, after, reward, ended in table[state][plan[0][state]]
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_no_plan_is_better(seed, steps):
    table = world(seed)
    rules = list(product(range(ACTIONS), repeat=STATES))
    best = [
        max(value_of(table, plan, state) for plan in product(rules, repeat=steps))
        for state in range(STATES)
    ]
    np.testing.assert_allclose(optimal_values(table, steps), best, atol=1e-12)


def test_the_cliff_takes_thirteen_steps():
    assert best_return(gym.make("CliffWalking-v1")) == -13


def test_an_icy_lake_is_crossed_as_often_as_simulation_says():
    """Play the policy that is greedy in the values; it must win as often as they promise."""
    env, limit, episodes = gym.make("FrozenLake-v1", map_name="4x4", is_slippery=True), 100, 4000
    table, promised = env.unwrapped.P, best_return(env)
    still = [(0.0, 0, 0.0, True)] * 2  # states that end the game have one outcome, others three
    padded = [[(table[i][a] + still)[:3] for a in range(4)] for i in range(16)]
    chances, after, won, over = (
        np.array([[[outcome[part] for outcome in row] for row in rows] for rows in padded])
        for part in range(4)
    )
    rng, state = np.random.default_rng(0), np.zeros(episodes, dtype=int)
    playing, wins = np.ones(episodes, dtype=bool), 0
    for left in range(limit, 0, -1):
        later = optimal_values(table, left - 1)
        greedy = (chances * (won + ~over * later[after])).sum(axis=2).argmax(axis=1)
        action = greedy[state]
        total = chances[state, action].cumsum(axis=1)
        slip = (rng.random(episodes)[:, None] > total).sum(axis=1).clip(max=2)
        wins += (won[state, action, slip] * playing).sum()
        playing &= ~over[state, action, slip]
        state = after[state, action, slip]
    error = np.sqrt(promised * (1 - promised) / episodes)
    assert abs(wins / episodes - promised) < 4 * error
    assert 0.6 < promised < 14 / 17  # which it is without the time limit


def test_balancing_till_the_time_limit_is_the_best_there_is():
    assert best_return(gym.make("CartPole-v1")) == 500
    assert best_return(SimpleNamespace(spec=None, unwrapped=object())) is None
    assert best_return(gym.make("Acrobot-v1")) is None
