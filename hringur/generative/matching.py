"""What the autoencoders that match their codes to the prior share (Tolstikhin et al. 2018).

Transport from the images to the generator's images costs the least reconstruction error among all
encoders whose codes, taken over all images, are distributed as the prior is:

    W_c(P_X, P_G) = inf_{Q: Q_Z = P_Z} E_x E_{z ~ Q(z|x)} c(x, G(z)).

The condition is relaxed to a penalty, lambda * D(Q_Z : P_Z), and the models differ in D alone.

An encoder may be a function, or name a normal law. Left alone, such a law becomes narrower and
narrower, for nothing but the reconstruction asks for its width, until the encoder is a function
again; a penalty on the logarithm of its width keeps it (Rubenstein et al. 2018).
"""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from hringur.divergences.mmd import moments_gap
from hringur.generative import measuring
from hringur.generative.model import Studio, in_parts
from hringur.generative.networks import Autoencoder, Decoder, Encoder
from hringur.generative.pixels import DISTANCES, DistanceName, distance
from hringur.generative.settings import ImageLearning
from hringur.types import Metrics

EncoderName = Literal["deterministic", "gaussian"]


@dataclass(frozen=True, kw_only=True)
class MatchingConfig(ImageLearning):
    """How an autoencoder learns whose codes are to be distributed as the prior is."""

    depth: int = 3
    """dense layers that make an image of a code"""

    encoder: EncoderName = "deterministic"
    """deterministic: one code for an image; gaussian: a normal law of codes"""

    strength: float = 10.0
    """lambda, the weight of the divergence from the prior"""

    distance: DistanceName = "squared"
    """what a reconstruction costs"""

    reconstruction: float = 0.05
    """weight of that cost, a sum over the pixels of an image"""

    input_noise: float = 0.01
    """spread of the noise on the pixels that the encoder sees in training"""

    spread_penalty: float = 0.01
    """weight of |log spread^2| of a gaussian encoder, summed over the code"""

    warm_up: int = 200
    """updates before the first: the encoder alone learns mean and covariance of the prior"""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_not_negative(
            "strength", "reconstruction", "input_noise", "spread_penalty", "warm_up"
        )
        self.check_choice("encoder", get_args(EncoderName))
        self.check_choice("distance", DISTANCES)


class Codes(NamedTuple):
    """What an encoder says of a batch of images."""

    code: Float[Tensor, "B Z"]
    mean: Float[Tensor, "B Z"]
    log_variance: Float[Tensor, "B Z"] | None
    """None from an encoder that is a function"""

    @property
    def spread(self) -> float:
        """Mean standard deviation of a code."""
        return 0.0 if self.log_variance is None else (0.5 * self.log_variance).exp().mean().item()


def autoencoder(studio: Studio, config: MatchingConfig) -> Autoencoder:
    """Encoder and decoder of the kind that the settings ask for."""
    outputs = config.latent * (2 if config.encoder == "gaussian" else 1)
    encoder = Encoder(studio.shape, outputs, config.architecture)
    return Autoencoder(encoder, Decoder(config.latent, studio.shape, config.architecture))


def noisy(image: Float[Tensor, "B C H W"], config: MatchingConfig) -> Float[Tensor, "B C H W"]:
    """What the encoder sees in training."""
    return image + config.input_noise * torch.randn_like(image) if config.input_noise else image


def draw_codes(outputs: Float[Tensor, "B O"], config: MatchingConfig) -> Codes:
    """Codes from what the encoder says, by a path through which the gradient passes."""
    if config.encoder == "deterministic":
        return Codes(outputs, outputs, None)
    mean, log_variance = outputs.chunk(2, dim=1)
    code = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
    return Codes(code, mean, log_variance)


def transport_cost(
    image: Float[Tensor, "B C H W"], logits: Float[Tensor, "B C H W"], config: MatchingConfig
) -> Float[Tensor, ""]:
    """c(x, G(z)), a mean over the batch."""
    return config.reconstruction * distance(config.distance, image, logits).mean()


def narrowness(codes: Codes, config: MatchingConfig) -> Float[Tensor, ""]:
    """The price of a spread that is not one."""
    if codes.log_variance is None:
        return codes.code.new_zeros(())
    return config.spread_penalty * codes.log_variance.abs().sum(dim=1).mean()


@torch.no_grad()
def encode(model: Any, image: Any) -> Float[Tensor, "B Z"]:
    """The code of each image, or the mean of its codes, by the averaged encoder."""
    network, latent = model.player.average, model.config.latent
    return in_parts(lambda part: network.encode(model.pixels(part))[:, :latent], image)


@torch.no_grad()
def drawn(model: Any, image: Float[Tensor, "B C H W"]) -> Codes:
    """Codes as training draws them, by the averaged encoder."""
    return draw_codes(model.player.average.encode(image), model.config)


def code_metrics(codes: Codes) -> Metrics:
    """How the batch's codes lie."""
    return {"model/code_spread": codes.spread, "model/code_variance": codes.code.var().item()}


def warm_up(model: Any, image: Float[Tensor, "B C H W"]) -> Metrics:
    """One step that brings mean and covariance of the codes nearer those of the prior."""
    config = model.config
    codes = draw_codes(model.player.network.encode(noisy(image, config)), config)
    # the decoder takes part with nothing, so that several processes wait for no gradient of it
    nothing = 0.0 * model.player.network.decode(codes.code.detach()).sum()
    loss = moments_gap(codes.code) + nothing
    norm = model.player.step(loss)
    return {"model/warm_up_loss": loss.item(), "model/grad_norm": norm}


def measure(model: Any) -> Metrics:
    """Reconstructions of held-out images, and their codes beside the prior."""
    codes = drawn(model, measuring.test_images(model))
    return (
        measuring.reconstruction(model)
        | measuring.mismatch(model, codes.code)
        | {"evaluation/code_spread": codes.spread}
    )
