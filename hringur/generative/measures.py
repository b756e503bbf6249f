"""Scalars on held-out images that several models log while they train."""

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
"""Most held-out images that a measure sees during training."""

BOUND_IMAGES, BOUND_CODES = 200, 50
"""Most held-out images on which bounds are measured, and codes drawn for each."""

AT_ONCE = 20
"""Images whose codes are decoded together."""


def test_images(model: Any) -> Float[Tensor, "B C H W"]:
    """The first held-out images, on the model's device."""
    return as_floats(model.images.test[:TEST_IMAGES])


@torch.no_grad()
def pixel_distance(model: Any) -> Metrics:
    """Sliced Wasserstein distance of samples from held-out images, in pixels."""
    real = test_images(model)
    made = model.sample(len(real), seed=0)
    distance = sliced_distance(made.flatten(1), real.flatten(1))
    return {"evaluation/pixel_sliced_wasserstein": distance}


@torch.no_grad()
def reconstruction(model: Any) -> Metrics:
    """Squared error of held-out images that were encoded and decoded."""
    real = test_images(model)
    error = (model.reconstruct(real) - real).square().sum(dim=(1, 2, 3))
    return {"evaluation/reconstruction_error": error.mean().item()}


@torch.no_grad()
def partners(
    made: Float[Tensor, "B C H W"], truth: Float[Tensor, "B C H W"], classifier: Any = None
) -> Metrics:
    """Translations beside the hidden truth, row by row.

    The mean squared error of a pixel, and of how many translations the nearest of all true images
    is their own: in pixels, and in the features of a classifier if there is one.
    """
    spaces = {"pixels": (made.flatten(1), truth.flatten(1))}
    if classifier is not None:
        spaces["features"] = (classifier.features(made), classifier.features(truth))
    own = torch.arange(len(made), device=made.device)
    return {"evaluation/translation_error": (made - truth).square().mean().item()} | {
        f"evaluation/partner_in_{name}_percent": 100
        * (torch.cdist(one, other).argmin(dim=1) == own).float().mean().item()
        for name, (one, other) in spaces.items()
    }


def prior_mismatch(model: Any, code: Float[Tensor, "B Z"]) -> Metrics:
    """How far codes of held-out images are from the prior."""
    prior = model.prior(len(code), torch.Generator().manual_seed(0))
    return latent_mismatch(code.detach(), prior.to(code.device), exact=0)


def bounds(model: Any) -> Metrics:
    """Two lower bounds of log p(x) per held-out image [nats], for a model with ``log_weights``.

    With K codes drawn from q(z|x) and their weights w = p(x, z) / q(z|x) (Burda et al. 2016),
    ELBO = E log w <= E log (1/K) sum_k w_k <= log p(x).
    """
    parts = model.images.test[:BOUND_IMAGES].split(AT_ONCE)
    log_weight = torch.cat([model.log_weights(part, BOUND_CODES) for part in parts], dim=1)
    return {
        "evaluation/elbo_nats": log_weight.mean().item(),
        "evaluation/log_likelihood_nats": importance_weighted(log_weight).mean().item(),
    }


def importance_weighted(log_weight: Float[Tensor, "S B"]) -> Float[Tensor, " B"]:
    """Log (1/K) sum_k w_k of each image [nats]."""
    return torch.logsumexp(log_weight, dim=0) - math.log(len(log_weight))
