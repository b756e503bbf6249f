import torch

from hringur.estimators.baselines import LeaveOneOut
from hringur.estimators.bernoulli import ARM, DisARM
from hringur.estimators.score_functions import ScoreFunction
from tests.estimators.estimator_problems import BITS, assert_mean, bernoullis, estimates


def trace(found: torch.Tensor) -> float:
    return float(found.var(dim=0).sum())


def one_bit(estimator, logit: float, uniform: float, monkeypatch) -> float:
    """The estimate for f(b) = 3 b, from a given uniform number."""
    monkeypatch.setattr(torch, "rand", lambda shape, **options: torch.full(shape, uniform))
    logits = torch.tensor([logit], requires_grad=True)
    estimator.surrogate(lambda z: 3 * z.sum(dim=-1), bernoullis(logits), 1).backward()
    return float(logits.grad)


def test_one_bit_by_hand(monkeypatch):
    """p = sigmoid(1) = 0.731. u = 0.9: b = 1 as u > 0.269, b' = 0 as u > 0.731."""
    p = 1 / (1 + torch.e**-1)
    assert abs(one_bit(ARM(), 1.0, 0.9, monkeypatch) - 3 * (0.9 - 0.5)) < 1e-6
    assert abs(one_bit(DisARM(), 1.0, 0.9, monkeypatch) - 3 * 0.5 * p) < 1e-6
    for uniform in (0.3, 0.7):  # both bits are 1
        assert one_bit(ARM(), 1.0, uniform, monkeypatch) == 0
        assert one_bit(DisARM(), 1.0, uniform, monkeypatch) == 0


def test_one_bit_is_exact_over_all_uniform_numbers():
    """Oracle: the integral over u, by a fine grid; f(1) - f(0) = 3 times p (1 - p)."""
    grid = (torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000
    logits = torch.full((200_000, 1), 0.6, dtype=torch.float64, requires_grad=True)
    p = torch.sigmoid(torch.tensor(0.6, dtype=torch.float64))
    for estimator in (ARM(), DisARM()):
        with torch.random.fork_rng():
            original, torch.rand = torch.rand, lambda shape, **options: grid.reshape(shape)
            try:
                surrogate = estimator.surrogate(lambda z: 3 * z.sum(dim=-1), bernoullis(logits), 1)
            finally:
                torch.rand = original
        (gradient,) = torch.autograd.grad(surrogate, logits)
        torch.testing.assert_close(gradient.sum(), 3 * p * (1 - p), rtol=1e-4, atol=0)


def test_disarm_varies_less_than_arm_and_than_as_many_samples_of_leave_one_out():
    """Dong et al. 2020: the first is a theorem; the second what they found, and holds here."""
    found = {
        "arm": estimates(ARM(), BITS, samples=1),
        "disarm": estimates(DisARM(), BITS, samples=1),
        "leave-one-out": estimates(ScoreFunction(LeaveOneOut()), BITS, samples=2),
    }
    assert_mean(found["disarm"] - found["arm"], torch.zeros(3, dtype=torch.float64))
    assert trace(found["disarm"]) < 0.95 * trace(found["arm"])
    assert trace(found["disarm"]) < 0.95 * trace(found["leave-one-out"])
