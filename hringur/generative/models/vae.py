"""Variational autoencoder (Kingma & Welling 2014; Rezende et al. 2014).

    -ELBO(x) = E_{z ~ q(z|x)}[-log p(x|z)] + beta * KL(q(z|x) : p(z)),      p(z) = N(0, I)

The gradient of the first term, the distortion, is taken along the path z = mean + epsilon * scale.
The second, the rate, has a closed form.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hringur.checks import check_choice, check_not_negative
from hringur.estimators.distributions import gaussians
from hringur.estimators.pathwise import Pathwise
from hringur.generative import measures
from hringur.generative.batches import Batch
from hringur.generative.model import ImageModel, in_parts
from hringur.generative.networks import Autoencoder, Decoder, Encoder
from hringur.generative.pixels import LIKELIHOODS, LikelihoodName, PixelLikelihood
from hringur.generative.settings import ImageModelConfig
from hringur.types import Metrics


@dataclass(frozen=True, kw_only=True)
class VAEConfig(ImageModelConfig):
    """Variational autoencoder."""

    name: ClassVar[str] = "vae"

    beta1: float = 0.9
    """Adam's decay rate of the mean of gradients"""

    likelihood: LikelihoodName = "bernoulli"
    """distribution of the pixels, given a code"""

    beta: float = 1.0
    """weight of the rate; 1 is the evidence lower bound"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "likelihood", LIKELIHOODS)
        check_not_negative(self, "beta")


class VAENetwork(nn.Module):
    """Encoder, decoder and pixel likelihood, trained by one optimiser."""

    forward_methods = ("encode", "distortion")

    def __init__(self, autoencoder: Autoencoder, likelihood: LikelihoodName) -> None:
        super().__init__()
        self.autoencoder, self.likelihood = autoencoder, PixelLikelihood(likelihood)

    def encode(
        self, image: Float[Tensor, "B C H W"]
    ) -> tuple[Float[Tensor, "B Z"], Float[Tensor, "B Z"]]:
        """Mean and standard deviation of the codes of each image."""
        mean, log_variance = self.autoencoder.encode(image).chunk(2, dim=1)
        return mean, torch.exp(0.5 * log_variance)

    def decode(self, latent: Float[Tensor, "B Z"]) -> Float[Tensor, "B C H W"]:
        """Logits of the pixels."""
        return self.autoencoder.decode(latent)

    def distortion(
        self, image: Float[Tensor, "B C H W"], latent: Float[Tensor, "S B Z"]
    ) -> Float[Tensor, "S B"]:
        """-log p(x|z) [nats]."""
        logits = self.decode(latent.flatten(0, 1)).unflatten(0, latent.shape[:2])
        return self.likelihood(image.expand_as(logits), logits)


class VAE(ImageModel):
    """Trained on its evidence lower bound."""

    settings = VAEConfig
    config: VAEConfig
    own_headline = "evaluation/elbo_nats"
    larger_is_better = frozenset({own_headline})
    estimator = Pathwise()

    def build_networks(self) -> None:
        """An encoder of means and variances, and a decoder."""
        config = self.config
        encoder = Encoder(self.shape, 2 * config.latent, config.architecture)
        decoder = Decoder(config.latent, self.shape, config.architecture)
        network = VAENetwork(Autoencoder(encoder, decoder), config.likelihood)
        self.autoencoder = self.add_network("vae", network)

    def loss(self, image: Float[Tensor, "B C H W"]) -> tuple[Float[Tensor, ""], Metrics]:
        """Minus the evidence lower bound per image [nats], one code for each."""
        network = self.autoencoder.network
        mean, scale = network.encode(image)  # B Z each

        def cost(latent: Float[Tensor, "S B Z"]) -> Float[Tensor, "S B"]:
            return network.distortion(image, latent)

        distortion = self.estimator.surrogate(cost, gaussians(mean, scale), samples=1)
        rate = kl_from_standard_normal(mean, scale).mean()
        metrics = {
            "model/distortion_nats": distortion.item(),
            "model/rate_nats": rate.item(),
            "model/code_std": scale.mean().item(),
        }
        return distortion + self.config.beta * rate, metrics

    def update(self, batch: Batch, progress: float) -> Metrics:
        """Make one gradient step."""
        loss, metrics = self.loss(batch.image)
        norm = self.autoencoder.step(loss, self.config.lr_factor(progress))
        return metrics | {"train/loss": loss.item(), "model/grad_norm": norm}

    @torch.no_grad()
    def encode(self, image: Any) -> Float[Tensor, "B Z"]:
        """The mean of each image's codes."""
        return in_parts(lambda part: self.autoencoder.average.encode(self.pixels(part))[0], image)

    def logits(self, latent: Float[Tensor, "B Z"]) -> Float[Tensor, "B C H W"]:
        """The averaged decoder's logits of the pixels."""
        return self.autoencoder.average.decode(latent)

    @torch.no_grad()
    def draw_codes(self, image: Any) -> Float[Tensor, "B Z"]:
        """A code of each image, drawn from q(z|x)."""
        return in_parts(lambda part: self._drawn(self.pixels(part)), image)

    def _drawn(self, image: Float[Tensor, "B C H W"]) -> Float[Tensor, "B Z"]:
        mean, scale = self.autoencoder.average.encode(image)
        return mean + scale * torch.randn_like(mean)

    @torch.no_grad()
    def log_weights(self, image: Any, samples: int) -> Float[Tensor, "S B"]:
        """Log p(x, z) - log q(z|x) of codes drawn from q(z|x) [nats]; the mean is the ELBO."""
        image, network = self.pixels(image), self.autoencoder.average
        mean, scale = network.encode(image)
        posterior, prior = gaussians(mean, scale), gaussians(0 * mean, torch.ones_like(scale))
        latent = posterior.sample(torch.Size([samples]))  # S B Z
        log_joint = prior.log_prob(latent) - network.distortion(image, latent)
        return log_joint - posterior.log_prob(latent)

    @torch.no_grad()
    def own_measures(self) -> Metrics:
        """Bounds, reconstruction error, and how far drawn codes are from the prior."""
        code = self._drawn(measures.test_images(self))
        found = measures.bounds(self) | measures.reconstruction(self)
        return found | measures.prior_mismatch(self, code)


def kl_from_standard_normal(
    mean: Float[Tensor, "B Z"], scale: Float[Tensor, "B Z"]
) -> Float[Tensor, " B"]:
    """KL(N(mean, scale^2) : N(0, I)) of each code [nats]."""
    variance = scale.square()
    return 0.5 * (mean.square() + variance - variance.log() - 1).sum(dim=1)
