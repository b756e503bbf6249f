"""One game of Breakout: rules read from the console's memory, serving, options, taking up."""

import pickle
import sys

import gymnasium as gym
import numpy as np
import pytest

import hringur  # noqa: F401
from hringur.training import checkpoint
from hringur.types import MissingExtra, UserError

pytest.importorskip("ale_py")
import ale_py

from hringur.envs.breakout import env as module

ID = "ThreeActionBreakout-v0"


def make(**options):
    return gym.make(ID, **options).unwrapped


def console(seed: int = 3, sticky: float = 0.0):
    """An emulator of one's own, just switched on."""
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    ale = ale_py.ALEInterface()
    ale.setFloat("repeat_action_probability", sticky)
    ale.setInt("random_seed", seed)
    ale.loadROM(ale_py.roms.get_rom_path("breakout"))
    ale.reset_game()
    return ale


def memory(env) -> tuple[int, int]:
    """Lives and score as the game itself keeps them: decimal digits in three half bytes."""
    ram = env._ale.getRAM()
    return int(ram[57]), int((ram[77] & 15) + 10 * (ram[77] >> 4) + 100 * (ram[76] & 15))


def play(env, steps: int, seed: int = 0) -> list:
    """Random steps; whoever ends starts again."""
    rng, seen = np.random.default_rng(seed), []
    for _ in range(steps):
        step = env.step(rng.integers(3))
        seen.append(step)
        if step[2] or step[3]:
            env.reset()
    return seen


@pytest.fixture(scope="module")
def env():
    return make()


def test_lives_and_score_are_those_of_the_games_memory(env):
    env.reset(seed=1)
    rng, total, lives = np.random.default_rng(4), 0.0, 5
    for _ in range(2000):
        _, reward, terminated, truncated, info = env.step(rng.integers(3))
        total += reward
        assert (info["lives"], info["score"]) == memory(env)
        assert info["score"] == total and info["lives"] <= lives
        assert terminated == (info["lives"] == 0) == info["game_over"] and not truncated
        lives = info["lives"]
        if terminated:
            break
    assert terminated and total > 0
    with pytest.raises(gym.error.ResetNeeded):
        env.step(1)


def follow(env, steps: int, until: int) -> list:
    """Keep the paddle under the ball, as the memory tells where both are."""
    seen = []
    for _ in range(steps):
        ram = env._ale.getRAM()
        ball, paddle = int(ram[99]), int(ram[72])
        seen.append(env.step(1 if abs(ball - paddle) < 4 else 0 if ball < paddle else 2))
        if seen[-1][2] or seen[-1][-1]["score"] >= until:
            break
    return seen


def test_the_ball_comes_by_itself_after_every_lost_life_and_never_without_fire(env):
    """Whoever only waits loses five balls, about a hundred frames each."""
    env.reset(seed=2)
    steps, over = 0, False
    while not over:
        _, _, over, _, _ = env.step(1)
        steps += 1
    assert 5 * 22 <= steps <= 5 * 28
    ale = console()
    for _ in range(2000):
        ale.act(ale_py.Action.NOOP)
    assert ale.lives() == 5


@pytest.mark.parametrize("seed", range(3))
def test_holding_fire_while_the_ball_flies_changes_nothing_in_the_memory(seed):
    held = {0: "LEFTFIRE", 1: "FIRE", 2: "RIGHTFIRE"}
    plain = {0: "LEFT", 1: "NOOP", 2: "RIGHT"}

    def memories(always: bool) -> np.ndarray:
        rng, ale, seen, since = np.random.default_rng(seed), console(), [], 0
        lives = ale.lives()
        for frame in range(600):
            if frame % 4 == 0:
                action = int(rng.integers(3))
            names = held if always or since < 8 else plain
            ale.act(ale_py.Action.__members__[names[action]])
            since = since + 1 if ale.lives() == lives else 0
            lives = ale.lives()
            seen.append(ale.getRAM().copy())
        return np.array(seen)

    assert np.array_equal(memories(True), memories(False))


def test_left_and_right_move_the_paddle_that_way(env):
    def paddle_after(action: int) -> int:
        env.reset(seed=0)
        for _ in range(8):
            env.step(action)
        return int(env._ale.getRAM()[72])  # the paddle's place

    assert paddle_after(0) < paddle_after(1) < paddle_after(2)


def test_observed_are_the_last_frames_and_shown_is_the_original_picture():
    env = make(render_mode="rgb_array", sticky=0.0, max_pool=False)
    observation, _ = env.reset(seed=0)
    assert observation.shape == (4, 84, 84) and not observation[:3].any() and observation[3].any()
    after = env.step(0)[0]
    assert np.array_equal(after[2], observation[3])
    ale = console()
    for _ in range(4):
        ale.act(ale_py.Action.LEFTFIRE)
    picture = env.render()
    assert picture.shape == (210, 160, 3) and np.array_equal(picture, ale.getScreenRGB())
    assert env.metadata["render_fps"] == 15


def test_rewards_are_clipped_and_the_score_is_not():
    seen = []
    for env in (make(sticky=0.0), make(sticky=0.0, clip_reward=True)):
        env.reset(seed=0)
        seen.append(follow(env, 1000, until=20))
    rewards, clipped = ([step[1] for step in steps] for steps in seen)
    assert {1.0, 4.0} <= set(rewards) and set(clipped) == {0.0, 1.0}
    assert [min(1.0, reward) for reward in rewards] == clipped
    assert [step[-1] for step in seen[0]] == [step[-1] for step in seen[1]]
    assert seen[0][-1][-1]["score"] == sum(rewards)


def test_with_life_loss_an_episode_is_a_life_and_the_game_goes_on():
    env = make(life_loss=True)
    env.reset(seed=0)
    rng, lives, score, ends = np.random.default_rng(1), 5, 0, 0
    while ends < 5:
        _, reward, terminated, truncated, info = env.step(rng.integers(3))
        score += reward
        assert info["score"] == score and not truncated
        assert terminated == (info["lives"] < lives)
        if terminated:
            ends, lives = ends + 1, info["lives"]
            assert info["game_over"] == (lives == 0)
            _, after = env.reset()
            assert after["lives"] == (lives or 5)
            assert after["score"] == (score if lives else 0)


def test_a_game_is_cut_off_after_max_frames():
    env = make(max_frames=90)
    env.reset(seed=0)
    ends = [step[2:4] for step in play(env, 23)]
    assert ends == [(False, False)] * 22 + [(False, True)]


def test_sticky_actions_and_waiting_are_all_that_is_random():
    def pictures(seed: int, **options) -> np.ndarray:
        env = make(**options)
        first, _ = env.reset(seed=seed)
        return np.array([first, *(step[0] for step in play(env, 30))])

    one, same, other = (pictures(seed, sticky=0.0) for seed in (0, 0, 1))
    assert np.array_equal(one, same) and np.array_equal(one, other)
    one, same, other = (pictures(seed) for seed in (0, 0, 1))
    assert np.array_equal(one, same) and not np.array_equal(one, other)
    one, other = (pictures(seed, sticky=0.0, noop_max=30) for seed in (0, 1))
    assert not np.array_equal(one, other)


def test_it_waits_for_any_number_of_frames_up_to_noop_max():
    noops = module._Noops(7)
    drawn = [noops.draw(4) for _ in range(1000)]
    assert set(drawn) == set(range(5)) and np.bincount(drawn).min() > 150
    assert {noops.draw(0) for _ in range(10)} == {0}
    env = make(noop_max=30)
    frames = []
    for seed in range(3):
        env.reset(seed=seed)
        frames.append(env._ale.getEpisodeFrameNumber())
    assert all(0 <= count <= 30 for count in frames) and len(set(frames)) > 1


@pytest.mark.parametrize("life_loss", [False, True])
def test_taken_up_from_a_file_it_goes_on_bit_for_bit(tmp_path, monkeypatch, life_loss):
    """Also where the game has been seeded anew in between, and by an environment used before."""
    monkeypatch.setattr(module, "RESEED_AFTER", 90)
    options = {"noop_max": 10, "life_loss": life_loss, "frame_size": 42}
    env, other = make(**options), make(**options)
    other.reset(seed=9)
    play(other, 40)
    env.reset(seed=5)
    for steps in (30, 200):
        play(env, steps, seed=steps)
        checkpoint.save(tmp_path / "state", env.state_dict())
        other.load_state_dict(checkpoint.load(tmp_path / "state"))
        unbroken, resumed = play(env, 110), play(other, 110)
        for ours, theirs in zip(unbroken, resumed, strict=True):
            assert np.array_equal(ours[0], theirs[0]) and ours[1:] == theirs[1:]


def test_a_state_of_other_options_or_of_another_emulator_is_refused(env):
    env.reset(seed=0)
    play(env, 120, seed=17)
    state = env.state_dict()
    with pytest.raises(UserError, match="frame_size=84, this one has frame_size=42"):
        make(frame_size=42).load_state_dict(state)
    with pytest.raises(UserError, match="another version of ale-py"):
        env.load_state_dict(state | {"score": 800})


def test_gymnasiums_and_sb3s_checks_pass():
    from gymnasium.utils.env_checker import check_env

    check_env(make(), skip_render_check=True)
    sb3 = pytest.importorskip("stable_baselines3.common.env_checker")
    sb3.check_env(make(), warn=True, skip_render_check=True)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"frame_size": 0}, "frame_size must be in 16..160, got 0"),
        ({"frame_skip": 0}, "frame_skip must be in 1..16, got 0"),
        ({"stack": 0}, "stack must be in 1..16, got 0"),
        ({"noop_max": -1}, "noop_max must be in 0..1000, got -1"),
        ({"max_frames": 3}, "max_frames must be in 4..2147483647, got 3"),
        ({"sticky": 1.0}, "sticky must be at least 0 and below 1, got 1.0"),
        ({"sticky": float("nan")}, "sticky must be at least 0 and below 1, got nan"),
        ({"render_mode": "ansi"}, "render_mode must be None or one of human, rgb_array"),
    ],
)
def test_an_option_out_of_range_is_refused_in_one_line(options, message):
    with pytest.raises(UserError, match=message) as refused:
        module.breakout(**options)
    assert "\n" not in str(refused.value)


def test_a_missing_emulator_or_cartridge_is_told_in_one_line(monkeypatch, tmp_path):
    monkeypatch.setenv("ALE_ROMS_DIR", str(tmp_path))
    with pytest.raises(UserError, match="no cartridge breakout.bin, reinstall it") as refused:
        module.breakout()
    assert "\n" not in str(refused.value)
    monkeypatch.setitem(sys.modules, "ale_py", None)
    with pytest.raises(MissingExtra, match=r"needs the extra 'atari': pip install"):
        module.breakout()


@pytest.mark.parametrize("action", [3, -1])
def test_another_action_is_refused(env, action):
    env.reset(seed=0)
    with pytest.raises(gym.error.InvalidAction, match="action must be 0"):
        env.step(action)


def test_nothing_works_before_the_first_reset():
    env = make(render_mode="rgb_array")
    for call in (lambda: env.step(0), env.render, env.state_dict):
        with pytest.raises(gym.error.ResetNeeded):
            call()


def test_frames_as_ale_shows_them_for_wrappers_written_for_its_games():
    env = gym.make("ThreeActionBreakoutNoFrameskip-v0", render_mode="rgb_array")
    observation, _ = env.reset(seed=0)
    assert observation.shape == (210, 160, 3) and np.array_equal(observation, env.render())
    inner = env.unwrapped
    assert inner.get_action_meanings() == ["NOOP", "RIGHT", "LEFT"]
    assert inner.action_names == ("Wait", "Right", "Left") and inner.ale.lives() == 5
    assert inner.get_keys_to_action() == {("e",): 0, ("d",): 1, ("a",): 2}
    assert inner.options.frame_skip == 1 and inner.options.sticky == 0.0
    x = []
    for action in [1] * 20 + [2] * 40:  # byte 72 is the paddle's position
        env.step(action)
        x.append(int(inner.ale.getRAM()[72]))
    assert max(x[:20]) > x[0] + 20 and x[-1] < x[19] - 20


def test_meanings_follow_the_usual_order_of_actions(env):
    assert env.get_action_meanings() == ["LEFT", "NOOP", "RIGHT"]
    assert env.get_keys_to_action() == {("a",): 0, ("e",): 1, ("d",): 2}


def test_a_pickled_game_goes_on_alike():
    env = make(noop_max=3)
    untouched = pickle.loads(pickle.dumps(env))
    assert np.array_equal(env.reset(seed=4)[0], untouched.reset(seed=4)[0])
    play(env, 40)
    copied = pickle.loads(pickle.dumps(env))
    for one, other in zip(play(env, 60, seed=1), play(copied, 60, seed=1), strict=True):
        assert np.array_equal(one[0], other[0]) and one[1:] == other[1:]


def test_stable_baselines3_wraps_it_as_one_of_atari():
    pytest.importorskip("cv2")
    env_util = pytest.importorskip("stable_baselines3.common.env_util")
    envs = env_util.make_atari_env("ThreeActionBreakoutNoFrameskip-v0", n_envs=2, seed=0)
    assert envs.reset().shape == (2, 84, 84, 1)
    envs.step(np.array([1, 2]))
