"""Settings that every image model shares; the configuration of each adds its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, get_args

import torch
from lightning_fabric import Fabric

from hringur.checks import check_not_negative, check_positive, check_share
from hringur.generative.networks import Architecture, NetworkName
from hringur.training.processes import rank
from hringur.types import Batches, Learner, UserError


@dataclass(frozen=True, kw_only=True)
class ImageLearning:
    """How a model learns from images."""

    name: ClassVar[str]
    """of the model, in the registry"""

    usual_samples: ClassVar[int] = 1_200_000
    """images to train on when no budget is given: a few minutes on two processor cores"""

    latent: int = 16
    """numbers in a code"""

    network: NetworkName = "convolutional"
    """convolutional: one step to a grid of at most 8 x 8 or more, then dense; dense: no grid"""

    channels: int = 16
    """of the convolutional network after its first step, doubled at each further one"""

    hidden: int = 256
    """units of the dense layer between image and code"""

    depth: int = 1
    """dense layers that make an image of a code"""

    stride: int = 4
    """pixels that the first convolution steps, 2 or 4; 4 is fast, 2 sees more of shape"""

    batch: int = 128
    """images of an update"""

    lr: float = 1e-3
    """Adam's step size, until it is let down"""

    beta1: float = 0.5
    """Adam's memory of the gradient"""

    beta2: float = 0.999
    """Adam's memory of its square"""

    ramp: int = 400
    """updates over which the step size grows at first: Adam's first steps, all of one direction,
    can drive a deep decoder to where it paints one image for every code"""

    let_down: float = 0.5
    """share of the budget after which the step size falls in a straight line to nothing [0 .. 1]"""

    average_decay: float = 0.995
    """of the running average of the weights, which is what samples and is saved"""

    def __post_init__(self) -> None:
        self.check_positive("latent", "channels", "hidden", "depth", "lr", "ramp")
        self.check_choice("network", get_args(NetworkName))
        for name in ("stride", "critic_stride"):
            if getattr(self, name, 2) not in (2, 4):
                raise UserError(f"{name} must be 2 or 4, got {getattr(self, name)}")
        if self.batch < 2:
            raise UserError(f"batch must be at least 2, got {self.batch}")
        check_share(self, "beta1", "beta2", "let_down", "average_decay")

    def check_choice(self, name: str, allowed: Sequence[str]) -> None:
        """Refuse a word that is none of those allowed."""
        check_choice(name, getattr(self, name), allowed)

    def check_positive(self, *names: str) -> None:
        """Refuse what is not above zero, or endless."""
        check_positive(self, *names)

    def check_not_negative(self, *names: str) -> None:
        """Refuse what is below zero, or endless."""
        check_not_negative(self, *names)

    @property
    def architecture(self) -> Architecture:
        """How large the networks are."""
        return Architecture(self.network, self.channels, self.hidden, self.stride, self.depth)

    @property
    def betas(self) -> tuple[float, float]:
        """Adam's two memories."""
        return self.beta1, self.beta2

    def pace(self, progress: float) -> float:
        """By what the step size is multiplied when this share of the budget is used."""
        return min(1.0, (1 - progress) / max(1e-12, 1 - self.let_down))

    def model(self) -> type[Any]:
        """The class that these are the settings of."""
        raise TypeError("the configuration of a model is needed, such as VAEConfig")

    def build(
        self, dataset: str, options: Mapping[str, Any], seed: int, fabric: Fabric
    ) -> tuple[Learner, Batches]:
        """The model and endless batches of the data set's images.

        ``options``: ``size`` [pixels] to bring the images to.
        """
        model = self.model()(dataset, self, size=options.get("size"), seed=seed, fabric=fabric)
        if rank():  # the weights are alike in all processes, their noise must not be
            torch.manual_seed(seed + rank())
        return model, model.batches()


def check_choice(name: str, value: str, allowed: Sequence[str]) -> None:
    """Refuse a word that is none of those allowed.

    Raises:
        UserError: the message names them.
    """
    if value not in allowed:
        raise UserError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")
