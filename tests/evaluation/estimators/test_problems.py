from itertools import permutations

import pytest
import torch

from hringur.evaluation.estimators.problems import PROBLEMS, TourDistribution


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_exact_gradient_is_that_of_finite_differences(name):
    problem = PROBLEMS[name]()
    exact, flat = problem.exact.flatten(), problem.parameters.flatten()
    for index in range(0, len(flat), 7):
        step = torch.zeros_like(flat)
        step[index] = 1e-5
        up, down = (
            problem.expectation((flat + way).view_as(problem.parameters)) for way in (step, -step)
        )
        torch.testing.assert_close(exact[index], (up - down) / 2e-5, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_expectation_is_the_mean_of_many_samples(name):
    problem = PROBLEMS[name]()
    count = 40_000
    cost = problem.f(problem.distribution(problem.parameters).sample(torch.Size([count])))
    away = cost.mean() - problem.expectation(problem.parameters)
    assert abs(away) < 5 * cost.std() / count**0.5


def chance_by_hand(table: torch.Tensor, tour: list[int]) -> float:
    """Oracle: step by step, a softmax over what is left."""
    chance, left = 1.0, [place for place in range(len(table)) if place != tour[0]]
    for last, place in zip(tour, tour[1:], strict=False):
        weight = table[last, left].exp()
        chance *= float(weight[left.index(place)] / weight.sum())
        left.remove(place)
    return chance


def test_the_tour_policy_by_hand_and_its_samples():
    table = torch.randn(5, 5, dtype=torch.float64)
    tours = [[0, *rest] for rest in permutations(range(1, 5))]
    distribution = TourDistribution(table)
    chance = distribution.log_prob(torch.tensor(tours)).exp()
    by_hand = torch.tensor([chance_by_hand(table, tour) for tour in tours], dtype=torch.float64)
    torch.testing.assert_close(chance, by_hand)
    torch.testing.assert_close(chance.sum(), torch.tensor(1.0, dtype=torch.float64))

    count = 20_000
    drawn = distribution.sample(torch.Size([count])).tolist()
    for tour, expected in zip(tours, by_hand.tolist(), strict=True):
        error = (expected * (1 - expected) / count) ** 0.5
        assert abs(drawn.count(tour) / count - expected) < 5 * error


def test_the_greedy_tour_goes_where_the_table_says():
    table = torch.tensor([[0.0, 1.0, 2.0], [5.0, 0.0, 1.0], [9.0, 1.0, 0.0]])
    greedy = TourDistribution(torch.stack([table, -table])).mode
    assert greedy.tolist() == [[0, 2, 1], [0, 1, 2]]


def test_tours_of_several_instances_have_their_own_tables():
    tables = torch.randn(3, 4, 4, dtype=torch.float64)
    together = TourDistribution(tables)
    tours = together.sample(torch.Size([6]))
    assert tours.shape == (6, 3, 4)
    for instance in range(3):
        alone = TourDistribution(tables[instance]).log_prob(tours[:, instance])
        torch.testing.assert_close(together.log_prob(tours)[:, instance], alone)
