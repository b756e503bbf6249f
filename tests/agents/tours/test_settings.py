import numpy as np
import pytest

from hringur.agents.tours.attention_model import AttentionModelConfig
from hringur.agents.tours.settings import InstanceBatches
from hringur.data.tours.instances import UniformPoints
from hringur.envs.tours.iceland_tsp import iceland_problem
from hringur.types import UserError


def batches(seed: int = 0, **settings) -> InstanceBatches:
    config = AttentionModelConfig(**settings)
    return InstanceBatches(iceland_problem(20).sampler, 20, config, [seed])


def test_sizes_are_as_likely_by_their_logarithm_and_updates_cost_the_same():
    source = batches(min_places=5, max_places=80)
    drawn = [next(source) for _ in range(400)]
    sizes = np.array([batch.n_places for batch in drawn])
    assert sizes.min() >= 5 and sizes.max() <= 80
    octaves = [((sizes >= n) & (sizes < 2 * n)).mean() for n in (5, 10, 20, 40)]
    assert np.abs(np.array(octaves) - 0.25).max() < 0.08  # 3.7 standard errors
    cost = np.array([len(batch) for batch in drawn]) * sizes**2
    assert (np.abs(cost / (64 * 20**2) - 1) < 0.15).all()


def test_a_share_of_the_batches_are_points():
    """Straight distances are those of the coordinates; roads are longer than the map's."""
    source = batches(points=0.3)
    straight = []
    for _ in range(300):
        batch = next(source)
        first, second = batch.coordinates[:, 0], batch.coordinates[:, 1]
        straight.append(np.allclose(np.hypot(*(first - second).T), batch.distance[:, 0, 1]))
    assert abs(np.mean(straight) - 0.3) < 0.09  # 3.4 standard errors


def test_instances_are_of_the_environment_when_nothing_is_asked():
    found = next(batches(seed=3))
    expected = iceland_problem(20).sampler.sample(np.random.default_rng([3]), 64, 20)
    assert np.array_equal(found.distance, expected.distance)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_places": 21}, "min_places must be at most 20, got 21"),
        ({"max_places": 19}, "max_places must be at least 20, got 19"),
        ({"max_places": 95}, "number of places must be in 2..94, got 95"),
        ({"min_places": 1}, "min_places must be at least 2, got 1"),
        ({"points": 1.5}, "points must be"),
    ],
)
def test_what_is_refused(settings, message):
    with pytest.raises(UserError, match=message):
        batches(**settings)


def test_points_of_any_number():
    config = AttentionModelConfig(max_places=150)
    source = InstanceBatches(UniformPoints(), 20, config, [0])
    assert max(next(source).n_places for _ in range(60)) > 120
