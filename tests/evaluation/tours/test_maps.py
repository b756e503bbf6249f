import gymnasium as gym
import pytest

from hringur.evaluation.tours.maps import tour_on_map
from hringur.references.tours.heuristics import nearest_neighbour
from tests.evaluation.tours.test_plots import ink, texts


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
