import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch.distributions import Bernoulli, Categorical

from hringur.agents.reinforce.action_distributions import ActionDistribution, distribution_for
from hringur.types import UserError

SPACES = {
    "one": spaces.Discrete(4, start=2),
    "several": spaces.MultiDiscrete([[2, 3], [4, 2]], start=[[0, 5], [-1, 0]]),
    "bits": spaces.MultiBinary((2, 2)),
}
every_space = pytest.mark.parametrize("name", SPACES)


def oracle(name, logits):
    """torch's own distributions, one for each independent choice."""
    if name == "bits":
        return [Bernoulli(logits=column) for column in logits.unbind(1)]
    sizes = [4] if name == "one" else [2, 3, 4, 2]
    return [Categorical(logits=part) for part in logits.split(sizes, dim=1)]


@every_space
def test_log_prob_and_entropy_are_torchs(name):
    own = distribution_for(SPACES[name], "here")
    assert isinstance(own, ActionDistribution)
    logits = torch.randn(50, own.n_logits)
    decision = own.sample(logits, None, torch.Generator().manual_seed(0))
    assert decision.shape == (50, *own.shape)
    found = own.log_prob_and_entropy(logits, None, decision)
    columns = decision.reshape(50, -1).unbind(1)
    each = oracle(name, logits)
    log_prob = sum(one.log_prob(c.to(logits.dtype)) for one, c in zip(each, columns, strict=True))
    torch.testing.assert_close(found[0], log_prob)
    torch.testing.assert_close(found[1], sum(one.entropy() for one in each))


@every_space
def test_samples_are_as_frequent_as_their_probability(name):
    own = distribution_for(SPACES[name], "here")
    count = 40_000
    logits = torch.randn(1, own.n_logits).expand(count, -1)
    decision = own.sample(logits, None, torch.Generator().manual_seed(1)).reshape(count, -1)
    for one, column in zip(oracle(name, logits[:1]), decision.unbind(1), strict=True):
        chances = one.probs[0] if name != "bits" else torch.stack([1 - one.probs[0], one.probs[0]])
        found = torch.bincount(column, minlength=len(chances)) / count
        assert ((found - chances).abs() < 5 * (chances * (1 - chances) / count).sqrt()).all()


@every_space
def test_actions_are_the_spaces_own(name):
    space = SPACES[name]
    own = distribution_for(space, "here")
    logits = torch.randn(200, own.n_logits)
    for decision in (own.sample(logits, None, torch.Generator()), own.likeliest(logits, None)):
        assert all(space.contains(action) for action in own.actions(decision))


@every_space
def test_what_is_masked_is_never_chosen_and_has_no_gradient(name):
    own = distribution_for(SPACES[name], "here")
    logits = torch.randn(500, own.n_logits, requires_grad=True)
    mask = torch.rand(500, own.mask_size) < 0.5
    sizes = {"one": [4], "several": [2, 3, 4, 2], "bits": [2] * 4}[name]
    for part in mask.split(sizes, dim=1):
        part[torch.arange(500), torch.randint(part.shape[1], (500,))] = True
    generator = torch.Generator().manual_seed(0)
    for decision in (own.sample(logits, mask, generator), own.likeliest(logits, mask)):
        for part, chosen in zip(
            mask.split(sizes, dim=1), decision.reshape(500, -1).unbind(1), strict=True
        ):
            assert part[torch.arange(500), chosen].all()
    log_prob, entropy = own.log_prob_and_entropy(logits, mask, decision)
    (log_prob.sum() + entropy.sum()).backward()
    assert torch.isfinite(logits.grad).all() and torch.isfinite(log_prob).all()
    forbidden = ~mask if name != "bits" else ~mask.unflatten(1, (4, 2)).all(dim=2)
    assert (logits.grad[forbidden] == 0).all() and (logits.grad[~forbidden] != 0).any()


def test_a_masked_choice_is_the_choice_among_the_rest():
    own = distribution_for(spaces.Discrete(4), "here")
    logits, mask = torch.randn(30, 4), torch.tensor([True, False, True, True]).expand(30, 4)
    rest = Categorical(logits=logits[:, [0, 2, 3]])
    log_prob, entropy = own.log_prob_and_entropy(logits, mask, torch.full((30,), 2))
    torch.testing.assert_close(log_prob, rest.log_prob(torch.tensor(1)))
    torch.testing.assert_close(entropy, rest.entropy())


def test_other_spaces_are_refused_in_one_line():
    with pytest.raises(UserError, match="Pendulum.*continuous actions Box.*MultiBinary"):
        distribution_for(spaces.Box(-2.0, 2.0, (1,), np.float32), "Pendulum")
    with pytest.raises(UserError, match="has actions Text"):
        distribution_for(spaces.Text(3), "Words")
