import math

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import nn

from hringur.agents.reinforce.agent import ReinforceConfig
from hringur.agents.reinforce.layers import Smoothed
from hringur.agents.reinforce.networks import ActorCritic, pointers
from hringur.agents.reinforce.observations import leaves_of, tensors
from hringur.types import UserError

CPU = torch.device("cpu")
SPACES = {
    "numbers": spaces.Box(-1, 1, (5,), np.float32),
    "scalar": spaces.Box(-1, 1, (), np.float32),
    "choice": spaces.Discrete(6),
    "many values": spaces.Discrete(1000),
    "choices": spaces.MultiDiscrete([3, 4]),
    "bits": spaces.MultiBinary(4),
    "small image": spaces.Box(0, 255, (10, 10, 4), np.uint8),
    "image, channels first": spaces.Box(0, 255, (3, 44, 50), np.uint8),
    "grey image": spaces.Box(0, 255, (40, 40), np.uint8),
    "parts": spaces.Dict({"a.b": spaces.Discrete(3), "c": spaces.Box(0, 255, (9, 9, 3), np.uint8)}),
}


@pytest.mark.parametrize("name", SPACES)
def test_every_space_has_a_network_that_learns(name):
    """One gradient step reaches every weight, and rows do not see each other."""
    parts = leaves_of(SPACES[name], "here")
    network = ActorCritic(parts, 3, ReinforceConfig(width=8))
    rows = [tensors(parts, SPACES[name].sample(), CPU) for _ in range(6)]
    batch = {part: torch.cat([row[part] for row in rows]) for part in rows[0]}
    logits, value = network(batch, 4)
    assert logits.shape == (4, 3) and value.shape == (6,)
    torch.testing.assert_close(network.logits(rows[2])[0], logits[2], rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(network.value(rows[5])[0], value[5], rtol=1e-3, atol=1e-5)
    (logits.square().sum() + value.sum()).backward()
    for weight_name, weight in network.named_parameters():
        if weight.requires_grad:
            assert weight.grad is not None and weight.grad.abs().sum() > 0, weight_name


def test_a_choice_brings_along_the_row_that_it_points_at():
    """Of each table with as many rows as it has values, counted from its own smallest one."""
    space = spaces.Dict({
        "near": spaces.Box(-1, 1, (4, 3), np.float32),
        "other": spaces.Box(-1, 1, (5, 2), np.float32),
        "flat": spaces.Box(-1, 1, (4,), np.float32),
        "seen": spaces.MultiBinary(4),
        "here": spaces.Discrete(4, start=7),
        "there": spaces.MultiDiscrete([4, 5]),
    })  # fmt: skip
    parts = leaves_of(space, "somewhere")
    assert [(a.name, b.name) for a, b in pointers(parts)] == [("here", "near")]
    network = ActorCritic(parts, 2, ReinforceConfig(width=8))
    space.seed(0)
    for sample in (space.sample() for _ in range(6)):
        features = network._features(tensors(parts, sample, CPU))[0]
        expected = torch.from_numpy(sample["near"][sample["here"] - 7])
        assert torch.equal(features[-3:], expected)  # nothing is standardised yet


def test_statistics_are_of_numbers_only_and_of_the_rows_asked_for():
    space = spaces.Dict({"x": SPACES["numbers"], "bits": SPACES["bits"]})
    parts = leaves_of(space, "here")
    network = ActorCritic(parts, 2, ReinforceConfig())
    standardise = [m for m in network.modules() if type(m).__name__ == "Standardise"]
    assert len(standardise) == 1
    batch = {"x": torch.randn(10, 5) + 4, "bits": torch.zeros(10, 4)}
    network.learn_statistics(batch, 7)
    torch.testing.assert_close(standardise[0].moments.mean, batch["x"][:7].mean(dim=0))
    plain = ActorCritic(parts, 2, ReinforceConfig(normalise_observation=False))
    plain.learn_statistics(batch, 7)
    assert not any(type(m).__name__ == "Standardise" for m in plain.modules())


def test_the_activation_may_be_chosen():
    parts = leaves_of(SPACES["numbers"], "here")
    assert any(
        isinstance(m, nn.ReLU)
        for m in ActorCritic(parts, 2, ReinforceConfig(activation="relu")).policy
    )
    assert any(isinstance(m, nn.Tanh) for m in ActorCritic(parts, 2, ReinforceConfig()).policy)


def test_actions_are_scored_by_their_own_rows():
    """Whoever exchanges two actions in the observation exchanges their scores."""
    space = spaces.Dict({
        "length": spaces.Box(0, 1, (5,), np.float32),
        "place": spaces.Box(0, 1, (5, 2), np.float32),
        "seen": spaces.MultiBinary(5),
        "table": spaces.Box(0, 1, (3, 5), np.float32),
        "other": spaces.Box(0, 1, (4,), np.float32),
        "here": spaces.Discrete(3),
    })  # fmt: skip
    parts = leaves_of(space, "here")
    network = ActorCritic(parts, 5, ReinforceConfig(width=8, score_actions=True))
    assert sum(size for _, size in network.policy.rows) == 1 + 2 + 1 + 1  # and the row pointed at
    for weight in network.policy.logits.parameters():
        nn.init.zeros_(weight)
    space.seed(1)
    sample, order = space.sample(), np.array([3, 1, 4, 0, 2])
    turned = {name: sample[name][order] for name in ("length", "place", "seen")}
    turned["table"] = sample["table"][:, order]
    scores, exchanged = (
        network.logits(tensors(parts, one, CPU))[0] for one in (sample, sample | turned)
    )
    torch.testing.assert_close(exchanged, scores[order])
    assert len(set(scores.tolist())) == 5


def test_actions_without_rows_of_their_own_are_refused():
    parts = leaves_of(spaces.Box(-1, 1, (4,), np.float32), "CartPole")
    with pytest.raises(UserError, match="with 2 rows of numbers, one for each action"):
        ActorCritic(parts, 2, ReinforceConfig(score_actions=True))


def test_smoothed_choices_share_with_neighbours_and_not_across_choices():
    """Oracle: the sum over neighbours, written out."""
    logits = torch.randn(3, 9)
    found = Smoothed([5, 4], deviation=1.5)(logits)
    for first, size in ((0, 5), (5, 4)):
        for a in range(size):
            expected = logits[:, first + a].clone()
            weights = [math.exp(-0.5 * ((a - b) / 1.5) ** 2) for b in range(size)]
            for b, weight in enumerate(weights):
                expected += 3 * weight / sum(weights) * logits[:, first + b]
            torch.testing.assert_close(found[:, first + a], expected)


@pytest.mark.parametrize("deviation", [5e-324, 1e-46, 1e-9])
def test_a_narrow_smoothing_shares_with_no_neighbour(deviation):
    torch.testing.assert_close(Smoothed([3], deviation).mixed, Smoothed([3], 0.1).mixed)


def test_a_policy_with_smoothed_choices_reaches_any_logits():
    parts = leaves_of(spaces.Box(-1.0, 1.0, (2,), np.float32), "here")
    network = ActorCritic(parts, 5, ReinforceConfig(smooth_choices=2.0), [3, 2])
    inner, smoothed = network.policy
    assert torch.linalg.cond(smoothed.mixed) < 10
    seen = {"observation": torch.randn(4, 2)}
    features = torch.cat([network.encoders[name](seen["observation"]) for name in network.encoders])
    torch.testing.assert_close(network.logits(seen), smoothed(inner(features)))
