"""Generative adversarial network (Goodfellow et al. 2014): a network as a divergence.

A generator G makes images of noise z ~ N(0, I), a discriminator D says how likely an image is real:

    D maximises  E_x[log D(x)] + E_z[log(1 - D(G(z)))]
    G maximises  E_z[log D(G(z))]

The second line is the non-saturating loss of the paper's section 3: it has the fixed point of the
game G minimises E_z[log(1 - D(G(z)))], and a strong gradient while D still rejects all.

The lecture's slides say "minimise" for both. For D that is a slip of the sign, and for G it is one
as well: minimising E_z[log D(G(z))] would make images that D recognises ever more surely. Here
both players minimise the negatives of the two lines above; with D = sigmoid(d),
-log D = softplus(-d) and -log(1 - D) = softplus(d).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn import functional as F

from hringur.data.images.images import ImageSet
from hringur.generative import pictures
from hringur.generative.batches import Batch
from hringur.generative.inversion import invert
from hringur.generative.model import ImageModel, open_studio
from hringur.generative.networks import Architecture, Decoder, Encoder
from hringur.generative.settings import ImageLearning
from hringur.generative.watch import Watch
from hringur.types import Metrics, State


@dataclass(frozen=True, kw_only=True)
class GANConfig(ImageLearning):
    """Generative adversarial network with the non-saturating loss."""

    name: ClassVar[str] = "gan"

    usual_samples: ClassVar[int] = 650_000
    """images to train on when no budget is given"""

    batch: int = 64
    """images of an update; a game needs many steps more than exact ones"""

    latent: int = 32
    """numbers in a code"""

    channels: int = 32
    """of the generator's grid of cells, as many as its last step paints at once"""

    depth: int = 3
    """dense layers of the generator; with one, more codes make something between two digits"""

    lr: float = 1e-3
    """Adam's step size of the generator, until it is let down"""

    critic_lr: float = 1e-3
    """Adam's step size of the discriminator"""

    critic_channels: int = 16
    """of the discriminator after its first step, doubled at each further one"""

    critic_stride: int = 2
    """pixels that the discriminator's first convolution steps, 2 or 4"""

    smoothness: float = 0.1
    """weight of |gradient of d|^2 at real images (Mescheder et al. 2018), every 8th update"""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_positive("critic_lr", "critic_channels")
        self.check_not_negative("smoothness")

    def model(self) -> "type[GAN]":
        """The model."""
        return GAN


class GAN(ImageModel):
    """A generator and a discriminator, one step each for every batch."""

    settings = GANConfig
    headline = "evaluation/pixel_sliced_wasserstein"
    encodes = False

    def __init__(
        self,
        dataset: str | ImageSet = "mnist",
        config: GANConfig | None = None,
        *,
        size: int | None = None,
        seed: int = 0,
        device: str = "auto",
        fabric: Fabric | None = None,
    ) -> None:
        self.config = config = config or GANConfig()
        self.studio = studio = open_studio(dataset, size, seed, device, fabric)
        generator = Decoder(config.latent, studio.shape, config.architecture)
        critic = Encoder(studio.shape, 1, of_critic(config))
        self.generator = studio.player(generator, config)
        self.critic = studio.player(critic, config, config.critic_lr)
        self.players = {"generator": self.generator, "critic": self.critic}
        self.watch = Watch()
        self.film, self.density = pictures.Film(), None

    def update(self, batch: Batch, progress: float) -> Metrics:
        """One step of the discriminator, one of the generator, against the same images."""
        pace = self.config.pace(progress)
        noise = torch.randn(len(batch), self.config.latent, device=batch.image.device)
        made = self.generator.network(noise).sigmoid()

        both = torch.cat([batch.image, made.detach()])
        real, fake = self.critic.network(both)[:, 0].chunk(2)
        critic_loss = discriminator_loss(real, fake)
        if self.config.smoothness and self.critic.updates % EVERY == 0:
            critic_loss = critic_loss + self._roughness(batch.image)
        critic_norm = self.critic.step(critic_loss, pace)

        with self.critic.at_rest() as critic:
            loss = generator_loss(critic(made)[:, 0])
        norm = self.generator.step(loss, pace)
        self.watch.look(real, fake)
        return {
            "train/loss": loss.item(),
            "critic/loss": critic_loss.item(),
            "critic/right_percent": 50 * ((real > 0).float() + (fake < 0).float()).mean().item(),
            "critic/grad_norm": critic_norm,
            "model/grad_norm": norm,
        }

    def encode(self, image: Any) -> Float[Tensor, "B Z"]:
        """The code whose image is nearest: found by descent, for a GAN has no encoder."""
        return invert(
            lambda code: self.logits(code).sigmoid(), self.pixels(image), self.config.latent
        )

    def logits(self, latent: Float[Tensor, "B Z"]) -> Float[Tensor, "B C H W"]:
        """Of the averaged generator."""
        return self.generator.average(latent)

    def state_dict(self) -> State:
        """Both players, and what the watch has seen."""
        return ImageModel.state_dict(self) | {"watch": self.watch.state_dict()}

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
        ImageModel.load_state_dict(self, state)
        self.watch.load_state_dict(state["watch"])

    def _roughness(self, image: Float[Tensor, "B C H W"]) -> Float[Tensor, ""]:
        """The zero-centred gradient penalty R1, counted for all the updates that it is left out."""
        image = image.detach().requires_grad_()
        verdict = self.critic.network(image).sum()
        (slope,) = torch.autograd.grad(verdict, image, create_graph=True)
        penalty = slope.square().sum(dim=(1, 2, 3)).mean()
        return 0.5 * EVERY * self.config.smoothness * penalty


EVERY = 8
"""updates between two looks at the discriminator's roughness, which costs as much as a step"""


def of_critic(config: Any) -> Architecture:
    """How large a game's critic is: it must see finer than the generator paints."""
    return config.architecture._replace(
        channels=config.critic_channels, stride=config.critic_stride
    )


def discriminator_loss(real: Float[Tensor, " B"], made: Float[Tensor, " B"]) -> Float[Tensor, ""]:
    """-E[log D(x)] - E[log(1 - D(G(z)))], from logits."""
    return F.softplus(-real).mean() + F.softplus(made).mean()


def generator_loss(made: Float[Tensor, " B"]) -> Float[Tensor, ""]:
    """-E[log D(G(z))], from logits."""
    return F.softplus(-made).mean()
