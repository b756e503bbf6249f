import gymnasium as gym
import numpy as np
import pytest
from test_plots import ink, texts

from hringur.agents.attention_model import AttentionModelConfig
from hringur.agents.pointer_network import PointerNetworkConfig
from hringur.agents.tour_agent import TourAgent
from hringur.evaluation.maps import choice_map, next_place_probability, tour_on_map
from hringur.references.heuristics import nearest_neighbour

SMALL = [
    AttentionModelConfig(width=16, layers=1, heads=2, decoder_heads=2, feed_forward=16),
    PointerNetworkConfig(width=16),
]


class Nearest:
    def plan(self, instances, decoding=None):
        return nearest_neighbour(instances.distance)


def test_a_tour_is_driven_and_drawn():
    """Oracle: the same choices, made one at a time in the single environment."""
    found = tour_on_map(Nearest(), "lecture", title="six places")
    env = gym.make("IcelandTSP-v0", places="lecture").unwrapped
    env.reset(seed=0)
    names = env.sampler.names(env.instance)
    env.reset(options={"instances": env.instance, "start": names.index(found.names[0])})
    for name in found.names[1:]:
        *_, info = env.step(names.index(name))
    assert sorted(found.names) == sorted(names)
    assert found.km == pytest.approx(info["tour_km"])
    assert found.optimal_km == pytest.approx(env.optimal_km())
    assert found.gap == pytest.approx(info["tour_km"] / env.optimal_km() - 1)
    figure = found.figure()
    assert "six places" in texts(figure) and f"{found.km:,.1f} km" in texts(figure)
    assert ink(figure) > 0.01


def test_a_shortest_tour_is_said_to_be_one():
    found = tour_on_map(Nearest(), ["Reykjavík", "Selfoss", "Akureyri"])
    assert found.gap == pytest.approx(0)
    assert "proven shortest" in found.picture.note and "over" not in found.picture.note


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
    picture = tour_on_map(Nearest(), "lecture").picture
    probability = np.array([0.0, 0.0, 0.62, 0.36, 0.02, 0.0])
    figure = choice_map(picture, probability)
    shown = texts(figure)
    assert "62 %" in shown and "36 %" in shown and "2 %" not in shown.replace("62 %", "")
    assert "entropy 0.74 nats" in shown  # by hand: -sum p log p
