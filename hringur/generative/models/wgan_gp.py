"""Wasserstein GAN with a gradient penalty (Gulrajani et al. 2017): transport by its dual.

    W_1(P, Q) = max over f with Lipschitz constant 1 of E_{x ~ P} f(x) - E_{y ~ Q} f(y)

    critic minimises     E_z f(G(z)) - E_x f(x) + lambda * E_u (|grad f(u)| - 1)^2
    generator minimises  -E_z f(G(z))

A conditional critic adds <f's features, v_y>, a vector for each class (Miyato & Koyama 2018).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from hringur.checks import check_not_negative, check_positive
from hringur.generative.adversarial import AdversarialConfig, AdversarialModel
from hringur.generative.batches import Batch
from hringur.generative.networks import Decoder, Encoder
from hringur.types import Metrics, UserError

CRITIC_FEATURES = 128


@dataclass(frozen=True, kw_only=True)
class WGANGPConfig(AdversarialConfig):
    """Wasserstein GAN with a gradient penalty."""

    name: ClassVar[str] = "wgan-gp"
    usual_samples: ClassVar[int] = 750_000

    beta1: float = 0.0
    """Adam's decay rate of the mean of gradients: the paper's, as the other network moves, too"""

    beta2: float = 0.9
    """Adam's decay rate of the mean of their squares"""

    critic_steps: int = 2
    """steps of the critic for one of the generator"""

    penalty: float = 10.0
    """lambda, the weight of the gradient penalty"""

    penalty_every: int = 2
    """steps of the critic between two gradient penalties, each counted for all of them"""

    conditional: bool = False
    """both networks know the class of an image"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(self, "critic_steps", "penalty_every")
        check_not_negative(self, "penalty")


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
        """The critic's output; ``label`` is None unless the critic is conditional."""
        features = F.leaky_relu(self.encoder(image), 0.2)
        output = self.head(features)[:, 0]
        if self.of_class is None or label is None:
            return output
        return output + (features * self.of_class(label)).mean(dim=1)


class WGANGP(AdversarialModel):
    """A critic that measures transport, and a generator that shortens it."""

    settings = WGANGPConfig
    config: WGANGPConfig

    def build_networks(self) -> None:
        """Build the generator as a decoder, and the critic; both see the class if conditional."""
        config, classes = self.config, len(self.images.classes)
        if config.conditional and classes < 2:
            raise UserError(f"conditional: the images of {self.images.name} have no classes")
        generator = Decoder(self.code_size, self.shape, config.architecture)
        body = Encoder(self.shape, CRITIC_FEATURES, config.critic_architecture)
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
        """Minus the dual's value, plus the gradient penalty."""
        both = torch.cat([image, made])
        output = self.critic.network(both, None if label is None else label.repeat(2))
        real, fake = output.chunk(2)
        distance = real.mean() - fake.mean()
        self.monitor.check(real, fake)
        every, metrics = self.config.penalty_every, {"critic/distance": distance.item()}
        if self.critic.updates % every:
            return -distance, metrics
        share = torch.rand(len(image), 1, 1, 1, device=image.device)
        between = torch.lerp(image, made, share).requires_grad_()
        penalty = gradient_penalty(self.critic.twice_differentiable(between, label), between)
        metrics["critic/gradient_penalty"] = penalty.item()
        return every * self.config.penalty * penalty - distance, metrics

    def update(self, batch: Batch, progress: float) -> Metrics:
        """Make one step of the critic, and one of the generator after every few."""
        factor, label = self.config.lr_factor(progress), batch.label if self.classes else None
        turn = (self.critic.updates + 1) % self.config.critic_steps == 0
        with torch.set_grad_enabled(turn):  # the generator learns from every so many batches
            noise = torch.randn(len(batch), self.config.latent, device=self.fabric.device)
            made = self.generator.network(self._code(noise, label)).sigmoid()
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
        return self._code(noise, torch.arange(count) % self.classes if self.classes else None)

    def sample_class(self, label: int, count: int, seed: int = 0) -> Float[Tensor, "B C H W"]:
        """New images of one class, from a conditional model."""
        if not 0 <= label < self.classes:
            raise UserError(f"label must be one of the model's {self.classes} classes, got {label}")
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(count, self.config.latent, generator=generator)
        return self.decode(self._code(noise, torch.full((count,), label)))

    def _code(
        self, noise: Float[Tensor, "B N"], label: Int[Tensor, " B"] | None
    ) -> Float[Tensor, "B Z"]:
        if label is None:
            return noise
        return torch.cat([noise, F.one_hot(label, self.classes).float()], dim=1)


def gradient_penalty(
    output: Float[Tensor, " B"], points: Float[Tensor, "B *axes"]
) -> Float[Tensor, ""]:
    """E (|grad f(u)| - 1)^2 at ``points`` with the critic's ``output``."""
    (slope,) = torch.autograd.grad(output.sum(), points, create_graph=True)
    norm = slope.flatten(1).norm(dim=1)
    return (norm - 1).square().mean()
