"""``DirectedTSP-v0``: MatNet's matrices, the optimum, and agents that see both directions."""

from itertools import permutations

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

import hringur  # noqa: F401  # registers the environments
from hringur.agents.tours.agent import TourAgent
from hringur.agents.tours.attention_model import AttentionModelConfig
from hringur.agents.tours.decoding import readings
from hringur.data.tours.directed import DirectedMatrices


def test_distances_are_closed_and_differ_by_direction():
    """Oracle: the repeated min-plus product of the paper, until nothing changes."""
    rows = np.random.default_rng(0).random((6, 81))
    found = DirectedMatrices().from_random_rows(rows, 9)
    for row, distance in zip(rows, found.distance, strict=True):
        wanted = np.floor(row.reshape(9, 9) * 1e6)
        np.fill_diagonal(wanted, 0)
        while True:
            through = (wanted[:, :, None] + wanted[None]).min(axis=1)
            if (through >= wanted).all():
                break
            wanted = np.minimum(wanted, through)
        assert np.array_equal(np.rint(distance * 1e6), wanted)
        assert not np.array_equal(distance, distance.T)
    assert ((found.coordinates >= 0) & (found.coordinates <= 1)).all()


def test_the_optimum_is_that_of_all_tours():
    env = gym.make("DirectedTSP-v0", places=6)
    check_env(env.unwrapped, skip_render_check=True)
    env.reset(seed=3)
    distance = env.unwrapped.instance.distance[0]
    tours = np.array([[0, *rest] for rest in permutations(range(1, 6))])
    lengths = distance[tours, np.roll(tours, -1, axis=1)].sum(axis=1)
    assert env.unwrapped.optimal_km() == pytest.approx(lengths.min(), rel=1e-12)
    backwards = distance.T[tours, np.roll(tours, -1, axis=1)].sum(axis=1)
    assert not np.allclose(lengths, backwards)  # direction counts


def test_a_directed_network_sees_both_directions():
    """Places change their numbers, and the decision with them; the way back changes it."""
    torch.manual_seed(0)
    small = {"width": 16, "layers": 1, "heads": 2, "decoder_heads": 2, "feed_forward": 16}
    network = AttentionModelConfig(**small, directed=True, frequencies=0).network()
    instance = DirectedMatrices().sample(np.random.default_rng(0), 1, 7)
    distance = torch.tensor(instance.distance, dtype=torch.float32)
    nowhere = torch.full((1, 7, 2), 0.5)
    edge = network.encode(nowhere, distance).edge
    order = torch.randperm(7)
    moved = network.encode(nowhere, distance[:, order][:, :, order]).edge
    torch.testing.assert_close(moved, edge[:, order][:, :, order], atol=1e-5, rtol=1e-4)
    one_way = distance.clone()
    one_way[0, 3, 5] += 0.2  # seen by the decision at 5, which may go to 3
    changed = (network.encode(nowhere, one_way).edge - edge)[0, 5, 3]
    assert changed.abs() > 1e-5


def test_imitation_keeps_the_direction():
    tour, start = torch.tensor([[2, 0, 3, 1]]), torch.arange(4)[None]
    read = readings(tour, start, directed=True)[0].tolist()
    assert read == [[0, 3, 1, 2], [1, 2, 0, 3], [2, 0, 3, 1], [3, 1, 2, 0]]
    config = AttentionModelConfig(width=16, layers=1, heads=2, decoder_heads=2, directed=True)
    agent = TourAgent("DirectedTSP-v0", config, env_options={"places": 5}, device="cpu")
    assert agent.directed and not TourAgent(policy=config, device="cpu").directed
    assert np.isfinite(agent.update(next(agent.batches()), 0.0)["train/loss"])
