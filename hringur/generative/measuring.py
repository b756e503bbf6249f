"""Scalars on held-out images, the same for all models that can give them."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hringur.divergences.mmd import mmd
from hringur.divergences.transport import random_directions, sliced_wasserstein
from hringur.generative.batches import as_floats
from hringur.types import Metrics

TEST_IMAGES = 1000
"""of the held-out images, the first so many are looked at during training"""

DIRECTIONS = 128
"""on which shadows are compared"""


def test_images(model: Any, count: int = TEST_IMAGES) -> Float[Tensor, "B C H W"]:
    """The first held-out images, on the model's device."""
    return as_floats(model.studio.images.test[:count])


@torch.no_grad()
def samples(model: Any) -> Metrics:
    """How far samples are from held-out images, pixel by pixel."""
    real = test_images(model)
    made = model.sample(len(real), seed=0)
    return {"evaluation/pixel_sliced_wasserstein": sliced(made.flatten(1), real.flatten(1))}


@torch.no_grad()
def reconstruction(model: Any) -> Metrics:
    """Squared error of held-out images through their codes and back."""
    real = test_images(model)
    error = (model.reconstruct(real) - real).square().sum(dim=(1, 2, 3))
    return {"evaluation/reconstruction_error": error.mean().item()}


@torch.no_grad()
def mismatch(model: Any, code: Float[Tensor, "B Z"]) -> Metrics:
    """How far codes of held-out images are from the prior."""
    generator = torch.Generator().manual_seed(0)
    prior = model.prior(len(code), generator).to(code.device)
    return {
        "evaluation/latent_mmd": mmd(code, prior).item(),
        "evaluation/latent_sliced_wasserstein": sliced(code, prior),
    }


def sliced(x: Float[Tensor, "B Z"], y: Float[Tensor, "B Z"]) -> float:
    """The sliced Wasserstein distance, on directions that are always the same."""
    generator = torch.Generator().manual_seed(1)
    size = x.shape[1]
    if size <= DIRECTIONS:
        directions = random_directions(size, DIRECTIONS, x.device, generator)
    else:  # of so many axes, a few at random are at right angles anyway
        directions = torch.randn(size, DIRECTIONS, generator=generator).to(x.device)
        directions = directions / directions.norm(dim=0)
    return sliced_wasserstein(x, y, directions).clamp(min=0).sqrt().item()
