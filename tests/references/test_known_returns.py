"""The best return of small worlds, by enumerating every policy, and of famous ones."""

from itertools import product

import gymnasium as gym
import numpy as np
import pytest

import hringur  # noqa: F401  registers the environments
from hringur.evaluators.episodes import play_episodes
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


def balance(observation, mask=None):
    """A policy that never falls: a line through what is observed."""
    position, speed, angle, turning = np.asarray(observation).T
    return (0.1 * position + 0.3 * speed + 3 * angle + turning > 0).astype(np.int64)


@pytest.mark.parametrize("limit", [100, 500, 1000])
def test_a_pole_can_be_balanced_up_to_the_time_limit_that_was_asked_for(limit):
    """Oracle: a policy that does it."""
    played = play_episodes("CartPole-v1", {"max_episode_steps": limit}, balance, 20)
    assert (played.returns == limit).all() and (played.optimal == limit).all() and played.gap == 0


def test_what_options_change_is_not_known():
    assert best_return(gym.make("CartPole-v1")) == 500
    assert best_return(gym.make("CartPole-v1", render_mode="rgb_array")) == 500
    assert best_return(gym.make("CartPole-v1", sutton_barto_reward=False)) == 500
    assert best_return(gym.make("CartPole-v1", sutton_barto_reward=True)) is None
    assert best_return(gym.make("CartPole-v1", max_episode_steps=-1)) is None  # none at all
    assert best_return(gym.make("Acrobot-v1")) is None


def test_what_wrappers_change_is_not_known():
    env = gym.make("CartPole-v1")
    assert best_return(gym.wrappers.RecordEpisodeStatistics(env)) == 500
    assert best_return(gym.wrappers.TimeLimit(env, 30)) == 30
    assert best_return(gym.wrappers.TransformReward(env, lambda reward: 2 * reward)) is None

    class Heavier(type(env.unwrapped)):
        """Another environment under a name of its own."""

    assert best_return(Heavier()) is None


def test_a_table_counts_only_with_options_that_it_takes_into_account():
    taxi = best_return(gym.make("Taxi-v4"))
    assert 7.5 < taxi < 9.5
    assert best_return(gym.make("Taxi-v4", is_rainy=True)) < taxi
    assert best_return(gym.make("Taxi-v4", fickle_passenger=True)) is None
    assert best_return(gym.make("Taxi-v4", max_episode_steps=3)) == pytest.approx(-3)
    assert best_return(gym.make("FrozenLake-v1", is_slippery=False)) == 1
    assert best_return(gym.make("FrozenLake-v1", desc=["SG", "HF"], is_slippery=False)) == 1
    assert best_return(gym.make("FrozenLake-v1", map_name=None)) is None  # drawn for each anew
    own = gym.make("FrozenLake-v1", map_name=None, desc=["SG", "HF"], is_slippery=False)
    assert best_return(own) == 1


class Small(gym.Env):
    """Two states; a step from the first one brings ``prize`` and ends the episode."""

    P = {0: {0: [(1.0, 1, 5.0, True)]}, 1: {0: [(1.0, 1, 0.0, True)]}}
    initial_state_distrib = (1.0, 0.0)
    observation_space, action_space = gym.spaces.Discrete(2), gym.spaces.Discrete(1)

    def __init__(self, prize: float = 5.0) -> None:
        self.prize = prize


class Stated(gym.Env):
    """An environment that knows its best return."""

    best_return = 3.0
    observation_space, action_space = gym.spaces.Discrete(2), gym.spaces.Discrete(1)


def test_another_packages_table_counts_at_its_defaults():
    gym.register("Small-v0", Small)
    assert best_return(gym.make("Small-v0")) == best_return(gym.make("Small-v0", prize=5.0)) == 5
    assert best_return(gym.make("Small-v0", prize=9.0)) is None  # not in the table
    gym.register("Dear-v0", Small, kwargs={"prize": 9.0})
    assert best_return(gym.make("Dear-v0")) is None


def test_an_environment_may_state_its_best_return():
    gym.register("Stated-v0", Stated)
    assert best_return(gym.make("Stated-v0")) == 3
    assert best_return(gym.make("Stated-v0", max_episode_steps=10)) is None


def test_breakout_states_its_ceiling_for_whole_games_only():
    pytest.importorskip("ale_py")
    made = lambda **options: best_return(gym.make("ThreeActionBreakout-v0", **options))  # noqa: E731
    assert made() == made(frame_size=42, sticky=0.0) == 864
    assert made(max_frames=800) is made(clip_reward=True) is made(life_loss=True) is None
