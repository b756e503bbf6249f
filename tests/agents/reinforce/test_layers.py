import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch.nn import functional as F

from hringur.agents.reinforce.agent import ReinforceConfig
from hringur.agents.reinforce.layers import (
    LARGEST,
    Image,
    RewardScale,
    RunningMoments,
    Standardise,
)
from hringur.agents.reinforce.networks import ActorCritic
from hringur.agents.reinforce.observations import leaves_of, tensors

CPU = torch.device("cpu")
SHAPES = {
    "frames": (4, 84, 84),
    "what no stride reaches": (2, 43, 50),
    "channels last": (47, 41, 3),
    "grey": (40, 45),
    "small": (9, 11, 4),
}


def encoder_of(shape, network="small"):
    torch.manual_seed(0)
    (part,) = leaves_of(spaces.Box(0, 255, shape, np.uint8), "here")
    return Image(part, network)


def plain_layers(encoder, pixels, stride):
    """The same weights on pixels from 0 to 1, channels first, as the papers have it."""
    first, _, *others, _ = encoder.convolutions
    x = F.conv2d(pixels / 255, first.weight, first.bias, stride).relu()
    for layer in others:
        x = layer(x)
    return encoder.dense(x.flatten(1)).relu()


@pytest.mark.parametrize("network", ["small", "nature"])
def test_parameters_are_those_of_the_papers(network):
    """On four frames of 84 x 84: 1,683,456 up to the last layer of Mnih et al. 2015."""
    counts = {
        "small": 4112 + 8224 + (2592 * 256 + 256),
        "nature": 8224 + 32832 + 36928 + (3136 * 512 + 512),
    }
    encoder = encoder_of((4, 84, 84), network)
    assert sum(weight.numel() for weight in encoder.parameters()) == counts[network]


@pytest.mark.parametrize("network", ["small", "nature"])
@pytest.mark.parametrize("name", SHAPES)
def test_images_of_every_shape_go_through_the_convolutions_of_the_papers(name, network):
    """Values and gradients are those of the plain functions, on pixels with channels first."""
    encoder = encoder_of(SHAPES[name], network)
    pixels = torch.randint(0, 256, (6, *SHAPES[name]), dtype=torch.uint8)
    first = pixels[:, None] if name == "grey" else pixels
    if name in ("channels last", "small"):
        first = pixels.permute(0, 3, 1, 2)
    expected = plain_layers(encoder, first, stride=1 if name == "small" else 4)
    found = encoder(pixels)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    gradients = [
        torch.autograd.grad(features.square().sum(), list(encoder.parameters()))
        for features in (found, expected)
    ]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)


def test_profiles_follow_what_moves():
    """Four pixels down: the maxima of the columns stay, those of the rows move by one cell."""
    encoder = encoder_of((48, 48, 3), "profiles")
    image = torch.zeros(2, 48, 48, 3, dtype=torch.uint8)
    patch = torch.randint(0, 256, (8, 8, 3), dtype=torch.uint8)
    image[0, 20:28, 20:28] = image[1, 24:32, 20:28] = patch
    found = encoder._convolve(image)
    assert found.shape == (2, 32 * (12 + 12))
    columns, rows = found.unflatten(1, (2, 32, 12)).unbind(1)
    torch.testing.assert_close(columns[0], columns[1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(rows[0].roll(1, dims=1), rows[1], rtol=1e-4, atol=1e-5)
    assert (rows[0] - rows[1]).abs().max() > 0.1
    assert encoder(image).shape == (2, 256)


@pytest.mark.parametrize("learning", [True, False])
def test_sixteen_bits_round_and_no_more(learning):
    encoder = encoder_of((4, 40, 44))
    pixels = torch.randint(0, 256, (8, 4, 40, 44), dtype=torch.uint8)
    with torch.set_grad_enabled(learning):
        expected = plain_layers(encoder, pixels, stride=4)
        with torch.autocast("cpu", torch.bfloat16):
            found = encoder(pixels)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected, rtol=0.05, atol=0.02)


def test_channels_may_come_first_or_last():
    image = np.random.default_rng(0).integers(256, size=(40, 44, 3), dtype=np.uint8)
    networks = []
    for shape in (image.shape, (3, 40, 44)):
        torch.manual_seed(0)
        parts = leaves_of(spaces.Box(0, 255, shape, np.uint8), "here")
        networks.append((parts, ActorCritic(parts, 2, ReinforceConfig())))
    (last, one), (first, other) = networks
    found = one.logits(tensors(last, image, CPU))
    expected = other.logits(tensors(first, image.transpose(2, 0, 1), CPU))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


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
    torch.testing.assert_close(standardise(rows), rows.clamp(-LARGEST, LARGEST))
    standardise.learn(rows)
    out = standardise(rows)
    torch.testing.assert_close(out.mean(dim=0), torch.zeros(2), rtol=0, atol=1e-5)
    torch.testing.assert_close(out.std(dim=0), torch.ones(2), rtol=1e-3, atol=0)
    assert standardise(torch.full((1, 2), 1e6)).max() == LARGEST
    assert set(dict(standardise.named_buffers())) >= {"moments.mean", "moments.variance"}


def test_rewards_are_divided_and_not_shifted():
    scale = RewardScale()
    reward = torch.tensor([[1.0, -2.0]])
    torch.testing.assert_close(scale(reward), reward)
    returns = 50 + 4 * torch.randn(2000)
    scale.learn(returns)
    torch.testing.assert_close(scale(reward), reward / returns.std(correction=0))
    assert scale(torch.zeros(3)).abs().max() == 0
