import math
from itertools import product

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch.nn.functional import scaled_dot_product_attention

from hringur.agents.tours.attention_model import (
    AttentionModel,
    AttentionModelConfig,
    EncoderLayer,
    assignment,
    edge_features,
    take_rows,
)
from hringur.agents.tours.glimpse import BOUND, exponentiate, glimpse
from hringur.data.tours.instances import UniformPoints
from hringur.types import UserError
from tests.agents.tours.naive_decoder import naive_log_prob

CONFIG = AttentionModelConfig(width=16, layers=2, heads=4, decoder_heads=2, feed_forward=32)


def problem(batch: int, n: int, dtype=torch.float32):
    instances = UniformPoints().sample(np.random.default_rng(1), batch, n)
    return torch.tensor(instances.coordinates, dtype=dtype), torch.tensor(
        instances.distance, dtype=dtype
    )


def random_tours(batch: int, tours: int, n: int) -> torch.Tensor:
    return torch.rand(batch, tours, n).argsort(dim=2)


def model(dtype=torch.float32) -> AttentionModel:
    """With weights large enough that the glimpse is far from uniform."""
    torch.manual_seed(0)
    network = AttentionModel(CONFIG).to(dtype)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return network


def test_tables_decide_exactly_as_queries_keys_and_values_do():
    network = model(torch.float64)
    coordinates, distance = problem(3, 7, torch.float64)
    tour = random_tours(3, 4, 7)
    scored = network.score(network.encode(coordinates, distance), tour).log_prob
    for b in range(3):
        for p in range(4):
            naive = naive_log_prob(network, coordinates[b], distance[b], tour[b, p])
            torch.testing.assert_close(scored[b, p], naive)


def test_gradients_are_those_of_the_naive_decoder():
    network = model(torch.float64)
    coordinates, distance = problem(2, 6, torch.float64)
    tour = random_tours(2, 3, 6)
    weights = list(network.parameters())
    fast = network.score(network.encode(coordinates, distance), tour).log_prob.sum()
    naive = sum(
        naive_log_prob(network, coordinates[b], distance[b], tour[b, p])
        for b in range(2)
        for p in range(3)
    )
    gradients = torch.autograd.grad(fast, weights)
    for gradient, expected in zip(gradients, torch.autograd.grad(naive, weights), strict=True):
        torch.testing.assert_close(gradient, expected, rtol=1e-6, atol=1e-8)


def test_steps_and_whole_tours_agree():
    network = model()
    coordinates, distance = problem(3, 8)
    tour = random_tours(3, 5, 8)
    tables = network.encode(coordinates, distance)
    memory = network.begin(tables, tour[..., 0])
    total = torch.zeros(3, 5)
    is_open = torch.ones(3, 5, 8, dtype=torch.bool)
    for step in range(7):
        is_open.scatter_(2, tour[..., step : step + 1], False)
        logits, memory = network.logits(tables, memory, tour[..., step], is_open)
        log_prob = logits.masked_fill(~is_open, -torch.inf).log_softmax(dim=-1)
        total += log_prob.gather(2, tour[..., step + 1 : step + 2])[..., 0]
    torch.testing.assert_close(network.score(tables, tour).log_prob, total, rtol=1e-4, atol=1e-4)


def test_probabilities_of_all_tours_from_a_place_add_up_to_one():
    from itertools import permutations

    network = model(torch.float64)
    coordinates, distance = problem(1, 5, torch.float64)
    tours = torch.tensor([[2, *rest] for rest in permutations([0, 1, 3, 4])])[None]
    probability = network.score(network.encode(coordinates, distance), tours).log_prob.exp()
    torch.testing.assert_close(probability.sum(), torch.ones((), dtype=torch.float64))


def test_entropy_is_that_of_the_decisions():
    """A policy of equal logits: log of the number of open places, averaged over decisions."""
    network = model()
    with torch.no_grad():
        for weight in network.parameters():
            weight.zero_()
    coordinates, distance = problem(2, 6)
    scored = network.score(network.encode(coordinates, distance), random_tours(2, 3, 6))
    expected = torch.tensor([5.0, 4.0, 3.0, 2.0, 1.0]).log()
    torch.testing.assert_close(scored.entropy, expected.mean().expand(2, 3))
    torch.testing.assert_close(scored.log_prob, -expected.sum().expand(2, 3))


def test_the_glimpse_has_the_gradient_of_a_masked_softmax():
    torch.manual_seed(0)
    first, last = (torch.randn(2, 5, 3, 5, dtype=torch.float64) for _ in range(2))
    mix = torch.randn(2, 15, 5, dtype=torch.float64)
    is_open = torch.rand(2, 5, 5, 5) < 0.6
    is_open[..., 0] = True
    inputs = [tensor.requires_grad_() for tensor in (first, last, mix)]
    fast = glimpse(exponentiate(first), exponentiate(last), mix, is_open)
    bounded = [BOUND * torch.tanh(score / BOUND) for score in (first, last)]
    score = bounded[0][:, :, None] + bounded[1][:, None]  # B P N H N
    weight = score.masked_fill(~is_open[:, :, :, None], -torch.inf).softmax(dim=-1)
    naive = torch.einsum("bplm,bmj->bplj", weight.flatten(3), mix)
    torch.testing.assert_close(fast, naive)
    direction = torch.randn_like(naive)
    fast_gradients = torch.autograd.grad((fast * direction).sum(), inputs)
    naive_gradients = torch.autograd.grad((naive * direction).sum(), inputs)
    torch.testing.assert_close(fast_gradients, naive_gradients)


def test_the_glimpse_does_not_divide_by_zero_where_open_places_hardly_count():
    score = torch.zeros(1, 2, 1, 2)
    score[..., 0] = 200.0  # open only where the weight is least
    is_open = torch.tensor([[[[False, True], [False, False]]] * 2])
    weight = exponentiate(score)
    out = glimpse(weight, weight, torch.eye(2)[None], is_open)
    assert out[0, 0, 0].tolist() == pytest.approx([0.0, 1.0])
    assert out[0, 0, 1].tolist() == [0.0, 0.0]  # the way home: nothing open, nothing added


def test_the_least_detour_is_found_by_brute_force():
    _, distance = problem(2, 6)
    least = edge_features(distance)[..., 3]
    for b in range(2):
        for i in range(6):
            for j in range(6):
                others = [k for k in range(6) if k not in (i, j)]
                detour = min(
                    float(distance[b, i, k] + distance[b, k, j] - distance[b, i, j]) for k in others
                )
                assert float(least[b, i, j]) == pytest.approx(detour, abs=1e-5)


@pytest.mark.parametrize("directed", [False, True])
def test_places_on_the_way_are_counted_by_brute_force(directed):
    _, distance = problem(2, 7)
    if directed:
        distance = distance + 0.3 * torch.rand(2, 7, 7)
        distance[:, range(7), range(7)] = 0.0
    edge = edge_features(distance)
    for b, i, j in product(range(2), range(7), range(7)):
        detour = [
            float(distance[b, i, k] + distance[b, k, j] - distance[b, i, j])
            for k in range(7)
            if k not in (i, j)
        ]
        passed, near = (0.2 * sum(math.exp(-rate * one) for one in detour) for rate in (20, 4))
        assert edge[b, i, j, 4:].tolist() == pytest.approx([passed, near], rel=1e-4, abs=1e-6)


def test_a_place_far_away_leaves_the_features_finite():
    distance = torch.ones(1, 200, 200)
    distance[0, 7] = distance[0, :, 7] = 1e6
    distance[0, range(200), range(200)] = 0.0
    assert torch.isfinite(edge_features(distance / distance.mean())).all()


def test_take_rows_is_indexing():
    table = torch.randn(3, 4, 2, 5)
    row = torch.randint(4, (3, 6))
    torch.testing.assert_close(take_rows(table, row), table[torch.arange(3)[:, None], row])


def test_distances_are_only_relative():
    """The network is told nothing of units: kilometres and miles give the same tours."""
    network = model()
    coordinates, distance = problem(2, 6)
    tour = random_tours(2, 3, 6)
    km = network.score(network.encode(coordinates, distance), tour).log_prob
    miles = network.score(network.encode(coordinates, distance / 1.609), tour).log_prob
    torch.testing.assert_close(km, miles, rtol=1e-4, atol=1e-4)


def test_widths_that_heads_do_not_divide_are_refused():
    with pytest.raises(UserError, match="width 10 must be divisible by heads"):
        AttentionModelConfig(width=10)


@pytest.mark.parametrize("n", [20, 50])
def test_attention_among_more_places_is_sharper(n):
    """Oracle: torch's attention, whose scores grow with the logarithm of the number of places."""
    torch.manual_seed(0)
    layer = EncoderLayer(width=16, heads=4, feed_forward=32, features=6)
    embedding, edge = torch.randn(2, n, 16), torch.rand(2, n, n, 6)
    query, key, value = (
        part.view(2, n, 4, 4).transpose(1, 2)
        for part in layer.attention(layer.attention_norm(embedding)).chunk(3, dim=2)
    )
    sharper = math.log(n, 20)
    attended = scaled_dot_product_attention(query * sharper, key, value, sharper * layer.bias(edge))
    middle = embedding + layer.output(attended.transpose(1, 2).reshape(2, n, 16))
    expected = middle + layer.feed_forward(middle)
    torch.testing.assert_close(layer(embedding, edge), expected, atol=1e-5, rtol=1e-4)


def test_the_assignment_is_the_regularised_one():
    """Oracles: its sums, its form, and SciPy's assignment where that has no rival."""
    _, distance = problem(4, 9, torch.float64)
    distance = distance + 0.5 * torch.rand(4, 9, 9, dtype=torch.float64)  # by direction
    relative = distance / distance.mean(dim=(1, 2), keepdim=True)
    reduced, chance = assignment(relative).unbind(dim=-1)
    torch.testing.assert_close(chance.sum(dim=1), torch.ones(4, 9, dtype=torch.float64))
    assert (chance.sum(dim=2) - 1).abs().max() < 0.06  # thirty rounds
    assert chance.diagonal(dim1=1, dim2=2).abs().max() == 0
    potentials = relative - reduced  # u(i) + v(j): no mixed differences
    mixed = potentials[:, :3, 3:6] - potentials[:, :3, 6:9]
    torch.testing.assert_close(mixed, mixed[:, :1].expand_as(mixed))
    for costs, chances in zip(relative, chance, strict=True):
        row, column = linear_sum_assignment(costs + 1e3 * torch.eye(9))
        sure = chances.amax(dim=1) > 0.9
        assert sure.any() and (chances[row].argmax(dim=1).numpy() == column)[sure].all()
