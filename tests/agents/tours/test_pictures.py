import gymnasium as gym
import numpy as np
import pytest

import hringur  # noqa: F401  registers the environments
from hringur.agents.tours.agent import TourAgent
from hringur.agents.tours.attention_model import AttentionModelConfig
from hringur.agents.tours.pictures import (
    choice_map,
    next_place_probability,
)
from hringur.agents.tours.pointer_network import PointerNetworkConfig
from hringur.envs.tours.drawing import TourPicture

SMALL = [
    AttentionModelConfig(width=16, layers=1, heads=2, decoder_heads=2, feed_forward=16),
    PointerNetworkConfig(width=16),
]


@pytest.mark.parametrize("config", SMALL, ids=lambda config: type(config).__name__)
def test_next_place_is_what_the_agent_predicts(config):
    """Oracle: ``predict`` in the environment, at every step of an episode."""
    agent = TourAgent("IcelandTSP-v0", config, env_options={"places": 7}, device="cpu")
    env = gym.make("IcelandTSP-v0", places=7).unwrapped
    observation, _ = env.reset(seed=1)
    so_far = [int(observation["current"])]
    while len(so_far) < 7:
        probability = next_place_probability(agent.average, env.instance, np.array(so_far))
        place, _ = agent.predict(observation)
        assert probability.sum() == pytest.approx(1, abs=1e-5)
        assert not probability[so_far].any()
        assert place == probability.argmax()
        so_far.append(int(place))
        observation, *_ = env.step(place)


def test_choice_map_shows_the_likely_places():
    env = gym.make("IcelandTSP-v0", places="lecture").unwrapped
    env.reset(seed=0)
    names = env.sampler.names(env.instance)
    picture = TourPicture(coordinates=env.instance.coordinates[0], names=names, tour=[0, 1])
    probability = np.array([0.0, 0.0, 0.62, 0.36, 0.02, 0.0])
    figure = choice_map(picture, probability)
    shown = " ".join(text.get_text() for text in figure.axes[0].texts)
    assert "62 %" in shown and "36 %" in shown and "2 %" not in shown.replace("62 %", "")
    assert "entropy 0.74 nats" in shown  # by hand: -sum p log p


def test_the_log_shows_a_tour_and_a_decision():
    agent = TourAgent("IcelandTSP-v0", SMALL[0], env_options={"places": 7}, device="cpu")
    figures = agent.figures()
    assert set(figures) == {"evaluation/tour", "policy/next_place"}
    shown = " ".join(text.get_text() for text in figures["policy/next_place"].axes[0].texts)
    assert "What comes next?" in shown and "entropy" in shown


def test_numbered_points_show_only_their_chances():
    names = [str(number + 1) for number in range(4)]
    points = np.array([[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]])
    figure = choice_map(
        TourPicture(coordinates=points, names=names, tour=[0]), np.array([0.0, 0.7, 0.3, 0.0])
    )
    shown = {text.get_text() for text in figure.axes[0].texts}
    assert {"70 %", "30 %"} <= shown and not {"2", "3", "4"} & shown
