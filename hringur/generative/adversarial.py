"""What models with a generator and a critic share.

They have no encoder. The code of an image is the one that the generator rebuilds best,

    z*(x) = argmin_z |x - G(z)|^2 + PRIOR_WEIGHT * |z|^2,

found by gradient descent from several starts; the last term keeps codes near the prior.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hringur.checks import check_positive
from hringur.generative.model import ImageModel
from hringur.generative.networks import Architecture
from hringur.generative.settings import ImageModelConfig
from hringur.settings import Interval, Space
from hringur.types import State

STARTS = 4
STEPS = 60
PRIOR_WEIGHT = 0.01
LEARNING_RATE = 0.1

PATIENCE = 300
"""Updates in a row after which a training has collapsed."""

MARGIN = 30.0
"""Difference of two logits, real less made, at which the generator's gradient has vanished."""

R1_INTERVAL = 8
"""Updates from one R1 penalty to the next, which counts for all of them; it costs as much as a
step."""

CONSTANT = 1e-6
"""Standard deviation of a batch of outputs below which they count as constant."""


@dataclass(frozen=True, kw_only=True)
class AdversarialConfig(ImageModelConfig):
    """How a generator learns against a critic of images."""

    search_space: ClassVar[Space] = {
        **ImageModelConfig.search_space,
        "critic_lr": Interval(2e-4, 5e-3, log=True),
    }

    batch: int = 64
    """images of an update; adversarial training needs many steps more than exact ones"""

    latent: int = 32
    """numbers in a code"""

    channels: int = 32
    """of the generator's grid of cells, as many as its last step makes at once"""

    depth: int = 3
    """dense layers of the generator; with one, more codes make something between two digits"""

    critic_lr: float = 1e-3
    """Adam's learning rate of the critic"""

    critic_channels: int = 16
    """of the critic after its first step, doubled at each further one"""

    critic_stride: int = 2
    """pixels that the critic's first convolution steps, 2 or 4"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(self, "critic_lr", "critic_channels")

    @property
    def critic_architecture(self) -> Architecture:
        """Sizes of the critic, which must see finer than the generator makes."""
        return self.architecture._replace(channels=self.critic_channels, stride=self.critic_stride)


class CollapseMonitor:
    """Ends a training in which the critic has been useless to the generator for many updates.

    Its outputs are then all the same, or they separate real from made images so far that the
    generator's gradient vanishes. Moments of either are part of many a good training.
    """

    def __init__(self, patience: int = PATIENCE) -> None:
        self.patience = patience
        self.constant, self.separated = 0, 0

    def check(self, real: Float[Tensor, " B"], made: Float[Tensor, " B"]) -> None:
        """Count the critic's outputs of one update; ``FloatingPointError`` after a collapse."""
        outputs = torch.cat([real, made]).detach()
        deviation, margin = torch.stack([outputs.std(), real.min() - made.max()]).tolist()
        self.constant = self.constant + 1 if deviation < CONSTANT else 0
        self.separated = self.separated + 1 if margin > MARGIN else 0
        if self.constant >= self.patience:
            raise FloatingPointError(
                f"the critic has collapsed: one output, {outputs.mean():.3g}, for every image"
                f" during {self.patience} updates; the last checkpoint is kept"
            )
        if self.separated >= self.patience:
            raise FloatingPointError(
                f"the critic has won: it told all images apart by {margin:.3g} or more during"
                f" {self.patience} updates; the last checkpoint is kept"
            )

    def state_dict(self) -> State:
        """Both counts."""
        return {"constant": self.constant, "separated": self.separated}

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
        names = ("alike", "sure") if "alike" in state else ("constant", "separated")  # before 0.2
        self.constant, self.separated = (state[name] for name in names)


class AdversarialModel(ImageModel):
    """A generator of images, trained against a critic of images."""

    own_headline = "evaluation/pixel_sliced_wasserstein"
    encodes = False

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
        """The averaged generator's logits of the pixels."""
        return self.generator.average(latent)


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
        best = _squared_error(generate(code), wanted).view(STARTS, -1).argmin(dim=0)
        return code.view(STARTS, len(image), latent)[best, torch.arange(len(image))].detach()


def r1_penalty(
    critic: Callable[[Tensor], Tensor], image: Float[Tensor, "B C H W"]
) -> Float[Tensor, ""]:
    """E |gradient of the critic at an image|^2 (Mescheder et al. 2018)."""
    image = image.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(image).sum(), image, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()


def _squared_error(made: Tensor, image: Tensor) -> Float[Tensor, " B"]:
    return (made - image).square().sum(dim=(1, 2, 3))
