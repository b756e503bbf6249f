"""Scalars on held-out images that several models log while they train.

A model that can say how likely an image is has two lower bounds of it. With K codes drawn from
q(z|x) and their weights w = p(x, z) / q(z|x),

    ELBO = E log w   <=   E log (1/K) sum_k w_k   <=   log p(x)

(Burda et al. 2016); the second comes nearer the more codes are drawn.
"""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hringur.divergences.transport import sliced_distance
from hringur.evaluators.images import latent_mismatch
from hringur.generative.batches import as_floats
from hringur.types import Metrics

TEST_IMAGES = 1000
"""held-out images that are looked at during training, at most"""

BOUND_IMAGES = 200
"""held-out images that bounds are measured on during training, at most"""

BOUND_CODES = 50
"""codes drawn for each of them"""

AT_ONCE = 20
"""images whose codes are decoded together"""


def test_images(model: Any) -> Float[Tensor, "B C H W"]:
    """The first held-out images, on the model's device."""
    return as_floats(model.images.test[:TEST_IMAGES])


@torch.no_grad()
def pixel_distance(model: Any) -> Metrics:
    """How far samples are from held-out images, pixel by pixel."""
    real = test_images(model)
    made = model.sample(len(real), seed=0)
    distance = sliced_distance(made.flatten(1), real.flatten(1))
    return {"evaluation/pixel_sliced_wasserstein": distance}


@torch.no_grad()
def reconstruction(model: Any) -> Metrics:
    """Squared error of held-out images through their codes and back."""
    real = test_images(model)
    error = (model.reconstruct(real) - real).square().sum(dim=(1, 2, 3))
    return {"evaluation/reconstruction_error": error.mean().item()}


def prior_mismatch(model: Any, code: Float[Tensor, "B Z"]) -> Metrics:
    """How far codes of held-out images are from the prior."""
    prior = model.prior(len(code), torch.Generator().manual_seed(0))
    return latent_mismatch(code.detach(), prior.to(code.device), exact=0)


def bounds(model: Any) -> Metrics:
    """Both bounds per held-out image [nats], for a model with ``log_weights``."""
    parts = model.images.test[:BOUND_IMAGES].split(AT_ONCE)
    log_weight = torch.cat([model.log_weights(part, BOUND_CODES) for part in parts], dim=1)
    return {
        "evaluation/elbo_nats": log_weight.mean().item(),
        "evaluation/log_likelihood_nats": importance_weighted(log_weight).mean().item(),
    }


def importance_weighted(log_weight: Float[Tensor, "S B"]) -> Float[Tensor, " B"]:
    """Logarithm of the mean weight of each image."""
    return torch.logsumexp(log_weight, dim=0) - math.log(len(log_weight))
