"""Settings that models share, all of them and those of images; each model adds its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, get_args

import torch
from lightning_fabric import Fabric

from hringur.checks import check_choice, check_positive, check_share
from hringur.generative.networks import Architecture, NetworkName
from hringur.settings import Interval, Space
from hringur.training.fabric import rank
from hringur.types import Batches, Learner, UserError


@dataclass(frozen=True, kw_only=True)
class LearningConfig:
    """How any model learns, whatever it is a model of."""

    name: ClassVar[str]
    """in the registry"""

    model_class: ClassVar[type[Any]]
    """the model that these are the settings of; it sets this itself"""

    usual_samples: ClassVar[int] = 1_200_000
    """samples to train on when no budget is given: a few minutes on two processor cores"""

    usual_dataset: ClassVar[str] = "mnist"
    """what to learn from when nothing is named"""

    search_space: ClassVar[Space] = {
        "lr": Interval(2e-4, 5e-3, log=True),
        "batch": (32, 64, 128, 256),
        "lr_decay_start": Interval(0.0, 0.9),
        "average_decay": (0.98, 0.99, 0.995, 0.998),
    }
    """only what changes nothing about the question that the model answers"""

    batch: int = 128
    """samples of an update"""

    lr: float = 1e-3
    """Adam's learning rate, before it decays"""

    lr_decay_start: float = 0.5
    """share of the budget after which the learning rate falls linearly to zero [0 .. 1]"""

    average_decay: float = 0.995
    """of the running average of the weights, which is what is evaluated and saved"""

    def __post_init__(self) -> None:
        check_positive(self, "batch", "lr")
        check_share(self, "lr_decay_start", "average_decay")

    def lr_factor(self, progress: float) -> float:
        """What the learning rate is multiplied by when this share of the budget is used."""
        return min(1.0, (1 - progress) / max(1e-12, 1 - self.lr_decay_start))

    def model(self) -> type[Any]:
        """The class of models that these are the settings of."""
        return self.model_class

    def build(
        self, dataset: str, options: Mapping[str, Any], seed: int, fabric: Fabric
    ) -> tuple[Learner, Batches]:
        """The model of a run, and endless batches of what it learns from, called ``dataset``.

        ``options`` are those of ``hringur train``, such as the size of images.
        """
        if options:
            of = self.model().of
            raise UserError(f"{self.name} learns from {of}, which have no {min(options)}")
        model = self.model()(dataset, self, seed=seed, fabric=fabric)
        if rank():  # the weights are alike in all processes, their noise must not be
            torch.manual_seed(seed + rank())
        return model, model.batches()


@dataclass(frozen=True, kw_only=True)
class ModelConfig(LearningConfig):
    """How a model with a code of numbers learns."""

    latent: int = 16
    """numbers in a code"""

    beta1: float = 0.5
    """Adam's decay rate of the mean of gradients"""

    beta2: float = 0.999
    """Adam's decay rate of the mean of their squares"""

    lr_warm_up: int = 400
    """updates over which the learning rate grows at first: Adam's first steps, all of one
    direction, can drive a deep decoder to where it makes one image of every code"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(self, "latent", "lr_warm_up")
        if self.batch < 2:
            raise UserError(f"batch must be at least 2, got {self.batch}")
        check_share(self, "beta1", "beta2", below_one=True)


@dataclass(frozen=True, kw_only=True)
class ImageModelConfig(ModelConfig):
    """How a model learns from images."""

    renamed: ClassVar[Mapping[str, str]] = {"ramp": "lr_warm_up", "let_down": "lr_decay_start"}

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

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(self, "channels", "hidden", "depth")
        check_choice(self, "network", get_args(NetworkName))
        for name in ("stride", "critic_stride"):
            if getattr(self, name, 2) not in (2, 4):
                raise UserError(f"{name} must be 2 or 4, got {getattr(self, name)}")

    @property
    def architecture(self) -> Architecture:
        """Sizes of the networks."""
        return Architecture(self.network, self.channels, self.hidden, self.stride, self.depth)

    def build(
        self, dataset: str, options: Mapping[str, Any], seed: int, fabric: Fabric
    ) -> tuple[Learner, Batches]:
        """The model of a run, and endless batches of the data set's images.

        ``options``: ``size`` [pixels] to bring the images to.
        """
        model = self.model()(dataset, self, size=options.get("size"), seed=seed, fabric=fabric)
        if rank():  # the weights are alike in all processes, their noise must not be
            torch.manual_seed(seed + rank())
        model.compare_samples()
        return model, model.batches()
