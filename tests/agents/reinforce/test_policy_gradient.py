import pytest
import torch

from hringur.agents.reinforce.agent import Reinforce, ReinforceConfig
from hringur.agents.reinforce.policy_gradient import Decisions, clipped_ratio
from hringur.estimators.score_functions import score_function
from hringur.types import UserError


def built(**settings) -> Reinforce:
    settings = {"n_envs": 6, "n_steps": 10, "width": 8} | settings
    return Reinforce("CartPole-v1", ReinforceConfig(**settings), seed=3, device="cpu")


@torch.no_grad()
def log_prob(agent: Reinforce, rollout) -> torch.Tensor:
    seen = {name: x[:-1].flatten(0, 1) for name, x in rollout.observation.items()}
    chance = agent.network.logits(seen).log_softmax(dim=1)
    return chance.gather(1, rollout.decision.flatten()[:, None])[:, 0]


def test_before_anything_changed_the_gradient_is_that_of_reinforce():
    log_prob = torch.randn(7).sub(1).requires_grad_()
    cost = torch.randn(7)
    (found,) = torch.autograd.grad(clipped_ratio(log_prob, log_prob.detach(), cost, 0.2), log_prob)
    (expected,) = torch.autograd.grad(score_function(log_prob, cost), log_prob)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    "ratio, cost, loss, slope",
    [
        (1.1, -2.0, -2.2, -2.2),  # within the bounds: r C
        (1.5, -2.0, -2.4, 0.0),  # a good decision, already made likelier than by a fifth
        (1.5, 2.0, 3.0, 3.0),  # a bad one that became likelier: still corrected
        (0.5, -2.0, -1.0, -1.0),  # a good one that became rarer: still corrected
        (0.5, 2.0, 1.6, 0.0),  # a bad one, already rarer than by a fifth
    ],
)
def test_the_ratio_is_clipped_where_it_would_pay_to_go_further(ratio, cost, loss, slope):
    """Worked by hand from Schulman et al. 2017, figure 1; the slope is along log pi."""
    log_prob = torch.tensor([ratio]).log().requires_grad_()
    found = clipped_ratio(log_prob, torch.zeros(1), torch.tensor([cost]), 0.2)
    found.backward()
    assert found.item() == pytest.approx(loss, rel=1e-5)
    assert log_prob.grad.item() == pytest.approx(slope, rel=1e-5)


def test_every_epoch_takes_every_decision_once_and_keeps_its_row_together():
    rows = torch.arange(11)
    decisions = Decisions(
        observation={"x": rows * 10}, decision=rows, mask=rows[:, None] % 2 == 0,
        returns=rows * 2.0, cost=rows * 3.0, weight=rows * 4.0, log_prob=rows * 5.0,
    )  # fmt: skip
    parts = list(decisions.minibatches(3, epochs=2))
    assert [len(part.decision) for part in parts] == [4, 4, 3] * 2
    orders = [torch.cat([part.decision for part in parts[k : k + 3]]) for k in (0, 3)]
    assert all(torch.equal(order.sort().values, rows) for order in orders)
    assert not torch.equal(*orders)
    for part in parts:
        row = part.decision
        assert torch.equal(part.observation["x"], row * 10)
        assert torch.equal(part.mask[:, 0], row % 2 == 0)
        for name, factor in (("returns", 2), ("cost", 3), ("weight", 4), ("log_prob", 5)):
            assert torch.equal(getattr(part, name), row * float(factor))


def test_what_is_kept_of_acting_is_what_the_network_says():
    agent = built(epochs=2)
    rollout = next(agent.batches)
    seen = {name: x.flatten(0, 1) for name, x in rollout.observation.items()}
    with torch.no_grad():
        logits, value = agent.network(seen, 66)
    torch.testing.assert_close(rollout.logits.flatten(0, 1), logits[:60])
    torch.testing.assert_close(rollout.value.flatten(), value)
    assert next(built().batches).logits is None


def test_epochs_move_the_policy_but_not_beyond_the_clip():
    """Many epochs over one rollout: with a narrow clip the chances stay near what they were."""
    moved = {}
    for clip in (0.05, 10.0):
        settings = {"entropy_weight": 0.0, "value_weight": 0.0, "lr": 1e-2}
        agent = built(epochs=30, minibatches=2, clip=clip, **settings)
        rollout = next(agent.batches)
        first = log_prob(agent, rollout)
        found = agent.update(rollout, 0.0)
        last = log_prob(agent, rollout)
        moved[clip] = (last - first).exp().sub(1).abs().mean().item()
        assert "train/value_loss" in found and "rollout/ep_rew_mean" not in found
    assert 0.01 < moved[0.05] < moved[10.0] / 2


@pytest.mark.parametrize("settings", [{"epochs": 0}, {"minibatches": 0}, {"clip": 0.0}])
def test_no_epochs_minibatches_or_clip_are_refused(settings):
    (name,) = settings
    with pytest.raises(UserError, match=f"{name} must be positive and finite, got 0"):
        ReinforceConfig(**settings)
