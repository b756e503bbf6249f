import numpy as np
import pytest
import torch

from hringur.agents.tours.attention_model import AttentionModel, AttentionModelConfig
from hringur.agents.tours.decoding import build_tours, greedy
from hringur.agents.tours.reconstruction import LONGEST, SHORTEST, reconstruct
from hringur.data.tours.length import tour_length


class NearestPlace:
    """A policy that goes on to the nearest place; it remembers where each tour began."""

    recurrent = False

    def encode(self, coordinates, distance):
        return distance

    def begin(self, encoding, start):
        return start

    def logits(self, encoding, memory, last, is_open):
        return -encoding[torch.arange(len(last))[:, None], last], memory


def problem(batch, n, seed, directed=False):
    rng = np.random.default_rng(seed)
    points = rng.random((batch, n, 2))
    distance = np.linalg.norm(points[:, :, None] - points[:, None], axis=-1)
    if directed:
        distance *= rng.uniform(1.0, 3.0, distance.shape)
    tour = np.stack([rng.permutation(n) for _ in range(batch)])
    return torch.tensor(points).float(), torch.tensor(distance).float(), torch.tensor(tour)


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("round_trip", [True, False])
@pytest.mark.parametrize("n", [2, SHORTEST - 1, SHORTEST, 30, LONGEST + 11])
def test_no_tour_gets_longer_and_each_begins_where_it_began(n, round_trip, directed):
    torch.manual_seed(n)
    points, distance, tour = problem(3, n, n, directed)
    better = reconstruct(NearestPlace(), points, distance, tour, 20, round_trip)
    assert torch.equal(better.sort(dim=1).values, torch.arange(n).expand(3, n))
    assert torch.equal(better[:, 0], tour[:, 0])
    assert round_trip or torch.equal(better[:, -1], tour[:, -1])
    before, after = (tour_length(distance, t, round_trip) for t in (tour, better))
    assert (after <= before * (1 + 1e-5)).all()
    assert n <= SHORTEST or (after < 0.8 * before).all()
    assert n >= SHORTEST or torch.equal(better, tour)
    for _ in range(5):  # nor one that is good already, where a turn would show
        again = reconstruct(NearestPlace(), points, distance, better, 1, round_trip)
        assert (tour_length(distance, again, round_trip) <= after * (1 + 1e-5)).all()


def test_one_round_is_the_policys_way_between_the_ends_where_that_is_shorter():
    """Oracle: a stretch of all places of an open path can be cut in one manner only."""
    points, distance, tour = problem(40, SHORTEST, 0)
    found = reconstruct(NearestPlace(), points, distance, tour, 1, round_trip=False)
    kept = 0
    for table, old, new in zip(distance.numpy(), tour.tolist(), found.tolist(), strict=True):
        way = old[:1]
        while len(way) < SHORTEST - 1:
            way.append(min(set(old[:-1]) - set(way), key=lambda place: table[way[-1], place]))
        way.append(old[-1])
        lengths = [sum(table[a, b] for a, b in zip(w, w[1:], strict=False)) for w in (old, way)]
        assert new == (way if lengths[1] < lengths[0] else old)
        kept += new == old
    assert 0 < kept < 40


def test_a_way_between_two_places_is_a_round_trip_that_has_come_to_the_first():
    """The network's own likelihood: no other place was likelier than the next at any step."""
    torch.manual_seed(0)
    config = AttentionModelConfig(width=16, layers=1, heads=2, decoder_heads=2, feed_forward=16)
    network = AttentionModel(config).eval().requires_grad_(False)
    network.project.weight.mul_(4)  # so that it matters where a tour began
    network.edge_bias.weight.zero_()
    points, distance, _ = problem(30, 9, 3)
    encoding = network.encode(points, distance)
    start, end = torch.full((30, 1), 4), torch.full((30, 1), 1)
    way = build_tours(network, encoding, start, 9, greedy, end)
    assert torch.equal(way[:, :, :1], start[..., None]) and torch.equal(way[:, :, -1], end)
    memory = network.begin(encoding, end)
    for step in range(1, 8):
        is_open = torch.ones(30, 1, 9, dtype=torch.bool)
        is_open.scatter_(2, torch.cat([end[..., None], way[:, :, :step]], dim=2), False)
        logits, _ = network.logits(encoding, memory, way[:, :, step - 1], is_open)
        assert torch.equal(logits.masked_fill(~is_open, -torch.inf).argmax(dim=2), way[:, :, step])
