"""How likely held-out images are under a model that can say so: two lower bounds.

With K codes drawn from q(z|x) and their weights w = p(x, z) / q(z|x),

    ELBO = E log w   <=   E log (1/K) sum_k w_k   <=   log p(x)

(Burda et al. 2016); the second comes nearer the more codes are drawn.
"""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hringur.types import Metrics

IMAGES = 200
"""held-out images that bounds are measured on during training"""

CODES = 50
"""drawn for each of them"""

AT_ONCE = 20
"""images whose codes are decoded together"""


def measure(model: Any, images: int = IMAGES, codes: int = CODES) -> Metrics:
    """Both bounds per held-out image [nats], for a model with ``log_weights``."""
    parts = model.studio.images.test[:images].split(AT_ONCE)
    log_weight = torch.cat([model.log_weights(part, codes) for part in parts], dim=1)
    return {
        "evaluation/elbo_nats": log_weight.mean().item(),
        "evaluation/log_likelihood_nats": importance_weighted(log_weight).mean().item(),
    }


def importance_weighted(log_weight: Float[Tensor, "S B"]) -> Float[Tensor, " B"]:
    """Logarithm of the mean weight of each image."""
    return torch.logsumexp(log_weight, dim=0) - math.log(len(log_weight))
