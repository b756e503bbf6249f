"""Networks that play against an encoder of sequences: a critic of its codes, a classifier of style.

Each makes its own step, then says what it asks of the encoder.
"""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from hringur.generative.models.wgan_gp import gradient_penalty
from hringur.types import Metrics

PENALTY = 10.0
"""Weight of the gradient penalty (Gulrajani et al. 2017)."""


def dense(inputs: int, hidden: int, outputs: int, bias: bool = True) -> nn.Sequential:
    """Two hidden layers."""
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(),
        nn.Linear(hidden, outputs, bias=bias),
    )  # fmt: skip


class CodeCritic:
    """Brings codes and a prior together in Wasserstein distance, by its dual.

    The prior is a standard normal law (Shen et al. 2020), or what a generator makes of it, which
    comes towards the codes as they come towards it (Zhao et al. 2018).
    """

    def __init__(self, model: Any, generates: bool) -> None:
        config = model.config
        critic = dense(config.latent, config.critic_width, 1, bias=False)  # only differences count
        self.critic = model.add_network("critic", critic, config.critic_lr)
        self.generator: Any = None
        if generates:
            normed = nn.LayerNorm(config.latent, elementwise_affine=False)  # as the codes are
            network = nn.Sequential(
                dense(config.latent, config.critic_width, config.latent), normed
            )
            self.generator = model.add_network("generator", network, config.critic_lr)

    def against(
        self, code: Float[Tensor, "B Z"], factor: float
    ) -> tuple[Float[Tensor, ""], Metrics]:
        """What the encoder is to make small, after steps of critic and generator."""
        made = torch.randn_like(code)
        if self.generator is not None:
            made = self.generator.network(made)
        real, fake = code.detach().float(), made.detach().float()
        apart = self.critic.network(torch.cat([real, fake]))
        distance = apart[: len(real)].mean() - apart[len(real) :].mean()
        between = torch.lerp(real, fake, torch.rand_like(real[:, :1])).requires_grad_()
        penalty = gradient_penalty(self.critic.twice_differentiable(between)[:, 0], between)
        self.critic.step(PENALTY * penalty - distance, factor)
        with self.critic.frozen() as critic:
            if self.generator is not None:
                self.generator.step(-critic(made).mean(), factor)
            asked = critic(code).mean()
        return asked, {
            "critic/distance": distance.item(),
            "critic/gradient_penalty": penalty.item(),
        }


class StyleClassifier:
    """Tells the style from the code; the encoder learns to leave it no way to."""

    def __init__(self, model: Any, styles: int) -> None:
        config = model.config
        network = dense(config.latent, config.critic_width, styles)
        self.classifier = model.add_network("style_classifier", network, config.critic_lr)

    def against(
        self, code: Float[Tensor, "B Z"], style: Int[Tensor, " B"], factor: float
    ) -> tuple[Float[Tensor, ""], Metrics]:
        """Cross entropy of the classifier to a guess, after its step."""
        loss = F.cross_entropy(self.classifier.network(code.detach()), style)
        self.classifier.step(loss, factor)
        with self.classifier.frozen() as classifier:
            asked = -F.log_softmax(classifier(code), dim=1).mean()
        return asked, {"style/classifier_nats": loss.item()}
