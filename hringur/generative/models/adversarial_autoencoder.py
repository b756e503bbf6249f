"""Adversarial autoencoder, or WAE-GAN (Makhzani et al. 2015; Tolstikhin et al. 2018, alg. 1).

    D maximises    E_z[log D(z)] + E_x[log(1 - D(E(x)))],      z ~ N(0, I)
    E, G minimise  E_x c(x, G(E(x))) - lambda * E_x[log D(E(x))]

The lecture's slide feeds D with the image G(z); D lives in the latent space and compares z with
the code E(x).
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from hringur.checks import check_positive
from hringur.generative.adversarial import CollapseMonitor
from hringur.generative.batches import Batch
from hringur.generative.matching import MatchingAutoencoder, MatchingConfig
from hringur.generative.models.gan import accuracy_percent, discriminator_loss, generator_loss
from hringur.generative.networks import LatentCritic
from hringur.types import Metrics


@dataclass(frozen=True, kw_only=True)
class AdversarialAutoencoderConfig(MatchingConfig):
    """Autoencoder whose codes match the prior by adversarial training."""

    name: ClassVar[str] = "adversarial-autoencoder"
    usual_samples: ClassVar[int] = 1_600_000

    strength: float = 1.0
    """lambda, the weight of the adversarial loss"""

    reconstruction: float = 0.3
    """weight of that cost, a sum over the pixels of an image; 0.05 blurs more"""

    critic_lr: float = 1e-3
    """Adam's learning rate of the discriminator"""

    critic_width: int = 256
    """hidden units of the discriminator's two layers"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(self, "critic_lr", "critic_width")


class AdversarialAutoencoder(MatchingAutoencoder):
    """Reconstructions, and codes that a discriminator cannot tell from the prior."""

    settings = AdversarialAutoencoderConfig
    config: AdversarialAutoencoderConfig
    monitor: CollapseMonitor
    divergence_tag = "model/adversarial_loss_nats"

    def build_networks(self) -> None:
        """Build the discriminator of codes, and the autoencoder."""
        critic = LatentCritic(self.config.latent, self.config.critic_width)
        super().build_networks()
        self.critic = self.add_network("critic", critic, self.config.critic_lr)
        self.monitor = CollapseMonitor()

    def divergence(self, code: Float[Tensor, "B Z"]) -> Float[Tensor, ""]:
        """-E_x[log D(E(x))] [nats], whose gradient makes codes look like the prior's."""
        with self.critic.frozen() as critic:
            return generator_loss(critic(code))

    def update(self, batch: Batch, progress: float) -> Metrics:
        """Make one step of the discriminator, and one of encoder and generator."""
        if self.autoencoder.updates < self.config.encoder_pretraining:
            return self.pretrain_encoder(batch.image)
        factor, codes = self.config.lr_factor(progress), self.noisy_codes(batch.image)

        prior = torch.randn_like(codes.code)
        outputs = self.critic.network(torch.cat([prior, codes.code.detach()]))
        of_prior, of_codes = outputs.chunk(2)
        critic_loss = discriminator_loss(of_prior, of_codes)
        critic_norm = self.critic.step(critic_loss, factor)

        loss, metrics = self.loss(batch.image, codes)
        norm = self.autoencoder.step(loss, factor)
        self.monitor.check(of_prior, of_codes)
        return metrics | {
            "train/loss": loss.item(),
            "critic/loss": critic_loss.item(),
            "critic/accuracy_percent": accuracy_percent(of_prior, of_codes),
            "critic/grad_norm": critic_norm,
            "model/grad_norm": norm,
        }
