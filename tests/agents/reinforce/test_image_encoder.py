import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch.nn import functional as F

from hringur.agents.reinforce.image_encoder import Image
from hringur.agents.reinforce.networks import ActorCritic
from hringur.agents.reinforce.observations import parts_of, tensors

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
    (part,) = parts_of(spaces.Box(0, 255, shape, np.uint8), "here")
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
def test_patches_see_what_pixels_show(name, network):
    """Values and gradients are those of convolutions that stride over the pixels themselves."""
    encoder = encoder_of(SHAPES[name], network)
    pixels = torch.randint(0, 256, (6, *SHAPES[name]), dtype=torch.uint8)
    first = pixels[:, None] if name == "grey" else pixels
    if name in ("channels last", "small"):
        first = pixels.permute(0, 3, 1, 2)
    expected = plain_layers(encoder, first, stride=1 if name == "small" else 4)
    found = encoder(encoder.lay_out(pixels))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    gradients = [
        torch.autograd.grad(features.square().sum(), list(encoder.parameters()))
        for features in (found, expected)
    ]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("learning", [True, False])
def test_sixteen_bits_round_and_no_more(learning):
    encoder = encoder_of((4, 40, 44))
    pixels = torch.randint(0, 256, (8, 4, 40, 44), dtype=torch.uint8)
    with torch.set_grad_enabled(learning):
        expected = plain_layers(encoder, pixels, stride=4)
        with torch.autocast("cpu", torch.bfloat16):
            found = encoder(encoder.lay_out(pixels))
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected, rtol=0.05, atol=0.02)


def test_a_patch_holds_its_channels_row_by_row():
    """Two channels of 8 x 12, that is of 2 x 3 patches, each number where it was put."""
    encoder = encoder_of((4, 84, 84))
    encoder.used = [8, 12]
    pixels = torch.arange(2 * 8 * 12, dtype=torch.uint8).view(1, 2, 8, 12)
    laid_out = encoder.lay_out(pixels)
    assert laid_out.shape == (1, 2, 3, 32)
    for row in range(2):
        for column in range(3):
            patch = pixels[0, :, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            assert torch.equal(laid_out[0, row, column], patch.flatten())


def test_channels_may_come_first_or_last():
    image = np.random.default_rng(0).integers(256, size=(40, 44, 3), dtype=np.uint8)
    networks = []
    for shape in (image.shape, (3, 40, 44)):
        torch.manual_seed(0)
        parts = parts_of(spaces.Box(0, 255, shape, np.uint8), "here")
        networks.append((parts, ActorCritic(parts, 2)))
    (last, one), (first, other) = networks
    found = one.logits(tensors(last, image, CPU))
    expected = other.logits(tensors(first, image.transpose(2, 0, 1), CPU))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
