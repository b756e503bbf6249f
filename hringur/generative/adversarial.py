"""What models of a generator and a critic share; they have no encoder.

The code of an image is then the one that the generator rebuilds best,

    z*(x) = argmin_z |x - G(z)|^2 + PRIOR_WEIGHT * |z|^2,

found by gradient descent from several starts; the last term keeps codes where the prior draws them.
(The generator's inverse need not exist: what it cannot make, it rebuilds badly.)
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hringur.generative.collapse_monitor import CollapseMonitor
from hringur.generative.model import ImageModel
from hringur.generative.networks import Architecture

STARTS = 4
STEPS = 60
PRIOR_WEIGHT = 0.01
LEARNING_RATE = 0.1


class AdversarialModel(ImageModel):
    """A generator of images, trained against a critic of images."""

    own_headline = "evaluation/pixel_sliced_wasserstein"
    encodes = False
    config: Any
    monitor: CollapseMonitor

    def add_networks(self, generator: nn.Module, critic: nn.Module) -> None:
        """Register both networks, and the monitor of their training."""
        self.generator = self.add_network("generator", generator)
        self.critic = self.add_network("critic", critic, self.config.critic_lr)
        self.monitor = CollapseMonitor()

    @property
    def code_size(self) -> int:
        """Numbers that the generator makes an image of."""
        return self.config.latent

    def encode(self, image: Any) -> Float[Tensor, "B Z"]:
        """The code of each image whose own image is nearest to it."""
        return invert(lambda code: self.logits(code).sigmoid(), self.pixels(image), self.code_size)

    def logits(self, latent: Float[Tensor, "B Z"]) -> Float[Tensor, "B C H W"]:
        """Logits of the averaged generator's images."""
        return self.generator.average(latent)


def critic_architecture(config: Any) -> Architecture:
    """Sizes of a critic, which must see finer than the generator makes."""
    return config.architecture._replace(
        channels=config.critic_channels, stride=config.critic_stride
    )


def invert(
    generate: Callable[[Tensor], Tensor],
    image: Float[Tensor, "B C H W"],
    latent: int,
    steps: int = STEPS,
) -> Float[Tensor, "B Z"]:
    """Codes of which ``generate`` makes the images, as nearly as descents from 4 starts find."""
    generator = torch.Generator().manual_seed(0)
    starts = torch.randn(STARTS, latent, generator=generator)  # the same for every image
    begin = starts.repeat_interleave(len(image), dim=0).to(image.device)
    wanted = image.repeat(STARTS, 1, 1, 1)
    with torch.enable_grad():
        code = begin.requires_grad_()
        optimizer = torch.optim.Adam([code], lr=LEARNING_RATE)
        for _ in range(steps):
            optimizer.zero_grad()
            error = _squared_error(generate(code), wanted)
            (error + PRIOR_WEIGHT * code.square().sum(dim=1)).sum().backward()
            optimizer.step()
    with torch.no_grad():
        error = _squared_error(generate(code), wanted).view(STARTS, -1)
        best = error.argmin(dim=0)
        return code.view(STARTS, len(image), latent)[best, torch.arange(len(image))].detach()


def _squared_error(made: Tensor, image: Tensor) -> Float[Tensor, " B"]:
    return (made - image).square().sum(dim=(1, 2, 3))
