"""Wasserstein GAN with a gradient penalty (Gulrajani et al. 2017): transport by its dual.

By Kantorovich and Rubinstein, the cost of transport with c(x, y) = |x - y| is

    W_1(P, Q) = max over f with Lipschitz constant 1 of E_{x ~ P} f(x) - E_{y ~ Q} f(y).

A critic f climbs towards that maximum, held to slope one by a penalty at points between real and
made images, and the generator moves its images up the critic's slope:

    critic minimises     E_z f(G(z)) - E_x f(x) + lambda * E_u (|grad f(u)| - 1)^2
    generator minimises  -E_z f(G(z))

With ``conditional`` both know the class y of an image: the generator is told it beside z, the
critic adds <f's features, v_y> with a vector for each class (Miyato & Koyama 2018).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from hringur.checks import check_not_negative, check_positive
from hringur.generative.adversarial import AdversarialModel, critic_architecture
from hringur.generative.batches import Batch
from hringur.generative.networks import Decoder, Encoder
from hringur.generative.settings import ImageModelConfig
from hringur.types import Metrics, UserError

CRITIC_FEATURES = 128


@dataclass(frozen=True, kw_only=True)
class WGANGPConfig(ImageModelConfig):
    """Wasserstein GAN with a gradient penalty."""

    name: ClassVar[str] = "wgan-gp"
    usual_samples: ClassVar[int] = 750_000

    latent: int = 32
    """numbers in a code"""

    channels: int = 32
    """of the generator's grid of cells, as many as its last step makes at once"""

    depth: int = 3
    """dense layers of the generator; with one, more codes make something between two digits"""

    batch: int = 64
    """images of an update"""

    beta1: float = 0.0
    """Adam's decay rate of the mean of gradients: the paper's, as the other network moves, too"""

    beta2: float = 0.9
    """Adam's decay rate of the mean of their squares"""

    critic_lr: float = 1e-3
    """Adam's learning rate of the critic"""

    critic_channels: int = 16
    """of the critic after its first step, doubled at each further one"""

    critic_stride: int = 2
    """pixels that the critic's first convolution steps, 2 or 4"""

    critic_steps: int = 2
    """of the critic, for one of the generator"""

    penalty: float = 10.0
    """lambda, the weight of the gradient penalty"""

    penalty_every: int = 2
    """steps of the critic between two gradient penalties, each counted for all of them"""

    conditional: bool = False
    """both networks know the class of an image"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(self, "critic_lr", "critic_steps", "critic_channels", "penalty_every")
        check_not_negative(self, "penalty")

    def model(self) -> "type[WGANGP]":
        """The class that these are the settings of."""
        return WGANGP


class Critic(nn.Module):
    """f(x), or f(x, y): a number for an image, the larger the more real."""

    def __init__(self, encoder: Encoder, features: int, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(features, 1, bias=False)  # only differences count
        self.of_class = nn.Embedding(classes, features) if classes else None

    def forward(
        self, image: Float[Tensor, "B C H W"], label: Int[Tensor, " B"] | None
    ) -> Float[Tensor, " B"]:
        """Without a class where the critic knows none."""
        features = F.leaky_relu(self.encoder(image), 0.2)
        verdict = self.head(features)[:, 0]
        if self.of_class is None or label is None:
            return verdict
        return verdict + (features * self.of_class(label)).mean(dim=1)


class WGANGP(AdversarialModel):
    """A critic that measures transport, and a generator that shortens it."""

    settings = WGANGPConfig
    config: WGANGPConfig

    def build_networks(self) -> None:
        """A decoder as the generator, and the critic; both see the class if conditional."""
        config, classes = self.config, len(self.images.classes)
        if config.conditional and classes < 2:
            raise UserError(f"conditional: the images of {self.images.name} have no classes")
        generator = Decoder(self.code_size, self.shape, config.architecture)
        body = Encoder(self.shape, CRITIC_FEATURES, critic_architecture(config))
        self.add_networks(generator, Critic(body, CRITIC_FEATURES, self.classes))

    @property
    def classes(self) -> int:
        """Classes that both networks know; 0 if not conditional."""
        return len(self.images.classes) if self.config.conditional else 0

    @property
    def code_size(self) -> int:
        """Noise, and a number for each class beside it."""
        return self.config.latent + self.classes

    def critic_loss(
        self, image: Float[Tensor, "B C H W"], made: Float[Tensor, "B C H W"], label: Any
    ) -> tuple[Float[Tensor, ""], Metrics]:
        """Minus the dual's value, and the price of a slope that is not one."""
        both = torch.cat([image, made])
        verdict = self.critic.network(both, None if label is None else label.repeat(2))
        real, fake = verdict.chunk(2)
        distance = real.mean() - fake.mean()
        self.monitor.check(real, fake)
        every, metrics = self.config.penalty_every, {"critic/distance": distance.item()}
        if self.critic.updates % every:
            return -distance, metrics
        share = torch.rand(len(image), 1, 1, 1, device=image.device)
        between = torch.lerp(image, made, share).requires_grad_()
        penalty = gradient_penalty(self.critic.network(between, label), between)
        metrics["critic/gradient_penalty"] = penalty.item()
        return every * self.config.penalty * penalty - distance, metrics

    def update(self, batch: Batch, progress: float) -> Metrics:
        """One step of the critic; after every few, one of the generator."""
        factor, label = self.config.lr_factor(progress), self._labels(batch)
        turn = (self.critic.updates + 1) % self.config.critic_steps == 0
        with torch.set_grad_enabled(turn):  # the generator learns from every so many batches
            made = self.generator.network(self._noise(len(batch), label)).sigmoid()
        critic_loss, metrics = self.critic_loss(batch.image, made.detach(), label)
        metrics["critic/grad_norm"] = self.critic.step(critic_loss, factor)
        if turn:
            with self.critic.frozen() as critic:
                loss = -critic(made, label).mean()
            metrics["model/grad_norm"] = self.generator.step(loss, factor)
            metrics["train/loss"] = loss.item()
        return metrics

    def prior(self, count: int, generator: torch.Generator) -> Float[Tensor, "B Z"]:
        """Standard normal numbers; beside them, if conditional, the classes in turn."""
        noise = torch.randn(count, self.config.latent, generator=generator)
        if not self.classes:
            return noise
        return torch.cat([noise, one_hot(torch.arange(count) % self.classes, self.classes)], dim=1)

    def sample_class(self, label: int, count: int, seed: int = 0) -> Float[Tensor, "B C H W"]:
        """New images of one class.

        Raises:
            UserError: the model knows no classes, or not this one.
        """
        if not 0 <= label < self.classes:
            raise UserError(f"label must be one of the model's {self.classes} classes, got {label}")
        noise = torch.randn(
            count, self.config.latent, generator=torch.Generator().manual_seed(seed)
        )
        wanted = one_hot(torch.full((count,), label), self.classes)
        return self.decode(torch.cat([noise, wanted], dim=1))

    def _labels(self, batch: Batch) -> Int[Tensor, " B"] | None:
        return batch.label if self.classes else None

    def _noise(self, count: int, label: Int[Tensor, " B"] | None) -> Float[Tensor, "B Z"]:
        """What the generator is given."""
        noise = torch.randn(count, self.config.latent, device=self.fabric.device)
        return noise if label is None else torch.cat([noise, one_hot(label, self.classes)], dim=1)


def gradient_penalty(
    verdict: Float[Tensor, " B"], points: Float[Tensor, "B C H W"]
) -> Float[Tensor, ""]:
    """E (|grad f(u)| - 1)^2 at the points that the verdicts are of."""
    (slope,) = torch.autograd.grad(verdict.sum(), points, create_graph=True)
    norm = slope.flatten(1).norm(dim=1)
    return (norm - 1).square().mean()


def one_hot(label: Int[Tensor, " B"], classes: int) -> Float[Tensor, "B K"]:
    """A one at the label."""
    return F.one_hot(label, classes).float()
