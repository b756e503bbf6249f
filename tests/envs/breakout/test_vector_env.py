"""Many games: step for step those of single environments, taken up bit for bit, memory bounded."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, VectorEnv

import hringur  # noqa: F401
from hringur.training import checkpoint
from hringur.types import UserError

pytest.importorskip("ale_py")

from hringur.envs.breakout import env as single_module
from hringur.envs.breakout import vector_env as vector_module
from hringur.envs.breakout.log import ActionLog

ID = "ThreeActionBreakout-v0"
NEXT_STEP, SAME_STEP = AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP


def make(num_envs: int, mode: AutoresetMode = NEXT_STEP, **options) -> VectorEnv:
    return gym.make_vec(
        ID, num_envs, vectorization_mode="vector_entry_point", autoreset_mode=mode.value, **options
    )


def assert_same(ours, theirs, where: str) -> None:
    """Values, types and masks, however deeply nested."""
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys(), where
        for key in ours:
            assert_same(ours[key], theirs[key], f"{where}/{key}")
    elif ours.dtype == object:
        assert [one is None for one in ours] == [one is None for one in theirs], where
        for one, other in zip(ours, theirs, strict=True):
            assert one is None or np.array_equal(one, other), where
    else:
        assert ours.dtype == theirs.dtype and np.array_equal(ours, theirs), where


def compare(num_envs: int, steps: int, mode: AutoresetMode, **options) -> int:
    """Random play beside a loop over single environments; how many episodes have ended."""
    ours = make(num_envs, mode, **options)
    theirs = gym.make_vec(
        ID, num_envs, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode}, **options
    )
    for one, other in zip(ours.reset(seed=5), theirs.reset(seed=5), strict=True):
        assert_same(one, {**other} if isinstance(other, dict) else other, "reset")
    rng, ends = np.random.default_rng(0), 0
    for t in range(steps):
        actions = rng.integers(3, size=num_envs)
        step, loop = ours.step(actions), theirs.step(actions)
        names = ("observation", "reward", "terminated", "truncated", "info")
        for name, one, other in zip(names, step, loop, strict=True):
            assert_same(one, other, f"{name} at {t}")
        ends += int((step[2] | step[3]).sum())
    ours.close()
    theirs.close()
    return ends


@pytest.mark.parametrize(
    "steps, mode, options, least_ends",
    [
        (290, NEXT_STEP, {}, 2),
        (250, SAME_STEP, {"noop_max": 30, "frame_size": 42}, 2),
        (150, NEXT_STEP, {"life_loss": True, "clip_reward": True, "stack": 2, "frame_skip": 3}, 6),
        (60, NEXT_STEP, {"max_frames": 101, "max_pool": False, "frame_size": 37}, 4),
        (120, SAME_STEP, {"max_frames": 103, "frame_skip": 1, "frame_size": 160}, 2),
    ],
)
def test_it_is_the_same_as_a_loop_over_single_environments(steps, mode, options, least_ends):
    assert compare(2, steps, mode, **options) >= least_ends


@pytest.mark.parametrize("mode", [NEXT_STEP, SAME_STEP])
def test_it_is_the_same_where_games_are_seeded_anew(monkeypatch, mode):
    for module in (single_module, vector_module):
        monkeypatch.setattr(module, "RESEED_AFTER", 100)
    assert compare(2, 260, mode, noop_max=5, frame_size=16) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("sticky", [0.0, 0.25])
@pytest.mark.parametrize("mode", [NEXT_STEP, SAME_STEP])
def test_it_is_the_same_over_thousands_of_steps(mode, sticky):
    assert compare(8, 1500, mode, sticky=sticky, noop_max=30) > 40


def test_max_episode_steps_counts_decisions_of_a_game():
    env = make(2, frame_size=16, max_episode_steps=21)
    env.reset(seed=0)
    truncated = [step[3].tolist() for step in random_steps(env, 44, seed=0)]
    assert [t for t, both in enumerate(truncated, 1) if all(both)] == [21, 43]
    assert sum(map(sum, truncated)) == 4


def test_with_life_loss_in_the_same_step_the_next_life_begins_where_the_last_one_ended():
    env = make(2, SAME_STEP, life_loss=True)
    env.reset(seed=0)
    lives, score = np.full(2, 5), np.zeros(2)
    rng, ends = np.random.default_rng(0), 0
    while ends < 12:
        observation, reward, terminated, _, info = env.step(rng.integers(3, size=2))
        score += reward
        for row in np.flatnonzero(terminated):
            ends += 1
            final = info["final_info"]
            assert final["lives"][row] == lives[row] - 1 and final["score"][row] == score[row]
            over = lives[row] == 1
            assert final["game_over"][row] == over
            assert np.array_equal(info["final_obs"][row], observation[row]) != over
            lives[row], score[row] = (5, 0) if over else (lives[row] - 1, score[row])
        assert np.array_equal(info["lives"], lives) and np.array_equal(info["score"], score)


def test_making_one_leaves_the_metadata_of_others_alone():
    make(1, SAME_STEP)
    assert "autoreset_mode" not in VectorEnv.metadata


def random_steps(env: VectorEnv, steps: int, seed: int) -> list:
    rng = np.random.default_rng(seed)
    return [env.step(rng.integers(3, size=env.num_envs)) for _ in range(steps)]


@pytest.mark.parametrize(
    "mode, options",
    [(NEXT_STEP, {"noop_max": 10, "life_loss": True}), (SAME_STEP, {})],
)
def test_taken_up_from_a_file_it_goes_on_bit_for_bit(tmp_path, monkeypatch, mode, options):
    """Also where games were seeded anew at different times, and one by hand."""
    monkeypatch.setattr(vector_module, "RESEED_AFTER", 100)
    env, other = (make(2, mode, frame_size=16, **options) for _ in range(2))
    env.reset(seed=5)
    random_steps(env, 20, seed=1)
    env.reset(options={"reset_mask": np.array([False, True])})
    random_steps(env, 180, seed=2)
    checkpoint.save(tmp_path / "state", env.state_dict())
    other.load_state_dict(checkpoint.load(tmp_path / "state"))
    unbroken, resumed = random_steps(env, 100, seed=9), random_steps(other, 100, seed=9)
    for t, (one, another) in enumerate(zip(unbroken, resumed, strict=True)):
        for ours, theirs in zip(one, another, strict=True):
            assert_same(ours, theirs, f"after {t}")


def test_a_state_of_other_games_is_refused():
    env = make(2, frame_size=16)
    env.reset(seed=0)
    state = env.state_dict()
    with pytest.raises(UserError, match="frame_size=16, this one has frame_size=42"):
        make(2, frame_size=42).load_state_dict(state)
    with pytest.raises(
        UserError, match="of 2 games with autoreset_mode NextStep, these are 1 with"
    ):
        make(1, frame_size=16).load_state_dict(state)
    with pytest.raises(UserError, match="another version of ale-py"):
        env.load_state_dict(state | {"lives": np.array([5, 2])})


def test_a_partial_reset_leaves_the_others_where_they_are():
    env = make(3, frame_size=16)
    env.reset(seed=0)
    before = random_steps(env, 30, seed=0)[-1]
    after, info = env.reset(options={"reset_mask": np.array([True, False, True])})
    assert np.array_equal(after[1], before[0][1]) and info["lives"][1] == before[4]["lives"][1]
    assert not after[0, :3].any() and not after[2, :3].any() and info["score"][0] == 0


def test_the_log_keeps_what_is_needed_and_no_more():
    rng, log = np.random.default_rng(0), ActionLog(3)
    log.restart(np.arange(3), [7, 8, 9])
    kept: list[list[int]] = [[], [], []]
    for t in range(4000):
        row = rng.integers(3, size=3)
        log.append(row)
        for env in range(3):
            kept[env].append(int(row[env]))
        for env in range(3):
            if rng.random() < 1 / 300 and t < 1200 or len(kept[env]) == 600:
                log.restart(np.array([env]), [t])
                kept[env] = []
    assert log.since.tolist() == [len(one) for one in kept]
    rows = log.rows()
    for env in range(3):
        assert rows[len(rows) - len(kept[env]) :, env].tolist() == kept[env]
    assert len(log._rows) <= 600


@pytest.mark.parametrize(
    "options, message",
    [
        ({"num_envs": 0}, "num_envs must be at least 1, got 0"),
        ({"num_threads": -1}, "num_threads must be 0 or more, got -1"),
        ({"frame_size": 0}, "frame_size must be in 16..160, got 0"),
        ({"max_episode_steps": 0}, "max_episode_steps must be at least 1, got 0"),
        ({"autoreset_mode": "Disabled", "life_loss": True}, "life_loss needs autoreset_mode"),
        ({"render_mode": "human"}, "must be None or rgb_array"),
        ({"raw": True}, "raw is of single games"),
    ],
)
def test_bad_options_are_refused_in_one_line(options, message):
    with pytest.raises(UserError, match=message) as refused:
        vector_module.breakout_vec(**options)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("actions", [[0, 3], [-1, 0], [0]])
def test_other_actions_are_refused_and_nothing_happens(actions):
    env = make(2, frame_size=16)
    with pytest.raises(gym.error.ResetNeeded):
        env.step(np.zeros(2, dtype=np.int64))
    env.reset(seed=0)
    with pytest.raises(gym.error.InvalidAction, match="actions must be"):
        env.step(np.array(actions))
    assert not env.unwrapped._log.since.any()


def test_disabled_waits_for_a_reset_of_those_that_ended_and_leaves_the_others():
    options = {"max_frames": 40, "frame_size": 16}
    ours = make(2, AutoresetMode.DISABLED, **options)
    ours.reset(seed=3)
    for t in range(10):
        assert not ours.step(np.full(2, t % 3))[3].any() or t == 9
    with pytest.raises(gym.error.ResetNeeded, match="reset_mask"):
        ours.step(np.array([1, 1]))
    first, _ = ours.reset(options={"reset_mask": np.array([True, False])}, seed=[5, None])
    alone = make(1, AutoresetMode.DISABLED, **options)
    assert np.array_equal(alone.reset(seed=5)[0][0], first[0])
    ours.reset(options={"reset_mask": np.array([False, True])}, seed=[None, 6])
    for t in range(10):
        step, other = ours.step(np.array([t % 3, 1])), alone.step(np.array([t % 3]))
        assert np.array_equal(step[0][0], other[0][0]) and step[1][0] == other[1][0]
    copied = make(2, AutoresetMode.DISABLED, **options)
    copied.reset(seed=0)
    copied.load_state_dict(ours.state_dict())
    assert copied._ended.all() and np.array_equal(copied._lives, ours._lives)


def test_the_batch_draws_the_newest_frame_of_each_game():
    env = make(2, frame_size=20, render_mode="rgb_array")
    seen, _ = env.reset(seed=0)
    for picture, frames in zip(env.render(), seen, strict=True):
        assert picture.shape == (20, 20, 3) and np.array_equal(picture[:, :, 1], frames[-1])
