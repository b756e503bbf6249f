"""Autoencoder by computed transport: sliced Wasserstein (Kolouri et al. 2018) or Sinkhorn.

    E_x c(x, G(E(x))) + lambda * W(codes, draws of the prior)

``transport="sliced"`` sorts both on random directions; ``"sinkhorn"`` (Patrini et al. 2019) finds
the plan in all dimensions at once, with an entropy of strength epsilon, and removes its bias.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from hringur.checks import check_choice, check_positive
from hringur.divergences.transport import random_directions, sinkhorn_divergence, sliced_wasserstein
from hringur.generative.matching import MatchingAutoencoder, MatchingConfig

TransportName = Literal["sliced", "sinkhorn"]


@dataclass(frozen=True, kw_only=True)
class TransportAutoencoderConfig(MatchingConfig):
    """Autoencoder whose codes match the prior by computed transport."""

    name: ClassVar[str] = "transport-autoencoder"

    transport: TransportName = "sliced"
    """sliced: on random directions; sinkhorn: in all dimensions at once"""

    strength: float = 1.0
    """lambda, the weight of the transport between codes and prior"""

    directions: int = 128
    """random directions of an update (sliced)"""

    epsilon: float = 0.05
    """of the entropy, in units of the expected squared distance of two draws (sinkhorn)"""

    iterations: int = 20
    """of Sinkhorn's algorithm for an update (sinkhorn)"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(self, "directions", "epsilon", "iterations")
        check_choice(self, "transport", get_args(TransportName))


class TransportAutoencoder(MatchingAutoencoder):
    """Reconstructions, and codes moved to the prior by optimal transport."""

    settings = TransportAutoencoderConfig
    config: TransportAutoencoderConfig
    divergence_tag = "model/latent_transport"

    def divergence(self, code: Float[Tensor, "B Z"]) -> Float[Tensor, ""]:
        """The cost of transport to as many draws of the prior [squared distance]."""
        config, prior = self.config, torch.randn_like(code)
        if config.transport == "sliced":
            directions = random_directions(config.latent, config.directions, code.device)
            return sliced_wasserstein(code, prior, directions)
        epsilon = config.epsilon * 2 * config.latent
        return sinkhorn_divergence(code, prior, epsilon, config.iterations)
