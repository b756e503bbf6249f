"""Adversarial autoencoder, or WAE-GAN: matching the aggregate posterior by a game.

The lecture's latent-variable pseudocode (Makhzani et al. 2015; Tolstikhin et al. 2018, alg. 1).
An encoder E names a code for an image, a generator G rebuilds the image from it, and a
discriminator D tells draws z of the prior N(0, I) from codes E(x):

    D maximises    E_z[log D(z)] + E_x[log(1 - D(E(x)))]
    E, G minimise  E_x c(x, G(E(x))) - lambda * E_x[log D(E(x))]

The lecture's slide feeds D with G(z), an image; D lives in the latent space, and what it must tell
from z is the code E(x). (Its y = G(E(x)) is right, and is what the reconstruction looks at.) There,
too, the sign of D's objective is that of a maximum.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor

from hringur.data.images.images import ImageSet
from hringur.generative import matching, pictures
from hringur.generative.batches import Batch
from hringur.generative.model import ImageModel, in_parts, open_studio
from hringur.generative.models.gan import discriminator_loss, generator_loss
from hringur.generative.networks import LatentCritic
from hringur.generative.watch import Watch
from hringur.types import Metrics, State


@dataclass(frozen=True, kw_only=True)
class AdversarialAutoencoderConfig(matching.MatchingConfig):
    """Autoencoder whose codes match the prior by a game against a discriminator."""

    name: ClassVar[str] = "adversarial-autoencoder"

    usual_samples: ClassVar[int] = 1_600_000
    """images to train on when no budget is given"""

    strength: float = 1.0
    """lambda, the weight of the discriminator's verdict"""

    reconstruction: float = 0.3
    """weight of that cost, a sum over the pixels of an image; 0.05 blurs more"""

    critic_lr: float = 1e-3
    """Adam's step size of the discriminator"""

    critic_width: int = 256
    """hidden units of the discriminator's two layers"""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_positive("critic_lr", "critic_width")

    def model(self) -> "type[AdversarialAutoencoder]":
        """The model."""
        return AdversarialAutoencoder


class AdversarialAutoencoder(ImageModel):
    """Reconstructions, and codes that a discriminator cannot tell from the prior."""

    settings = AdversarialAutoencoderConfig
    headline = "evaluation/reconstruction_error"
    encodes = True

    def __init__(
        self,
        dataset: str | ImageSet = "mnist",
        config: AdversarialAutoencoderConfig | None = None,
        *,
        size: int | None = None,
        seed: int = 0,
        device: str = "auto",
        fabric: Fabric | None = None,
    ) -> None:
        self.config = config = config or AdversarialAutoencoderConfig()
        self.studio = open_studio(dataset, size, seed, device, fabric)
        critic = LatentCritic(config.latent, config.critic_width)
        self.player = self.studio.player(matching.autoencoder(self.studio, config), config)
        self.critic = self.studio.player(critic, config, config.critic_lr)
        self.players = {"autoencoder": self.player, "critic": self.critic}
        self.watch = Watch()
        self.film, self.density = pictures.Film(), None

    def loss(
        self, image: Float[Tensor, "B C H W"], codes: matching.Codes
    ) -> tuple[Float[Tensor, ""], Metrics]:
        """Of encoder and generator: transport cost, and codes to be taken for the prior's."""
        logits = self.player.network.decode(codes.code)
        cost = matching.transport_cost(image, logits, self.config)
        with self.critic.at_rest() as critic:
            verdict = generator_loss(critic(codes.code))
        narrow = matching.narrowness(codes, self.config)
        metrics = {"model/transport_cost": cost.item(), "model/verdict_nats": verdict.item()}
        return cost + self.config.strength * verdict + narrow, metrics

    def update(self, batch: Batch, progress: float) -> Metrics:
        """One step of the discriminator, one of encoder and generator."""
        config, pace = self.config, self.config.pace(progress)
        if self.player.updates < config.warm_up:
            return matching.warm_up(self, batch.image)
        outputs = self.player.network.encode(matching.noisy(batch.image, config))
        codes = matching.draw_codes(outputs, config)

        prior = torch.randn_like(codes.code)
        verdicts = self.critic.network(torch.cat([prior, codes.code.detach()]))
        of_prior, of_codes = verdicts.chunk(2)
        critic_loss = discriminator_loss(of_prior, of_codes)
        critic_norm = self.critic.step(critic_loss, pace)

        loss, metrics = self.loss(batch.image, codes)
        norm = self.player.step(loss, pace)
        self.watch.look(of_prior, of_codes)
        right = 50 * ((of_prior > 0).float() + (of_codes < 0).float()).mean().item()
        return (
            metrics
            | matching.code_metrics(codes)
            | {
                "train/loss": loss.item(),
                "critic/loss": critic_loss.item(),
                "critic/right_percent": right,
                "critic/grad_norm": critic_norm,
                "model/grad_norm": norm,
            }
        )

    def encode(self, image: Any) -> Float[Tensor, "B Z"]:
        """The code of each image."""
        return matching.encode(self, image)

    def logits(self, latent: Float[Tensor, "B Z"]) -> Float[Tensor, "B C H W"]:
        """Of the averaged generator."""
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

    def state_dict(self) -> State:
        """Both players, and what the watch has seen."""
        return ImageModel.state_dict(self) | {"watch": self.watch.state_dict()}

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
        ImageModel.load_state_dict(self, state)
        self.watch.load_state_dict(state["watch"])
