"""Autoencoders that match a prior share noise, pretraining, and the encoder that stays wide."""

import math

import pytest
import torch

from hringur.divergences.kernels import AUTHORS, Kernels, mmd_to_normal, moments_gap
from hringur.generative.matching import draw_codes
from hringur.generative.models.adversarial_autoencoder import (
    AdversarialAutoencoder,
    AdversarialAutoencoderConfig,
)
from hringur.generative.models.transport_autoencoder import (
    TransportAutoencoder,
    TransportAutoencoderConfig,
)
from hringur.generative.models.wae_mmd import WAEMMD, WAEMMDConfig
from hringur.generative.pixels import distance
from hringur.types import UserError
from tests.generative.small_images import bars

SMALL = {"batch": 32, "channels": 8, "hidden": 32, "latent": 2}


def trained(config, steps=60):
    model = config.model()(bars(), config, device="cpu")
    batches = model.batches()
    for step in range(steps):
        model.update(next(batches), step / steps)
    return model


def test_the_loss_is_cost_and_lambda_times_the_discrepancy():
    """Recomputed with the same draws, from the parts."""
    config = WAEMMDConfig(
        **SMALL,
        input_noise=0.0,
        strength=7.0,
        reconstruction=0.05,
        kernel_scales=(0.2, 0.7),
        kernel_power=3.0,
    )
    model = WAEMMD(bars(), config, device="cpu")
    image = next(model.batches()).image
    torch.manual_seed(5)
    loss, metrics = model.loss(image, model.noisy_codes(image))
    torch.manual_seed(5)
    code = model.autoencoder.network.encode(image)
    rebuilt = model.autoencoder.network.decode(code).sigmoid()
    squared = (rebuilt - image).square().sum() / len(image)
    expected = 0.05 * squared + 7.0 * mmd_to_normal(code, Kernels((0.2, 0.7), power=3.0))
    torch.testing.assert_close(loss, expected)
    assert metrics["model/transport_cost"] == pytest.approx(0.05 * squared.item(), rel=1e-5)


def test_pretraining_moves_the_encoder_only_and_matches_moments():
    config = WAEMMDConfig(**SMALL, encoder_pretraining=60, lr=5e-3)
    model = WAEMMD(bars(), config, device="cpu")
    network = model.autoencoder.module
    before = [weight.clone() for weight in network.decoder.parameters()]
    image = model.pixels(model.images.train)
    with torch.no_grad():
        gap = moments_gap(network.encode(image)).item()
    batches = model.batches()
    for _ in range(60):
        model.update(next(batches), 0.0)
    with torch.no_grad():
        assert moments_gap(network.encode(image)).item() < 0.3 * gap
    assert all(map(torch.equal, before, network.decoder.parameters()))
    model.update(next(batches), 0.0)
    assert not all(map(torch.equal, before, network.decoder.parameters()))


@pytest.mark.parametrize("name", ["wae-mmd", "sharp kernels", "adversarial", "sliced", "sinkhorn"])
def test_codes_come_nearer_to_the_prior(name):
    """Kernels raised to a power feel little of what is far: pretraining must bring it near."""
    common = {**SMALL, "lr": 5e-3, "encoder_pretraining": 0}
    wide = {"kernel_scales": AUTHORS.scales, "kernel_power": AUTHORS.power}
    config = {
        "wae-mmd": WAEMMDConfig(**common, strength=50.0, **wide),
        "sharp kernels": WAEMMDConfig(**common | {"encoder_pretraining": 40}),
        "adversarial": AdversarialAutoencoderConfig(**common, critic_width=32, critic_lr=5e-3),
        "sliced": TransportAutoencoderConfig(**common, transport="sliced"),
        "sinkhorn": TransportAutoencoderConfig(**common, transport="sinkhorn", iterations=8),
    }[name]
    model = config.model()(bars(), config, device="cpu")
    with torch.no_grad():  # codes begin far away
        for network in (model.autoencoder.module, model.autoencoder.average):
            network.encoder.head.bias.add_(3.0)
    before = model.evaluate()
    batches = model.batches()
    for step in range(80):
        model.update(next(batches), step / 160)
    after = model.evaluate()
    assert after["evaluation/latent_mmd"] < 0.5 * before["evaluation/latent_mmd"]
    closer = after["evaluation/latent_sliced_wasserstein"]
    assert closer < 0.6 * before["evaluation/latent_sliced_wasserstein"]


def test_a_gaussian_encoder_stays_wide_by_its_penalty():
    """Without it, reconstruction alone makes the encoder a function."""
    common = {**SMALL, "encoder": "gaussian", "encoder_pretraining": 0, "lr": 2e-2, "strength": 1.0}
    spreads = {}
    for penalty in (0.0, 0.5):
        config = WAEMMDConfig(**common, spread_penalty=penalty, reconstruction=1.0)
        spreads[penalty] = trained(config, 80).evaluate()["evaluation/code_std"]
    assert spreads[0.0] < 0.5 * spreads[0.5]


def test_a_gaussian_code_has_the_law_that_the_encoder_names():
    outputs = torch.tensor([[1.0, -2.0, 0.0, 2.0 * torch.tensor(0.5).log()]]).repeat(40_000, 1)
    codes = draw_codes(outputs, WAEMMDConfig(latent=2, encoder="gaussian"))
    torch.testing.assert_close(codes.code.mean(dim=0), torch.tensor([1.0, -2.0]), atol=0.03, rtol=0)
    torch.testing.assert_close(codes.code.std(dim=0), torch.tensor([1.0, 0.5]), atol=0.03, rtol=0)


def test_the_adversary_judges_codes_not_images():
    """The slide's slip: D must be able to tell the prior from codes, whatever is decoded."""
    config = AdversarialAutoencoderConfig(
        **SMALL, critic_width=32, critic_lr=1e-2, encoder_pretraining=0
    )
    model = AdversarialAutoencoder(bars(), config, device="cpu")
    for network in model.networks.values():
        assert network.module is not None
    model.autoencoder.step = lambda loss, lr_factor=1.0: 0.0  # codes stay where they are
    with torch.no_grad():
        model.autoencoder.module.encoder.head.bias.add_(4.0)
    batches = model.batches()
    for _ in range(60):
        metrics = model.update(next(batches), 0.0)
    assert metrics["critic/accuracy_percent"] > 90


def test_reconstructions_of_choice():
    image, logits = torch.rand(3, 1, 8, 8), torch.randn(3, 1, 8, 8)
    costs = {
        name: distance(name, image, logits).mean().item()
        for name in ("squared", "absolute", "cross-entropy")
    }
    assert len(set(costs.values())) == 3


@pytest.mark.parametrize(
    "config_class, settings, told",
    [
        (WAEMMDConfig, {"strength": -1.0}, "strength must be 0 or more and finite, got -1.0"),
        (WAEMMDConfig, {"strength": math.inf}, "strength must be 0 or more and finite, got inf"),
        (WAEMMDConfig, {"lr": math.inf}, "lr must be positive and finite, got inf"),
        (WAEMMDConfig, {"kernel_power": 0.0}, "kernel_power must be positive"),
        (WAEMMDConfig, {"kernel_power": 17.0}, "kernel_power must be at most 16, got 17.0"),
        (
            WAEMMDConfig,
            {"kernel_power": math.inf},
            "kernel_power must be positive and finite, got inf",
        ),
        (
            WAEMMDConfig,
            {"kernel_scales": (0.1, math.nan)},
            "kernel_scales must be positive numbers",
        ),
        (WAEMMDConfig, {"kernel_scales": (math.inf,)}, "kernel_scales must be positive numbers"),
        (WAEMMDConfig, {"kernel_scales": ()}, "kernel_scales must be positive numbers"),
        (WAEMMDConfig, {"kernel_scales": (0.1, -1.0)}, "kernel_scales must be positive numbers"),
        (TransportAutoencoderConfig, {"epsilon": 0.0}, "epsilon must be positive"),
    ],
)
def test_settings_out_of_range_are_refused(config_class, settings, told):
    with pytest.raises(UserError, match=told):
        config_class(**settings)


def test_transport_of_the_model_is_the_function_of_its_flag(monkeypatch):
    code, prior = torch.randn(32, 2) + 1, torch.randn(32, 2)
    monkeypatch.setattr(torch, "randn_like", lambda code: prior)
    found = {}
    for name in ("sliced", "sinkhorn"):
        config = TransportAutoencoderConfig(**SMALL, transport=name, directions=64, iterations=100)
        found[name] = TransportAutoencoder(bars(), config, device="cpu").divergence(code).item()
    # both are near the squared length of the shift, 2
    assert all(1 < cost < 4 for cost in found.values()) and found["sliced"] != found["sinkhorn"]
