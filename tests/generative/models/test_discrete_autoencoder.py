"""Oracles of the binary code: enumeration of all codes of a few bits."""

import itertools
import math

import pytest
import torch

from hringur.estimators.catalogue import make_estimator
from hringur.estimators.distributions import bernoullis
from hringur.generative.measures import importance_weighted
from hringur.generative.models.discrete_autoencoder import (
    BitPrior,
    DiscreteAutoencoder,
    DiscreteAutoencoderConfig,
    entropy_of_bits,
)
from hringur.types import UserError
from tests.generative.small_images import bars

BITS = 4
UNBIASED = ("reinforce-leave-one-out", "disarm", "rebar", "relax")
BIASED = ("gumbel-softmax", "gumbel-straight-through", "straight-through", "reinforce-batch-mean")


def codes():
    return torch.tensor(list(itertools.product([0.0, 1.0], repeat=BITS)))


def model_of(estimator="reinforce-leave-one-out", **settings):
    torch.manual_seed(0)
    config = DiscreteAutoencoderConfig(
        batch=8, channels=4, hidden=16, latent=BITS, estimator=estimator, draws=2, **settings
    )
    model = DiscreteAutoencoder(bars(), config, device="cpu")
    with torch.no_grad():  # away from the symmetric beginning
        for weight in model.autoencoder.module.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
        for kept, now in zip(
            model.autoencoder.average.parameters(),
            model.autoencoder.module.parameters(),
            strict=True,
        ):
            kept.copy_(now)
    return model


def exact_loss(model, image):
    """Minus the evidence lower bound, by all 2^K codes of each image."""
    network = model.autoencoder.network
    posterior = bernoullis(network.encode(image))
    every = codes()[:, None].expand(-1, len(image), -1)  # 2^K B K
    chance = posterior.log_prob(every)
    return (chance.exp() * (network.cost(image, every) + chance)).sum(dim=0).mean()


def test_the_prior_sums_to_one_and_is_what_is_drawn():
    prior = BitPrior(BITS, "belief-network")
    with torch.no_grad():
        prior.weight.normal_()
        prior.bias.normal_()
    chance = prior.log_prob(codes()).exp().detach()
    assert chance.sum().item() == pytest.approx(1, abs=1e-5)
    drawn = prior.decide(torch.rand(20_000, BITS))
    places = (drawn @ torch.tensor([8.0, 4.0, 2.0, 1.0])).long()
    share = places.bincount(minlength=2**BITS) / len(drawn)
    error = (chance * (1 - chance) / len(drawn)).sqrt()
    assert ((share - chance).abs() < 5 * error + 1e-4).all()


def test_fair_coins_are_fair():
    prior = BitPrior(BITS, "coins")
    torch.testing.assert_close(prior.log_prob(codes()), torch.full((16,), -BITS * math.log(2)))
    assert not any(weight.requires_grad for weight in prior.parameters())


def test_entropy_is_torchs():
    logits = 3 * torch.randn(5, BITS)
    torch.testing.assert_close(entropy_of_bits(logits), bernoullis(logits).entropy())


@pytest.mark.parametrize("estimator", ["reinforce-leave-one-out", "disarm", "straight-through"])
def test_the_loss_is_the_bound_by_enumeration(estimator):
    model = model_of(estimator)
    image = model.pixels(model.images.train[:4])
    exact = exact_loss(model, image).item()
    with torch.no_grad():
        logits = model.autoencoder.network.encode(image)
    losses = torch.stack([model.loss(image)[0].detach() for _ in range(150)])
    assert logits.abs().max() > 0.1
    assert abs(losses.mean().item() - exact) < 5 * losses.std().item() / 150**0.5 + 1e-3


@pytest.mark.parametrize("estimator", UNBIASED)
def test_the_gradient_of_unbiased_estimators_is_that_of_the_bound(estimator):
    """Of encoder, decoder and prior alike."""
    model = model_of(estimator)
    image = model.pixels(model.images.train[:2])
    inner = model.autoencoder.module
    weights = [
        inner.autoencoder.encoder.head.weight,
        inner.autoencoder.decoder.body[0].bias,
        inner.prior.bias,
        inner.prior.weight,
    ]
    exact = torch.autograd.grad(exact_loss(model, image), weights)
    found = [torch.autograd.grad(model.loss(image)[0], weights) for _ in range(150)]
    for place, wanted in enumerate(exact):
        grads = torch.stack([grad[place] for grad in found])
        error = grads.std(dim=0) / len(found) ** 0.5
        assert ((grads.mean(dim=0) - wanted).abs() < 5.5 * error + 2e-3).all(), place


def test_the_log_weights_are_those_of_the_bound_and_reach_the_likelihood():
    model = model_of()
    image = model.pixels(model.images.train[:3])
    exact = exact_loss(model, image).item()
    log_weight = model.log_weights(image, 4000)
    assert log_weight.mean().item() == pytest.approx(-exact, abs=0.5)
    every = codes()[:, None].expand(-1, len(image), -1)
    with torch.no_grad():
        likelihood = torch.logsumexp(-model.autoencoder.average.cost(image, every), dim=0)
    torch.testing.assert_close(importance_weighted(log_weight), likelihood, atol=0.2, rtol=0)


@pytest.mark.parametrize("estimator", [*UNBIASED, *BIASED, "vimco", "reinforce-moving-average"])
def test_every_estimator_trains_encoder_and_decoder(estimator):
    model = model_of(estimator)
    batches = model.batches()
    metrics = [model.update(next(batches), 0.0) for _ in range(2)][-1]
    assert all(math.isfinite(value) for value in metrics.values())
    for part in (
        model.autoencoder.module.autoencoder.encoder,
        model.autoencoder.module.autoencoder.decoder,
    ):
        assert all(weight.grad.abs().sum() > 0 for weight in part.parameters())


def test_leave_one_out_has_less_variance_than_no_baseline():
    model = model_of("reinforce-leave-one-out")
    image = model.images.test[:6]
    plain = model.gradient_variance(image, "reinforce", repeats=100)
    assert model.gradient_variance(image, repeats=100) < 0.2 * plain


def test_measuring_the_variance_teaches_the_estimator_nothing():
    model = model_of("reinforce-moving-average")
    before = str(model.estimator.learned.state_dict())
    model.gradient_variance(model.images.test[:4])
    assert str(model.estimator.learned.state_dict()) == before


def test_what_an_estimator_learns_is_trained_and_saved():
    model = model_of("rebar")
    assert make_estimator("rebar", (BITS,)).learned.state_dict().keys()
    names = model.autoencoder.module.state_dict().keys()
    assert {"of_estimator.eta", "of_estimator.log_temperature"} <= set(names)
    before = model.estimator.learned.state_dict()["eta"].clone()
    batches = model.batches()
    for _ in range(3):
        model.update(next(batches), 0.0)
    assert model.estimator.learned.state_dict()["eta"] != before


@pytest.mark.parametrize(
    "settings, told",
    [
        ({"estimator": "reinforse"}, "estimator must be one of .*'reinforse'"),
        ({"estimator": "pathwise"}, "'pathwise' does not take bits"),
        ({"draws": 1}, "needs draws >= 2, got 1"),
        ({"entropy_bonus": -1.0}, "entropy_bonus must be 0 or more and finite, got -1.0"),
        ({"entropy_share": 1.5}, "entropy_share must be in 0..1, got 1.5"),
    ],
)
def test_settings_out_of_range_are_refused(settings, told):
    with pytest.raises(UserError, match=told):
        DiscreteAutoencoderConfig(**settings)


@pytest.mark.parametrize("estimator", ["reinforce-leave-one-out", "vimco"])
def test_the_entropys_bonus_is_on_top_of_the_bound(estimator):
    """The same draws with and without: the difference is the entropy, by torch.distributions."""
    model = model_of(estimator)
    image = next(model.batches()).image
    logits = model.autoencoder.network.encode(image)
    entropy = torch.distributions.Bernoulli(logits=logits).entropy().sum(dim=1).mean()
    losses = []
    for weight in (1.0, 3.0):
        torch.manual_seed(0)
        losses.append(model.loss(image, weight)[0])
    torch.testing.assert_close(losses[0] - losses[1], 2 * entropy, rtol=1e-4, atol=1e-4)


def test_the_entropys_bonus_falls_to_nothing():
    config = DiscreteAutoencoderConfig(entropy_bonus=4.0, entropy_share=0.5)
    found = [config.entropy_weight(progress) for progress in (0.0, 0.25, 0.5, 0.9)]
    assert found == [5.0, 3.0, 1.0, 1.0]
    assert DiscreteAutoencoderConfig(entropy_share=0.0).entropy_weight(0.0) == 1.0


def test_a_bit_that_is_the_same_for_all_images_is_in_no_use():
    model = model_of()
    with torch.no_grad():
        head = model.autoencoder.average.autoencoder.encoder.head
        head.weight.zero_()
        head.bias.copy_(torch.tensor([200.0, -200.0, 0.0, 0.0]))
    found = model.own_measures()
    assert found["evaluation/used_bits"] == pytest.approx(2, abs=1e-3)
    assert all(math.isfinite(value) for value in found.values())
