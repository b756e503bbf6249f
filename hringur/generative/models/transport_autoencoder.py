"""Autoencoder by computed transport: sliced Wasserstein (Kolouri et al. 2018) or Sinkhorn.

The same relaxed problem as WAE-MMD's, but the divergence between the codes of a batch and as many
draws of the prior is itself a cost of transport, and the plan that attains it is at hand:

    E_x c(x, G(E(x))) + lambda * W(codes, draws)

``transport="sliced"`` sorts both on random directions; ``"sinkhorn"`` (Patrini et al. 2019) finds
the plan in all dimensions at once, with an entropy of strength epsilon, and takes its bias off.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor

from hringur.data.images.images import ImageSet
from hringur.divergences.transport import (
    random_directions,
    sinkhorn_divergence,
    sliced_wasserstein,
)
from hringur.generative import matching, pictures
from hringur.generative.batches import Batch
from hringur.generative.model import ImageModel, in_parts, open_studio
from hringur.types import Metrics

TransportName = Literal["sliced", "sinkhorn"]


@dataclass(frozen=True, kw_only=True)
class TransportAutoencoderConfig(matching.MatchingConfig):
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
        self.check_positive("directions", "epsilon", "iterations")
        self.check_choice("transport", get_args(TransportName))

    def model(self) -> "type[TransportAutoencoder]":
        """The model."""
        return TransportAutoencoder


class TransportAutoencoder(ImageModel):
    """Reconstructions, and codes moved to the prior along the cheapest way."""

    settings = TransportAutoencoderConfig
    headline = "evaluation/reconstruction_error"
    encodes = True

    def __init__(
        self,
        dataset: str | ImageSet = "mnist",
        config: TransportAutoencoderConfig | None = None,
        *,
        size: int | None = None,
        seed: int = 0,
        device: str = "auto",
        fabric: Fabric | None = None,
    ) -> None:
        self.config = config = config or TransportAutoencoderConfig()
        self.studio = open_studio(dataset, size, seed, device, fabric)
        self.player = self.studio.player(matching.autoencoder(self.studio, config), config)
        self.players = {"autoencoder": self.player}
        self.film, self.density = pictures.Film(), None

    def loss(self, image: Float[Tensor, "B C H W"]) -> tuple[Float[Tensor, ""], Metrics]:
        """Transport of images plus lambda times transport of codes."""
        config, network = self.config, self.player.network
        codes = matching.draw_codes(network.encode(matching.noisy(image, config)), config)
        cost = matching.transport_cost(image, network.decode(codes.code), config)
        to_prior = self.transport(codes.code, torch.randn_like(codes.code))
        loss = cost + config.strength * to_prior + matching.narrowness(codes, config)
        metrics = {"model/transport_cost": cost.item(), "model/latent_transport": to_prior.item()}
        return loss, metrics | matching.code_metrics(codes)

    def transport(
        self, code: Float[Tensor, "B Z"], prior: Float[Tensor, "B Z"]
    ) -> Float[Tensor, ""]:
        """Between two batches of codes [squared distance]."""
        config = self.config
        if config.transport == "sliced":
            directions = random_directions(config.latent, config.directions, code.device)
            return sliced_wasserstein(code, prior, directions)
        epsilon = config.epsilon * 2 * config.latent
        return sinkhorn_divergence(code, prior, epsilon, config.iterations)

    def update(self, batch: Batch, progress: float) -> Metrics:
        """One step; the first few for the encoder alone."""
        if self.player.updates < self.config.warm_up:
            return matching.warm_up(self, batch.image)
        loss, metrics = self.loss(batch.image)
        norm = self.player.step(loss, self.config.pace(progress))
        return metrics | {"train/loss": loss.item(), "model/grad_norm": norm}

    def encode(self, image: Any) -> Float[Tensor, "B Z"]:
        """The code of each image."""
        return matching.encode(self, image)

    def logits(self, latent: Float[Tensor, "B Z"]) -> Float[Tensor, "B C H W"]:
        """Of the averaged decoder."""
        return self.player.average.decode(latent)

    def draw_codes(self, image: Any) -> Float[Tensor, "B Z"]:
        """A code of each image, as training draws it."""
        return in_parts(lambda part: matching.drawn(self, self.pixels(part)).code, image)

    def own_measures(self) -> Metrics:
        """Reconstructions, and codes beside the prior."""
        return matching.measure(self)

    def latent_figures(self) -> dict[str, Any]:
        """Of codes that are real numbers."""
        return pictures.latent_figures(self)
