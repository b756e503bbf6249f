import torch

from hringur.agents.reinforce.normalisation import LONGEST, RewardScale, RunningMoments, Standardise


def test_moments_of_batches_are_those_of_all_rows():
    rows = torch.randn(500, 3) * torch.tensor([1.0, 20.0, 0.1]) + torch.tensor([0.0, 5.0, -3.0])
    moments = RunningMoments(3)
    for batch in rows.split([1, 99, 0, 300, 100]):
        moments.learn(batch)
    assert moments.count == 500
    torch.testing.assert_close(moments.mean, rows.mean(dim=0), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(moments.variance, rows.var(dim=0, correction=0), rtol=1e-4, atol=0)


def test_standardised_rows_have_mean_zero_and_deviation_one_and_no_outliers():
    standardise = Standardise(2)
    rows = 7 * torch.randn(1000, 2) + 3
    torch.testing.assert_close(standardise(rows), rows.clamp(-LONGEST, LONGEST))
    standardise.learn(rows)
    out = standardise(rows)
    torch.testing.assert_close(out.mean(dim=0), torch.zeros(2), rtol=0, atol=1e-5)
    torch.testing.assert_close(out.std(dim=0), torch.ones(2), rtol=1e-3, atol=0)
    assert standardise(torch.full((1, 2), 1e6)).max() == LONGEST
    assert set(dict(standardise.named_buffers())) >= {"moments.mean", "moments.variance"}


def test_rewards_are_divided_and_not_shifted():
    scale = RewardScale()
    reward = torch.tensor([[1.0, -2.0]])
    torch.testing.assert_close(scale(reward), reward)
    returns = 50 + 4 * torch.randn(2000)
    scale.learn(returns)
    torch.testing.assert_close(scale(reward), reward / returns.std(correction=0))
    assert scale(torch.zeros(3)).abs().max() == 0
