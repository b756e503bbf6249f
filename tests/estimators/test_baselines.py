import pytest
import torch
from torch import nn

from hringur.estimators.baselines import (
    BatchMean,
    Draw,
    GreedyChoice,
    GreedyRollout,
    LeaveOneOut,
    MovingAverage,
    NoBaseline,
    make_baseline,
)
from hringur.estimators.distributions import bernoullis

COST = torch.tensor([[1.0, 2.0, 6.0], [4.0, 4.0, 1.0]])


class Constant(nn.Module):
    """A policy whose greedy cost is about its only weight."""

    def __init__(self, cost: float):
        super().__init__()
        self.cost = nn.Parameter(torch.tensor(cost))


def greedy_cost(policy, batch):
    return policy.cost * (1 + 0.1 * batch)


def test_leave_one_out_by_hand():
    value = LeaveOneOut().value(COST, None)
    torch.testing.assert_close(value, torch.tensor([[4.0, 3.5, 1.5], [2.5, 2.5, 4.0]]))


def test_leave_one_out_is_the_shared_baseline_of_pomo_made_longer():
    shared = COST - COST.mean(dim=1, keepdim=True)
    torch.testing.assert_close(COST - LeaveOneOut().value(COST, None), shared * 3 / 2)


def test_moving_average_by_hand():
    baseline = MovingAverage(decay=0.9)
    assert baseline.value(COST, None).tolist() == [[0.0], [0.0]]
    baseline.update(COST, nn.Identity(), None)  # mean 3
    baseline.update(COST + 2, nn.Identity(), None)  # mean 5
    torch.testing.assert_close(baseline.value(COST, None), torch.full((2, 1), 0.9 * 3 + 0.1 * 5))


@pytest.mark.parametrize(("present", "expected"), [(1.0, 1.0), (2.99, 3.0), (4.0, 3.0)])
def test_greedy_rollout_changes_only_to_a_policy_that_is_clearly_better(present, expected):
    torch.manual_seed(0)
    baseline = GreedyRollout(Constant(3.0), noisy_cost, every=4)
    policy = Constant(present)
    for _ in range(4):
        baseline.update(COST, policy, torch.randn(8))
    batch = torch.zeros(2)
    torch.testing.assert_close(
        baseline.value(COST, batch), torch.full((2, 1), expected), rtol=0, atol=1e-6
    )


def noisy_cost(policy, batch):
    """Noise of its own for each call, unless the batch is all zeros."""
    return policy.cost + batch + torch.randn_like(batch) * batch.abs().sign()


def test_a_restored_greedy_rollout_goes_on_with_its_comparison():
    torch.manual_seed(0)
    noise = [torch.randn(8) for _ in range(4)]
    whole, first = (GreedyRollout(Constant(3.0), greedy_cost, every=4) for _ in range(2))
    second = GreedyRollout(Constant(9.0), greedy_cost, every=4)
    policy = Constant(2.0)
    for step, batch in enumerate(noise):
        whole.update(COST, policy, batch)
        if step == 2:
            second.load_state_dict(first.state_dict())
        (second if step >= 2 else first).update(COST, policy, batch)
    zero = torch.zeros(2)
    torch.testing.assert_close(whole.value(COST, zero), second.value(COST, zero))
    assert second.state_dict()["present_costs"] == []


def test_every_name_makes_its_baseline():
    kinds = {"leave-one-out": LeaveOneOut, "moving-average": MovingAverage}
    for name, kind in (kinds | {"greedy-rollout": GreedyRollout}).items():
        assert type(make_baseline(name, Constant(1.0), greedy_cost)) is kind


def test_a_moving_average_goes_on_from_its_state_and_moves_with_its_module():
    first, second = MovingAverage(decay=0.5), MovingAverage(decay=0.5)
    first.update(COST, nn.Identity(), None)
    second.load_state_dict(first.state_dict())
    second.update(COST + 2, nn.Identity(), None)
    assert second.state_dict()["average"].item() == 4.0
    assert second.value(COST, None).dtype == COST.dtype


def test_the_batch_mean_is_the_same_for_all_samples_of_an_instance():
    torch.testing.assert_close(BatchMean().value(COST, None), torch.tensor([[3.0], [3.0]]))
    assert NoBaseline().value(COST, None).tolist() == [[0.0], [0.0]]


def test_the_greedy_choice_costs_what_the_likeliest_sample_costs():
    logits = torch.tensor([[2.0, -1.0, 0.5], [-1.0, 0.0, 3.0]])
    draw = Draw(lambda z: z @ torch.tensor([1.0, 10.0, 100.0]), bernoullis(logits))
    assert GreedyChoice().value(COST, draw).tolist() == [[101.0], [100.0]]
