import pytest
import torch

from hringur.estimators.returns import discounted_returns, generalised_advantages

NO = False
UNSEEN = float("nan")  # a value that must not be looked at


def column(*numbers: float) -> torch.Tensor:
    """One environment's column, T x 1."""
    return torch.tensor(numbers, dtype=torch.float64)[:, None]


def flags(*values: bool) -> torch.Tensor:
    return torch.tensor(values)[:, None]


def test_an_episode_that_terminates_by_hand():
    got = discounted_returns(
        column(1, 2, 3, 10),
        flags(NO, NO, True, NO),
        flags(NO, NO, NO, NO),
        column(UNSEEN, UNSEEN, UNSEEN, 8),
        0.5,
    )
    # 3 ends; 2 + 3/2; 1 + 3.5/2; the next episode is cut by the rollout's end: 10 + 8/2
    torch.testing.assert_close(got, column(2.75, 3.5, 3, 14))


def test_an_episode_that_was_cut_off_goes_on_in_its_value_by_hand():
    got = discounted_returns(
        column(1, 2, 3, 10),
        flags(NO, NO, NO, True),
        flags(NO, True, NO, NO),
        column(UNSEEN, 20, UNSEEN, UNSEEN),
        0.5,
    )
    torch.testing.assert_close(got, column(7, 12, 8, 10))


def test_terminated_wins_over_truncated():
    arguments = column(1, 1), flags(True, NO), flags(True, NO), column(100, 0), 0.9
    torch.testing.assert_close(discounted_returns(*arguments), column(1, 1))
    reward, terminated, truncated, next_value, gamma = arguments
    got = generalised_advantages(
        reward, column(0, 0), next_value, terminated, truncated, gamma, 0.95
    )
    torch.testing.assert_close(got, column(1, 1))


def test_advantages_by_hand():
    got = generalised_advantages(
        reward=column(1, 2, 3),
        value=column(4, 6, 8),
        next_value=column(UNSEEN, 10, 2),
        terminated=flags(NO, NO, NO),
        truncated=flags(NO, True, NO),
        gamma=0.5,
        gae_lambda=0.5,
    )
    # residuals: 1 + 6/2 - 4 = 0; 2 + 10/2 - 6 = 1, cut; 3 + 2/2 - 8 = -4
    torch.testing.assert_close(got, column(0 + 0.25 * 1, 1, -4))


def rollout(seed: int, steps: int = 40, count: int = 7) -> dict[str, torch.Tensor]:
    """Episodes of all kinds, with ends everywhere."""
    draw = torch.Generator().manual_seed(seed)
    normal = torch.randn(3, steps, count, generator=draw, dtype=torch.float64)
    ends = torch.rand(2, steps, count, generator=draw) < 0.15
    return {
        "reward": normal[0],
        "value": normal[1],
        "next_value": normal[2],
        "terminated": ends[0],
        "truncated": ends[1],
    }


def successor_value(given: dict[str, torch.Tensor], t: int, b: int) -> float:
    if given["terminated"][t, b]:
        return 0.0
    if given["truncated"][t, b] or t == len(given["reward"]) - 1:
        return float(given["next_value"][t, b])
    return float(given["value"][t + 1, b])


@pytest.mark.parametrize("gae_lambda", [0.0, 0.3, 1.0])
def test_advantages_are_the_papers_weighted_sum_of_residuals(gae_lambda):
    """Oracle: eq. 16 as a double sum, element by element, up to each episode's end."""
    given, gamma = rollout(0), 0.93
    steps, count = given["reward"].shape
    expected = torch.zeros_like(given["reward"])
    for b in range(count):
        for t in range(steps):
            for later in range(t, steps):
                residual = given["reward"][later, b] - given["value"][later, b]
                residual = residual + gamma * successor_value(given, later, b)
                expected[t, b] += (gamma * gae_lambda) ** (later - t) * residual
                if given["terminated"][later, b] or given["truncated"][later, b]:
                    break
    got = generalised_advantages(**given, gamma=gamma, gae_lambda=gae_lambda)
    torch.testing.assert_close(got, expected)


def test_at_lambda_one_the_values_in_between_cancel():
    given = rollout(1)
    advantage = generalised_advantages(**given, gamma=0.9, gae_lambda=1.0)
    value = given.pop("value")
    torch.testing.assert_close(advantage + value, discounted_returns(**given, gamma=0.9))


def test_at_gamma_one_an_uncut_episode_returns_the_sum_of_its_rewards():
    given = rollout(2)
    ends = torch.zeros_like(given["terminated"])
    ends[-1] = True
    got = discounted_returns(given["reward"], ends, ends & False, given["next_value"], 1.0)
    torch.testing.assert_close(got[0], given["reward"].sum(dim=0))
    torch.testing.assert_close(got[-1], given["reward"][-1])


def test_returns_carry_no_gradient():
    given = rollout(3)
    given["value"].requires_grad_()
    given["next_value"].requires_grad_()
    assert not generalised_advantages(**given, gamma=0.9, gae_lambda=0.9).requires_grad
