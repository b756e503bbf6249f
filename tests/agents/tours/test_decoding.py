from itertools import permutations

import numpy as np
import pytest
import torch

from hringur.agents.tours.attention_model import AttentionModel, AttentionModelConfig
from hringur.agents.tours.decoding import (
    Decoding,
    beam_search,
    build_tours,
    decode,
    greedy,
    readings,
    sample,
    turn_to,
)
from hringur.agents.tours.pointer_network import PointerNetwork, PointerNetworkConfig
from hringur.data.tours.instances import UniformPoints
from hringur.data.tours.length import tour_length
from hringur.types import UserError

NETWORKS = {
    "attention-model": lambda: AttentionModel(
        AttentionModelConfig(width=16, layers=1, heads=2, decoder_heads=2, feed_forward=16)
    ),
    "pointer-network": lambda: PointerNetwork(PointerNetworkConfig(width=16, attention_width=8)),
}


@pytest.fixture(params=sorted(NETWORKS))
def policy(request):
    torch.manual_seed(3)
    network = NETWORKS[request.param]()
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
    return network


def problem(batch: int, n: int):
    instances = UniformPoints().sample(np.random.default_rng(5), batch, n)
    return torch.tensor(instances.coordinates).float(), torch.tensor(instances.distance).float()


def all_tours(n: int, start: int) -> torch.Tensor:
    others = [place for place in range(n) if place != start]
    return torch.tensor([[start, *rest] for rest in permutations(others)])[None]


def is_permutation(tour: torch.Tensor) -> bool:
    return bool((tour.sort(dim=-1).values == torch.arange(tour.shape[-1])).all())


def test_a_beam_as_wide_as_all_tours_finds_the_likeliest(policy):
    coordinates, distance = problem(3, 5)
    start = torch.tensor([0, 3, 4])
    with torch.no_grad():
        encoding = policy.encode(coordinates, distance)
        beams = beam_search(policy, encoding, start, 24, 5)
        for b in range(3):
            one = policy.encode(coordinates[b : b + 1], distance[b : b + 1])
            tours = all_tours(5, int(start[b]))
            likeliest = tours[0, policy.score(one, tours).log_prob[0].argmax()]
            assert beams[b, 0].tolist() == likeliest.tolist()
            assert len({tuple(tour) for tour in beams[b].tolist()}) == 24


def test_a_beam_of_one_is_greedy(policy):
    coordinates, distance = problem(4, 7)
    start = torch.tensor([0, 1, 2, 6])
    one = decode(policy, coordinates, distance, start, Decoding(method="beam", beam_width=1), False)
    assert one.tolist() == decode(policy, coordinates, distance, start, Decoding()).tolist()


def test_a_beam_wider_than_there_are_tours_still_returns_tours(policy):
    coordinates, distance = problem(2, 3)
    tours = beam_search(policy, policy.encode(coordinates, distance), torch.tensor([0, 2]), 9, 3)
    assert is_permutation(tours)


def test_sampled_tours_come_as_often_as_they_are_likely(policy):
    coordinates, distance = problem(1, 4)
    tours = all_tours(4, 1)
    count = 20_000
    torch.manual_seed(0)
    with torch.no_grad():
        encoding = policy.encode(coordinates, distance)
        probability = policy.score(encoding, tours).log_prob[0].exp()
        start = torch.full((1, count), 1)
        drawn = build_tours(policy, encoding, start, 4, sample)[0]
    matches = (drawn[:, None] == tours[0]).all(dim=-1)  # count tours
    assert bool(matches.any(dim=1).all())
    share = matches.float().mean(dim=0)
    tolerance = 5 * (probability * (1 - probability) / count).sqrt() + 1e-4
    assert bool(((share - probability).abs() < tolerance).all())


def test_sampling_never_takes_a_closed_place_however_likely():
    logits = torch.tensor([[[100.0, -100.0, -101.0]]]).expand(1, 5000, 3)
    is_open = torch.tensor([[[False, True, True]]]).expand(1, 5000, 3)
    torch.manual_seed(0)
    drawn = sample(logits, is_open)
    assert set(drawn.unique().tolist()) == {1, 2}
    assert float((drawn == 1).float().mean()) == pytest.approx(1 / (1 + np.exp(-1)), abs=0.04)
    assert greedy(logits, is_open).unique().tolist() == [1]


@pytest.mark.parametrize("method", ["greedy", "all-starts", "sampling", "beam"])
@pytest.mark.parametrize("symmetries", [1, 8])
def test_every_method_returns_tours_from_their_starts(policy, method, symmetries):
    coordinates, distance = problem(5, 6)
    start = torch.tensor([0, 5, 2, 2, 1])
    decoding = Decoding(method=method, samples=7, beam_width=3, symmetries=symmetries)
    tour = decode(policy, coordinates, distance, start, decoding)
    assert is_permutation(tour)
    assert tour[:, 0].tolist() == start.tolist()


def test_more_tries_are_never_longer(policy):
    coordinates, distance = problem(20, 8)
    start = torch.zeros(20, dtype=torch.long)

    def length(**options):
        tour = decode(policy, coordinates, distance, start, Decoding(**options))
        return tour_length(distance, tour)

    one, all_starts = length(), length(method="all-starts")
    assert bool((all_starts <= one + 1e-6).all()) and bool((all_starts < one - 1e-6).any())
    eight = length(method="all-starts", symmetries=8)
    assert bool((eight <= all_starts + 1e-6).all()) and bool((eight < all_starts - 1e-6).any())


def test_readings_are_the_same_round_trip_from_every_start_in_both_directions():
    torch.manual_seed(0)
    _, distance = problem(30, 6)
    tour = torch.rand(30, 6).argsort(dim=1)
    start = torch.arange(6).expand(30, 6)
    read = readings(tour, start)
    assert is_permutation(read)
    assert torch.equal(read[..., 0], start)
    expected = tour_length(distance, tour)[:, None].expand(30, 6)
    torch.testing.assert_close(tour_length(distance, read), expected)
    forwards = (read == turn_to(tour.repeat_interleave(6, 0), start.flatten()).view(30, 6, 6)).all(
        dim=2
    )
    assert 0.3 < float(forwards.float().mean()) < 0.7


def test_all_starts_on_an_open_path_is_refused(policy):
    coordinates, distance = problem(2, 5)
    start = torch.zeros(2, dtype=torch.long)
    with pytest.raises(UserError, match="all-starts needs a round trip"):
        decode(policy, coordinates, distance, start, Decoding(method="all-starts"), False)


@pytest.mark.parametrize("options", [{"samples": 0}, {"beam_width": -1}])
def test_impossible_settings_are_refused(options):
    with pytest.raises(UserError, match="must be at least 1"):
        Decoding(**options)
