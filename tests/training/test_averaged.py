"""The averaged network: its average, its learning rate, and gradients that pass it."""

import pytest
import torch

from hringur.training.averaged import AveragedNetwork, average_weights_
from hringur.training.trainer import TrainerConfig, make_fabric


def linear(average_decay=0.5, **more):
    fabric = make_fabric(TrainerConfig(device="cpu"))
    return AveragedNetwork(fabric, torch.nn.Linear(2, 1), 0.1, (0.0, 0.9), average_decay, **more)


def test_the_average_follows_the_weights():
    one = linear(average_decay=0.5)
    expected = one.average.weight.clone()
    for update in range(1, 30):
        one.step(one.network(torch.ones(1, 2)).sum())
        decay = min(0.5, update / (update + 9))
        expected = decay * expected + (1 - decay) * one.module.weight
    torch.testing.assert_close(one.average.weight, expected)


def test_constant_weights_are_their_own_average_and_early_ones_are_forgotten():
    """Oracle: with d = n / (n + 9), the first weights count for n! 9! / (n + 9)!."""
    average, network = torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        average.weight.fill_(1.0)
        network.weight.fill_(0.0)
    expected = 1.0
    for update in range(1, 6):
        average_weights_(average, network, 0.999, update)
        expected *= update / (update + 9)
    assert average.weight.item() == pytest.approx(expected, rel=1e-6)


def test_the_learning_rate_grows_over_the_first_updates():
    one, rates = linear(lr_warm_up=4), []
    for _ in range(6):
        one.step(one.network(torch.ones(1, 2)).sum(), lr_factor=0.5)
        rates.append(one.optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.0125, 0.025, 0.0375, 0.05, 0.05, 0.05])


def test_a_checkpoint_has_the_moments_and_takes_those_of_earlier_versions():
    """Rates and other settings are those of the settings, so a checkpoint has none."""
    one, other = linear(), linear()
    one.step(one.network(torch.ones(1, 2)).sum())
    state = one.state_dict()
    assert state["optimizer"].keys() == {"state"}
    earlier = {**state, "optimizer": one.optimizer.state_dict()}
    for kept in (state, earlier):
        other.load_state_dict(kept)
        assert other.optimizer.state_dict()["state"].keys() == state["optimizer"]["state"].keys()
    one.optimizer.param_groups[0]["lr"] = 9.0
    other.load_state_dict(one.state_dict())
    assert other.optimizer.param_groups[0]["lr"] == 0.1


def test_a_gradient_passes_a_frozen_network_and_none_stays():
    one, x = linear(), torch.ones(1, 2, requires_grad=True)
    with one.frozen() as network:
        network(x).sum().backward()
    assert x.grad is not None and one.module.weight.grad is None
    assert one.module.weight.requires_grad


class Doubled(torch.nn.Linear):
    """Has a method beside forward through which it is trained."""

    forward_methods = ("doubled",)

    def doubled(self, x):
        self.seen = self(x)
        return 2 * self.seen


def test_methods_that_are_trained_through_have_the_precision_of_the_run():
    fabric = make_fabric(TrainerConfig(device="cpu", precision="bf16-mixed"))
    one = AveragedNetwork(fabric, Doubled(2, 1), 0.1, (0.0, 0.9), 0.5)
    found = one.network.doubled(torch.ones(1, 2))
    assert one.module.seen.dtype == torch.bfloat16 and found.dtype == torch.float32
    one.average.doubled(torch.ones(1, 2))
    assert one.average.seen.dtype == torch.float32
    before = one.module.weight.clone()
    one.step(found.sum())
    assert not torch.equal(one.module.weight, before)
