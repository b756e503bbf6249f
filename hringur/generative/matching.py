"""What the autoencoders that match their codes to the prior share (Tolstikhin et al. 2018).

    W_c(P_X, P_G) = inf_{Q: Q_Z = P_Z} E_x E_{z ~ Q(z|x)} c(x, G(z))

The condition is relaxed to a penalty, lambda * D(Q_Z : P_Z), and the models differ in D alone. A
gaussian encoder would become ever narrower; a penalty on its log variance keeps it from that
(Rubenstein et al. 2018).
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from hringur.checks import check_choice, check_not_negative
from hringur.divergences.kernels import moments_gap
from hringur.generative import measures
from hringur.generative.batches import Batch
from hringur.generative.model import ImageModel, in_parts
from hringur.generative.networks import Autoencoder, Decoder, Encoder
from hringur.generative.pixels import DISTANCES, DistanceName, distance
from hringur.generative.settings import ImageModelConfig
from hringur.training.fabric import together
from hringur.types import Metrics

EncoderName = Literal["deterministic", "gaussian"]


@dataclass(frozen=True, kw_only=True)
class MatchingConfig(ImageModelConfig):
    """How an autoencoder learns whose codes match the prior."""

    renamed: ClassVar[Mapping[str, str]] = {"warm_up": "encoder_pretraining"}

    depth: int = 3
    """dense layers that make an image of a code"""

    encoder: EncoderName = "deterministic"
    """deterministic: one code for an image; gaussian: a normal distribution of codes"""

    strength: float = 10.0
    """lambda, the weight of the divergence from the prior"""

    distance: DistanceName = "squared"
    """what a reconstruction costs"""

    reconstruction: float = 0.05
    """weight of that cost, a sum over the pixels of an image"""

    input_noise: float = 0.01
    """standard deviation of the noise on the pixels that the encoder sees in training"""

    spread_penalty: float = 0.01
    """weight of |log variance| of a gaussian encoder, summed over the code"""

    encoder_pretraining: int = 200
    """updates before the first: the encoder alone learns mean and covariance of the prior"""

    def __post_init__(self) -> None:
        super().__post_init__()
        weights = ("strength", "reconstruction", "input_noise", "spread_penalty")
        check_not_negative(self, *weights, "encoder_pretraining")
        check_choice(self, "encoder", get_args(EncoderName))
        check_choice(self, "distance", DISTANCES)


class Codes(NamedTuple):
    """An encoder's output for a batch of images."""

    code: Float[Tensor, "B Z"]
    mean: Float[Tensor, "B Z"]
    log_variance: Float[Tensor, "B Z"] | None
    """None from a deterministic encoder"""

    @property
    def std(self) -> float:
        """Mean standard deviation of a code."""
        return 0.0 if self.log_variance is None else (0.5 * self.log_variance).exp().mean().item()


class MatchingAutoencoder(ImageModel):
    """An autoencoder that states the divergence by which its codes match the prior."""

    own_headline = "evaluation/reconstruction_error"
    divergence_tag: ClassVar[str]

    @abstractmethod
    def divergence(self, code: Float[Tensor, "B Z"]) -> Float[Tensor, ""]:
        """D(Q_Z : P_Z), estimated from the codes of a batch."""

    def build_networks(self) -> None:
        """Build one autoencoder."""
        config = self.config
        outputs = config.latent * (2 if config.encoder == "gaussian" else 1)
        encoder = Encoder(self.shape, outputs, config.architecture)
        decoder = Decoder(config.latent, self.shape, config.architecture)
        self.autoencoder = self.add_network("autoencoder", Autoencoder(encoder, decoder))

    def loss(
        self, image: Float[Tensor, "B C H W"], codes: Codes
    ) -> tuple[Float[Tensor, ""], Metrics]:
        """Transport cost c(x, G(z)), plus lambda times the divergence, plus the spread penalty."""
        config, logits = self.config, self.autoencoder.network.decode(codes.code)
        cost = config.reconstruction * distance(config.distance, image, logits).mean()
        divergence = self.divergence(together(codes.code))
        loss = cost + config.strength * divergence + spread_penalty(codes, config)
        return loss, {
            "model/transport_cost": cost.item(),
            self.divergence_tag: divergence.item(),
            "model/code_std": codes.std,
            "model/code_variance": codes.code.var().item(),
        }

    def update(self, batch: Batch, progress: float) -> Metrics:
        """Make one gradient step; the first few are for the encoder alone."""
        if self.autoencoder.updates < self.config.encoder_pretraining:
            return self.pretrain_encoder(batch.image)
        loss, metrics = self.loss(batch.image, self.noisy_codes(batch.image))
        norm = self.autoencoder.step(loss, self.config.lr_factor(progress))
        return metrics | {"train/loss": loss.item(), "model/grad_norm": norm}

    def pretrain_encoder(self, image: Float[Tensor, "B C H W"]) -> Metrics:
        """Make one step that brings mean and covariance of the codes nearer those of the prior."""
        codes = self.noisy_codes(image)
        # several processes wait for a gradient of every weight, so the decoder gets one of zero
        nothing = 0.0 * self.autoencoder.network.decode(codes.code.detach()).sum()
        loss = moments_gap(together(codes.code)) + nothing
        norm = self.autoencoder.step(loss)
        return {"model/pretraining_loss": loss.item(), "model/grad_norm": norm}

    def noisy_codes(self, image: Float[Tensor, "B C H W"]) -> Codes:
        """Codes of images to which noise has been added, for an update."""
        if self.config.input_noise:
            image = image + self.config.input_noise * torch.randn_like(image)
        return draw_codes(self.autoencoder.network.encode(image), self.config)

    @torch.no_grad()
    def encode(self, image: Any) -> Float[Tensor, "B Z"]:
        """The code of each image, or the mean of its codes, by the averaged encoder."""
        network, latent = self.autoencoder.average, self.config.latent
        return in_parts(lambda part: network.encode(self.pixels(part))[:, :latent], image)

    @torch.no_grad()
    def draw_codes(self, image: Any) -> Float[Tensor, "B Z"]:
        """A code of each image as training draws it, by the averaged encoder."""
        return in_parts(lambda part: self._drawn(self.pixels(part)).code, image)

    def _drawn(self, image: Float[Tensor, "B C H W"]) -> Codes:
        return draw_codes(self.autoencoder.average.encode(image), self.config)

    def logits(self, latent: Float[Tensor, "B Z"]) -> Float[Tensor, "B C H W"]:
        """The averaged decoder's logits of the pixels."""
        return self.autoencoder.average.decode(latent)

    @torch.no_grad()
    def own_measures(self) -> Metrics:
        """Reconstruction error, and how far codes are from the prior."""
        codes = self._drawn(measures.test_images(self))
        found = measures.reconstruction(self) | measures.prior_mismatch(self, codes.code)
        return found | {"evaluation/code_std": codes.std}


def draw_codes(outputs: Float[Tensor, "B O"], config: MatchingConfig) -> Codes:
    """Codes from the encoder's output, by a path through which the gradient passes."""
    if config.encoder == "deterministic":
        return Codes(outputs, outputs, None)
    mean, log_variance = outputs.chunk(2, dim=1)
    code = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
    return Codes(code, mean, log_variance)


def spread_penalty(codes: Codes, config: MatchingConfig) -> Float[Tensor, ""]:
    """The penalty on |log variance|, summed over the code; 0 for a deterministic encoder."""
    if codes.log_variance is None:
        return codes.code.new_zeros(())
    return config.spread_penalty * codes.log_variance.abs().sum(dim=1).mean()
