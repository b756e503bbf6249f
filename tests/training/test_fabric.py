import math

import pytest
import torch
from torch import nn

from hringur.training.config import TrainerConfig
from hringur.training.fabric import gradient_step, make_fabric
from hringur.types import UserError


@pytest.fixture
def fabric():
    return make_fabric(TrainerConfig(device="cpu"))


def linear(fabric):
    net = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[1.0, 1.0]]))
    return fabric.setup(net, torch.optim.SGD(net.parameters(), lr=1.0))


@pytest.mark.parametrize(("clip_norm", "length"), [(None, 5.0), (10.0, 5.0), (1.0, 1.0)])
def test_step_follows_the_gradient_no_further_than_the_clip(fabric, clip_norm, length):
    """Oracle: the loss 3x + 4y has the gradient (3, 4), of length 5."""
    net, optimizer = linear(fabric)
    for _ in range(2):  # a second time: old gradients are cleared
        before = net.weight.detach().clone()
        loss = net(torch.tensor([3.0, 4.0])).squeeze()
        assert gradient_step(fabric, loss, optimizer, clip_norm) == pytest.approx(5.0)
        step = (before - net.weight.detach()).squeeze()
        torch.testing.assert_close(step, torch.tensor([0.6, 0.8]) * length)


@pytest.mark.parametrize("factor", [math.nan, math.inf])
def test_not_finite_is_refused_and_leaves_the_weights(fabric, factor):
    net, optimizer = linear(fabric)
    loss = net(torch.tensor([3.0, 4.0])).squeeze()
    with pytest.raises(FloatingPointError, match=f"loss {factor} with gradient norm"):
        gradient_step(fabric, loss * factor, optimizer, 1.0)
    assert torch.equal(net.weight, torch.ones(1, 2))


def test_an_infinite_loss_is_refused_though_its_gradient_is_finite(fabric):
    net, optimizer = linear(fabric)
    loss = net(torch.tensor([3.0, 4.0])).squeeze() + math.inf
    with pytest.raises(FloatingPointError, match="loss inf with gradient norm 5.0"):
        gradient_step(fabric, loss, optimizer, 1.0)
    assert torch.equal(net.weight, torch.ones(1, 2))


def test_a_gradient_that_is_not_finite_is_refused_though_the_loss_is(fabric):
    net, optimizer = linear(fabric)
    loss = (net(torch.tensor([1.0, -1.0])).squeeze()).abs().sqrt()  # the slope at 0 is infinite
    with pytest.raises(FloatingPointError, match="loss 0.0 with gradient norm"):
        gradient_step(fabric, loss, optimizer, 1.0)
    assert torch.equal(net.weight, torch.ones(1, 2))


def test_device_and_precision(monkeypatch):
    precision = torch.get_float32_matmul_precision()
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert make_fabric(TrainerConfig()).device == torch.device("cpu")
    half = make_fabric(TrainerConfig(device="cpu", precision="bf16-mixed"))
    net = half.setup(nn.Linear(2, 1))
    with half.autocast():
        assert (torch.ones(1, 2) @ torch.ones(2, 1)).dtype == torch.bfloat16
    assert net.weight.dtype == torch.float32
    with pytest.raises(UserError, match=r"^device cuda: needs 1 GPU\(s\), this machine offers 0$"):
        make_fabric(TrainerConfig(device="cuda"))
    with pytest.raises(UserError, match="^precision 16-mixed needs a GPU"):
        make_fabric(TrainerConfig(device="cpu", precision="16-mixed"))
    assert torch.get_float32_matmul_precision() == precision == "highest"


def test_threads(monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    make_fabric(TrainerConfig(device="cpu"))
    make_fabric(TrainerConfig(device="cpu", threads=2))
    assert asked == [2]


def test_what_is_too_small_to_matter_counts_as_zero():
    """A product below 1e-38 is a denormal number, which would slow down the optimiser."""
    torch.set_flush_denormal(False)
    small = torch.full((64,), 1e-30)
    assert (small * 1e-10 > 0).all()
    make_fabric(TrainerConfig(device="cpu"))
    assert (small * 1e-10 == 0).all()
