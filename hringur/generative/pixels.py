"""Losses of reconstructed pixels: likelihoods [nats per image], and distances.

bernoulli: -x log p - (1-x) log(1-p), the usual choice, though no density of grey levels
continuous-bernoulli: the same made a density on [0, 1] (Loaiza-Ganem & Cunningham 2019)
gaussian: normal, with one learned scale for all pixels (Rybkin et al. 2021)
logistic: a logistic distribution discretised to bytes (Salimans et al. 2017), with one learned
scale; the only one that is comparable between models
"""

import math
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

LikelihoodName = Literal["bernoulli", "continuous-bernoulli", "gaussian", "logistic"]
DistanceName = Literal["squared", "absolute", "cross-entropy"]
LIKELIHOODS: tuple[str, ...] = get_args(LikelihoodName)
DISTANCES: tuple[str, ...] = get_args(DistanceName)


class PixelLikelihood(nn.Module):
    """-log p(image | logits) by name, with the scale that some of them learn."""

    def __init__(self, name: LikelihoodName) -> None:
        super().__init__()
        self.name = name
        if name in ("gaussian", "logistic"):
            self.log_scale = nn.Parameter(torch.tensor(-2.0))

    def forward(
        self, image: Float[Tensor, "*batch C H W"], logits: Float[Tensor, "*batch C H W"]
    ) -> Float[Tensor, "*batch"]:
        """Nats for each image, summed over its pixels; in 32 bits, since the sum is long."""
        logits = logits.float()
        if self.name == "bernoulli":
            cost = _cross_entropy(image, logits)
        elif self.name == "continuous-bernoulli":
            cost = _cross_entropy(image, logits) - log_normaliser(logits)
        elif self.name == "gaussian":
            cost = _gaussian(image, logits.sigmoid(), self.log_scale)
        else:
            cost = _discretised_logistic(image, logits.sigmoid(), self.log_scale)
        return cost.sum(dim=(-3, -2, -1))


def distance(
    name: DistanceName, image: Float[Tensor, "B C H W"], logits: Float[Tensor, "B C H W"]
) -> Float[Tensor, " B"]:
    """Distance of each image from the one that the logits stand for, summed over its pixels."""
    if name == "cross-entropy":
        difference = _cross_entropy(image, logits)
    elif name == "absolute":
        difference = (image - logits.sigmoid()).abs()
    else:
        difference = (image - logits.sigmoid()).square()
    return difference.sum(dim=(1, 2, 3))


def log_normaliser(logits: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """Log C(p) of the continuous Bernoulli, C(p) = 2 artanh(1 - 2p) / (1 - 2p), C(1/2) = 2.

    With l the logit of p, C = l / tanh(l / 2); near zero by its series, where that is 0 / 0.
    """
    near = logits.abs() < 0.02
    safe = torch.where(near, 1.0, logits)
    series = math.log(2) + logits.square() / 12
    return torch.where(near, series, (safe / torch.tanh(safe / 2)).log())


def _cross_entropy(image: Tensor, logits: Tensor) -> Tensor:
    return F.softplus(logits) - image * logits


def _gaussian(image: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    standardised = (image - mean) * torch.exp(-log_scale)
    return 0.5 * standardised.square() + log_scale + 0.5 * math.log(2 * math.pi)


def _discretised_logistic(image: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """-log of the logistic mass within half a step of the byte 255 * image, or in a tail."""
    half = 0.5 / 255
    narrow = torch.exp(-log_scale)
    below, above = (image - mean - half) * narrow, (image - mean + half) * narrow
    # log(sigmoid(above) - sigmoid(below)), without the difference of two numbers near one
    within = F.logsigmoid(above) + F.logsigmoid(-below) + torch.log(-torch.expm1(below - above))
    log_chance = torch.where(image <= half, F.logsigmoid(above), within)
    return -torch.where(image >= 1 - half, F.logsigmoid(-below), log_chance)
