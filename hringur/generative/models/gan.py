"""Generative adversarial network (Goodfellow et al. 2014) with the non-saturating loss, section 3.

    D maximises  E_x[log D(x)] + E_z[log(1 - D(G(z)))],      z ~ N(0, I)
    G maximises  E_z[log D(G(z))]

The lecture's slides say "minimise" for both, a slip of the sign. Here both networks minimise the
negatives; with D = sigmoid(d), -log D = softplus(-d) and -log(1 - D) = softplus(d).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from hringur.checks import check_not_negative
from hringur.generative.adversarial import (
    R1_INTERVAL,
    AdversarialConfig,
    AdversarialModel,
    r1_penalty,
)
from hringur.generative.batches import Batch
from hringur.generative.networks import Decoder, Encoder
from hringur.types import Metrics


@dataclass(frozen=True, kw_only=True)
class GANConfig(AdversarialConfig):
    """Generative adversarial network with the non-saturating loss."""

    name: ClassVar[str] = "gan"
    usual_samples: ClassVar[int] = 650_000
    renamed: ClassVar[Mapping[str, str]] = {"smoothness": "r1_penalty"}

    r1_penalty: float = 0.1
    """weight of d's squared gradient at real images (Mescheder et al. 2018), every 8th update"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_not_negative(self, "r1_penalty")


class GAN(AdversarialModel):
    """A generator and a discriminator, one step each for every batch."""

    settings = GANConfig
    config: GANConfig

    def build_networks(self) -> None:
        """Build the generator as a decoder, and the discriminator as an encoder to one number."""
        generator = Decoder(self.config.latent, self.shape, self.config.architecture)
        critic = Encoder(self.shape, 1, self.config.critic_architecture)
        self.add_networks(generator, critic)

    def update(self, batch: Batch, progress: float) -> Metrics:
        """Make one step of the discriminator and one of the generator."""
        factor = self.config.lr_factor(progress)
        noise = torch.randn(len(batch), self.config.latent, device=batch.image.device)
        made = self.generator.network(noise).sigmoid()

        both = torch.cat([batch.image, made.detach()])
        real, fake = self.critic.network(both)[:, 0].chunk(2)
        critic_loss = discriminator_loss(real, fake)
        if self.config.r1_penalty and self.critic.updates % R1_INTERVAL == 0:
            penalty = r1_penalty(
                lambda image: self.critic.twice_differentiable(image)[:, 0], batch.image
            )
            critic_loss = critic_loss + 0.5 * R1_INTERVAL * self.config.r1_penalty * penalty
        critic_norm = self.critic.step(critic_loss, factor)

        with self.critic.frozen() as critic:
            loss = generator_loss(critic(made)[:, 0])
        norm = self.generator.step(loss, factor)
        self.monitor.check(real, fake)
        return {
            "train/loss": loss.item(),
            "critic/loss": critic_loss.item(),
            "critic/accuracy_percent": accuracy_percent(real, fake),
            "critic/grad_norm": critic_norm,
            "model/grad_norm": norm,
        }


def discriminator_loss(real: Float[Tensor, " B"], made: Float[Tensor, " B"]) -> Float[Tensor, ""]:
    """-E[log D(x)] - E[log(1 - D(G(z)))], from logits."""
    return F.softplus(-real).mean() + F.softplus(made).mean()


def generator_loss(made: Float[Tensor, " B"]) -> Float[Tensor, ""]:
    """-E[log D(G(z))], from logits."""
    return F.softplus(-made).mean()


def accuracy_percent(real: Float[Tensor, " B"], made: Float[Tensor, " B"]) -> float:
    """Share of both batches that the discriminator classifies correctly, from logits [%]."""
    return 50 * ((real > 0).float() + (made < 0).float()).mean().item()
