"""One episode, its record and its figures, on an environment that needs no emulator."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from hringur.evaluation.films.game import KEPT, Game, decisions_figure, filmstrip
from hringur.types import UserError


class Counting(gym.Env):
    """The picture tells the step, the reward is the action, every fourth step costs a life."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 5}
    observation_space = spaces.Box(0, 1000, (1,), dtype=np.float32)
    action_space = spaces.Discrete(3)
    evaluation_options = {"easy": False}

    def __init__(self, length=10, easy=False, render_mode=None):
        self.length, self.easy, self.render_mode = length, easy, render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps, self.seed = 0, seed
        return self._observe(), {"lives": 3}

    def step(self, action):
        self.steps += 1
        lives = 3 - self.steps // 4
        reward = 100.0 if self.easy else float(action)
        return self._observe(), reward, self.steps == self.length, False, {"lives": lives}

    def render(self):
        return np.full((6, 4, 3), self.steps % 256, dtype=np.uint8)

    def _observe(self):
        return np.array([self.steps], dtype=np.float32)


@pytest.fixture(autouse=True)
def registered():
    gym.register("Counting-v0", lambda **options: Counting(**options))
    yield
    del gym.registry["Counting-v0"]


def predict(observation, mask):
    return int(observation[0]) % 3


def chances(observation, mask):
    return np.eye(3)[predict(observation, mask)] * 0.7 + 0.1


def test_moments_show_what_was_seen_and_what_was_decided_then():
    game = Game("Counting-v0", {}, predict, probabilities=chances, seed=4)
    moments = list(game)
    assert [int(one.picture[0, 0, 0]) for one in moments] == list(range(11))
    assert [one.action for one in moments] == [t % 3 for t in range(10)] + [None]
    assert [one.score for one in moments] == [sum(k % 3 for k in range(t)) for t in range(11)]
    assert moments[5].chances == pytest.approx([0.1, 0.1, 0.8]) and moments[-1].chances is None
    assert game.record.score == 9.0 and game.record.frames_per_second == 5
    assert game.record.lives == [3 - t // 4 for t in range(11)]
    assert game.record.names == ("0", "1", "2") and game.env.unwrapped.seed == 4


def test_what_eases_training_is_left_out_and_max_steps_ends_it():
    game = Game("Counting-v0", {"easy": True}, predict, max_steps=3)
    assert len(list(game)) == 4 and game.record.score == 3.0


def test_a_long_episode_keeps_few_pictures_evenly_spread():
    game = Game("Counting-v0", {"length": 1000}, predict)
    for _ in game:
        assert len(game.record.pictures) <= KEPT
    moments = [index for index, _ in game.record.pictures]
    assert len(moments) > KEPT // 2 and set(np.diff(moments)) == {16}
    assert all(picture[0, 0, 0] == index % 256 for index, picture in game.record.pictures)


def test_a_filmstrip_runs_from_the_first_picture_to_the_last_kept():
    game = Game("Counting-v0", {}, predict)
    list(game)
    figure = filmstrip(game.record, count=4)
    shown = [int(axis.images[0].get_array()[0, 0, 0]) for axis in figure.axes]
    assert shown == [0, 3, 7, 10]
    assert [axis.get_title() for axis in figure.axes][2] == "1.4 s\nscore 6"
    assert len(filmstrip(game.record, count=40).axes) == 11


def test_decisions_are_drawn_until_the_first_lost_life():
    game = Game("Counting-v0", {}, predict, probabilities=chances)
    list(game)
    rows = decisions_figure(game.record).axes
    assert [axes.get_ylabel() for axes in rows] == ["0", "1", "2"]
    heights = [[bar.get_height() for bar in axes.patches] for axes in rows]
    np.testing.assert_allclose(np.transpose(heights), game.record.chances[:4])  # lost at 4 / 5 s
    dark = [[bar.get_facecolor()[3] == 1 for bar in axes.patches] for axes in rows]
    assert np.argmax(dark, axis=0).tolist() == [0, 1, 2, 0] and np.sum(dark) == 4
    assert rows[0].patches[3].get_x() == pytest.approx(game.record.times[3])
    without = Game("Counting-v0", {}, predict)
    list(without)
    with pytest.raises(UserError, match="tells its probabilities"):
        decisions_figure(without.record)


def test_what_cannot_be_played_or_drawn_is_refused():
    with pytest.raises(UserError, match="unknown environment Nowhere-v0"):
        Game("Nowhere-v0", {}, predict)
    with pytest.raises(UserError, match="Counting-v0 has no option"):
        Game("Counting-v0", {"colour": 1}, predict)
