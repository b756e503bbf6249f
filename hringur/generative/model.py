"""What every image model can do besides its own loss: train, sample, rebuild, blend, save, load.

A model states its networks, ``update``, ``logits`` and ``encode``, and takes the rest from here.

    model = VAE("mnist", VAEConfig(latent=2), seed=1).fit(seconds=60)
    images = model.sample(16)
    model.save("vae.safetensors"); VAE.load("vae.safetensors").sample(16)
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar, get_args

import numpy as np
import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from matplotlib.figure import Figure
from torch import Tensor, nn

from hringur.data.images.image_set import ImageSet
from hringur.evaluators.digit_classifier import DigitClassifier, shipped_classifier
from hringur.evaluators.images import (
    COUNT,
    FEWEST,
    WHILE_TRAINING,
    ImageEvaluator,
    measurable,
)
from hringur.generative import measures, pictures
from hringur.generative.batches import ImageBatches, as_floats, images_of
from hringur.generative.collapse_monitor import CollapseMonitor
from hringur.generative.fitted_density import Mixture, check_scikit_learn, fit_gaussians
from hringur.generative.networks import ImageShape
from hringur.generative.settings import ImageModelConfig
from hringur.registry import model_config
from hringur.settings import read
from hringur.training import checkpoint
from hringur.training.averaged import AveragedNetwork
from hringur.training.fabric import rank, world_size
from hringur.training.log import NoLog
from hringur.training.random_state import seed_everything, undisturbed
from hringur.training.run_folder import learner_state
from hringur.training.trainer import TrainerConfig, make_fabric, train
from hringur.types import Metrics, State, UserError

Model = TypeVar("Model", bound="ImageModel")

DensityName = Literal["prior", "fitted"]
"""Where codes are drawn: the prior of the model, or a mixture fitted to the training codes."""

AT_ONCE = 500
"""images that pass through a network together outside of training"""

CODES_FOR_DENSITY = 10_000
"""training images whose codes a density is fitted to, at most"""


class ImageModel(ABC):
    """A generative model of images."""

    settings: ClassVar[type[ImageModelConfig]]
    own_headline: ClassVar[str]
    """tag of the metric that is shown while training where samples are not compared"""

    encodes: ClassVar[bool] = True
    """whether an encoder is trained"""

    def __init__(
        self,
        dataset: Any = "mnist",
        config: Any = None,
        *,
        labels: Any = None,
        size: int | None = None,
        seed: int = 0,
        device: str = "auto",
        fabric: Fabric | None = None,
    ) -> None:
        """Load the images, and draw the first weights of the networks.

        Args:
            dataset: a name or path for ``load_images``, an ``ImageSet``, or the images themselves:
                a NumPy array, a torch tensor or a sequence of PIL images (``as_image_set``).
            config: an instance of ``settings``; its defaults when not given.
            labels: class numbers of images given themselves, if there are classes.
            size: bring the images to so many pixels, high and wide.
            seed: of the weights and of the order of the images.
            device: auto, cpu or cuda, where no ``fabric`` is given.
            fabric: device, precision and processes.
        """
        self.config: Any = config or self.settings()
        self.fabric = fabric or make_fabric(TrainerConfig(device=device))  # type: ignore[arg-type]
        self.images = images_of(dataset, labels, size, self.fabric.device)
        self.seed = seed
        self.networks: dict[str, AveragedNetwork] = {}
        self.monitor: CollapseMonitor | None = None
        self.classifier: DigitClassifier | None = None
        self.density: Mixture | None = None
        self.film = pictures.Film()
        torch.manual_seed(seed)
        self.build_networks()

    # What a model states itself ---------------------------------------------------------------

    @abstractmethod
    def build_networks(self) -> None:
        """Build every network and register it by ``add_network``."""

    @abstractmethod
    def update(self, batch: Any, progress: float) -> Metrics:
        """Make one gradient step on the model's loss."""

    @abstractmethod
    def encode(self, image: Any) -> Float[Tensor, "B Z"]:
        """The code of each image."""

    @abstractmethod
    def logits(self, latent: Float[Tensor, "B Z"]) -> Float[Tensor, "B C H W"]:
        """What the averaged decoder makes of codes; a pixel is the sigmoid of its logit."""

    # What a model may state otherwise ---------------------------------------------------------

    def draw_codes(self, image: Any) -> Float[Tensor, "B Z"]:
        """A code of each image as training draws it: ``encode``, where no chance is in it."""
        return self.encode(image)

    def prior(self, count: int, generator: torch.Generator) -> Float[Tensor, "B Z"]:
        """Codes as the model draws them: standard normal numbers."""
        return torch.randn(count, self.config.latent, generator=generator)

    def fit_density(self, codes: Float[Tensor, "N Z"]) -> Mixture:
        """The kind of density that suits the codes."""
        return fit_gaussians(codes, seed=self.seed)

    @classmethod
    def check_extras(cls) -> None:
        """Refuse to begin a run whose pictures need an extra that is not installed."""
        if cls.encodes:
            check_scikit_learn()

    def own_measures(self) -> Metrics:
        """Scalars on held-out images that only this model has."""
        return {}

    def latent_figures(self) -> dict[str, Figure]:
        """Pictures of the codes, by tag."""
        return pictures.latent_figures(self)

    # What follows from that -------------------------------------------------------------------

    @torch.no_grad()
    def decode(self, latent: Float[Tensor, "B Z"]) -> Float[Tensor, "B C H W"]:
        """The image that each code stands for, pixels in 0 .. 1."""
        latent = latent.to(self.fabric.device)
        return in_parts(lambda part: self.logits(part).sigmoid(), latent)

    def sample(
        self, count: int, *, density: DensityName = "prior", seed: int | None = None
    ) -> Float[Tensor, "B C H W"]:
        """New images, pixels in 0 .. 1.

        Args:
            count: how many.
            density: codes from the prior, or from a mixture fitted to the training codes.
            seed: the same images again; others at each call when not given.

        Raises:
            UserError: the density is unknown, or cannot be fitted without images.
        """
        if density not in get_args(DensityName):
            raise UserError(f"density must be prior or fitted, got {density!r}")
        if count < 1:
            raise UserError(f"count must be at least 1, got {count}")
        generator = torch.Generator()
        generator.manual_seed(int(torch.randint(2**62, ())) if seed is None else seed)
        draw = self.prior if density == "prior" else self.fitted().sample
        return self.decode(draw(count, generator))

    def fitted(self) -> Mixture:
        """The density of the training codes; fitted once for the weights as they are."""
        if self.density is None:
            images = self.images.train
            if len(images) < 2:
                raise UserError("a density is fitted to codes of images; load with a data set")
            chosen = torch.linspace(0, len(images) - 1, min(CODES_FOR_DENSITY, len(images)))
            self.density = self.fit_density(self.encode(images[chosen.long()]))
        return self.density

    def reconstruct(self, image: Any) -> Float[Tensor, "B C H W"]:
        """Each image through its code and back."""
        return self.decode(self.encode(image))

    def interpolate(self, start: Any, end: Any, steps: int = 8) -> Float[Tensor, "B S C H W"]:
        """From each first image to each second one, in ``steps`` pictures, ends included."""
        if steps < 2:
            raise UserError(f"steps must be at least 2, got {steps}")
        a, b = self.encode(start), self.encode(end)  # B Z each
        share = torch.linspace(0, 1, steps, device=a.device)[:, None]
        path = a[:, None] + share * (b - a)[:, None]  # B S Z
        return self.decode(path.flatten(0, 1)).unflatten(0, (len(a), steps))

    # Training and evaluation ------------------------------------------------------------------

    def fit(self: Model, seconds: int | float | None = None, samples: int | None = None) -> Model:
        """Train for so many seconds or images; 180 s if neither is given."""
        budget = None if seconds is None else float(seconds)
        config = TrainerConfig(samples=samples, seconds=budget, evaluate_every_seconds=None)
        seed_everything(self.seed)
        self.density = None
        train(self, self.batches(), config, NoLog())
        return self

    def batches(self) -> ImageBatches:
        """Endless batches of the training images."""
        return ImageBatches(self.images, self.config.batch, self.seed, rank(), world_size())

    @property
    def headline(self) -> str:
        """Tag of the metric that is shown while training."""
        return "evaluation/frechet_distance" if self.classifier else self.own_headline

    def compare_samples(self) -> None:
        """Let each evaluation compare samples with held-out images, where there are enough.

        Only the classifier is loaded here. It draws weights before it reads its own, which has
        always been part of a run's random numbers.
        """
        if measurable(len(self.images.train), len(self.images.test), WHILE_TRAINING) >= FEWEST:
            self.classifier = shipped_classifier(str(self.fabric.device))

    def evaluate(self) -> Metrics:
        """The model's own scalars on held-out images, and its samples beside them."""
        if not len(self.images.test):
            raise UserError("there are no test images: load with a data set")
        with undisturbed():
            torch.manual_seed(0)
            found = self.own_measures() | measures.pixel_distance(self)
            return found | (self._sample_scores() if self.classifier else {})

    def evaluator(self, count: int = COUNT) -> ImageEvaluator:
        """The model's own held-out images on its device, to compare made images with."""
        device = str(self.fabric.device)
        return ImageEvaluator(self.images.on_host(), count, self.classifier, device)

    def untrained(self: Model) -> Model:
        """The same model before its first update."""
        with undisturbed():
            return type(self)(self.images, self.config, seed=self.seed, fabric=self.fabric)

    @cached_property
    def _while_training(self) -> tuple[ImageEvaluator, Metrics]:
        """The evaluator of every evaluation, and both references: level lines beside the curves."""
        evaluator = self.evaluator(WHILE_TRAINING)
        untrained = evaluator.measure(self.untrained().sample(evaluator.count, seed=0))
        rows = {"floor": evaluator.halves, "untrained": untrained}
        return evaluator, {
            tag.replace("evaluation", name): value
            for name, row in rows.items()
            for tag, value in row.items()
        }

    def _sample_scores(self) -> Metrics:
        evaluator, references = self._while_training
        return evaluator.measure(self.sample(evaluator.count, seed=0)) | references

    def figures(self) -> dict[str, Figure]:
        """Samples, reconstructions, blends and a walk along each axis of the code."""
        self.film.add(self.decode(self.prior(pictures.FILM_IMAGES, pictures.fixed())))
        return pictures.figures(self)

    # Saving and loading -----------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """The averaged weights and what is needed to build the model again, in one file."""
        weights = {name: dict(one.average.state_dict()) for name, one in self.networks.items()}
        density = None if self.density is None else self.density.state_dict()
        checkpoint.save(
            Path(path),
            {"image_model": self._description(), "weights": weights, "density": density},
        )

    @classmethod
    def load(cls, path: str | Path, device: str = "auto", dataset: Any = None) -> Any:
        """The model in a saved file or in a run folder's newest checkpoint.

        Args:
            path: what ``save`` wrote, or a run folder.
            device: auto, cpu or cuda.
            dataset: images to train or evaluate it further on; none when not given.

        Raises:
            UserError: there is no such file or run, or it holds something else.
        """
        state = _saved_state(Path(path))
        about = state["image_model"]
        config = read(model_config(about["model"]), about["config"], path)
        if not issubclass(config.model(), cls):
            raise UserError(f"{path} holds a model {about['model']!r}, not {cls.settings.name!r}")
        images = _no_images(about) if dataset is None else dataset
        size = about["shape"][1] if isinstance(dataset, str) else None
        model = config.model()(images, config, size=size, device=device)
        if "weights" not in state:
            model.load_state_dict(state)
            return model
        for name, network in model.networks.items():
            network.load_weights(state["weights"][name], str(path))
        if state["density"] is not None:
            model.density = Mixture(**state["density"])
        return model

    def state_dict(self) -> State:
        """All networks with their optimisers, the monitor, and the film so far."""
        monitor = {} if self.monitor is None else {"monitor": self.monitor.state_dict()}
        return {
            "image_model": self._description(),
            "networks": {name: network.state_dict() for name, network in self.networks.items()},
            "film": self.film.state_dict(),
            **monitor,
        }

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``.

        Raises:
            UserError: it is of another learner or architecture.
        """
        found = state.get("image_model", {"model": "no model of images"})["model"]
        if found != self.config.name:
            raise UserError(f"the checkpoint is of {found}, not of {self.config.name}")
        networks = state.get("networks") or state["players"]  # the name before 0.2
        for name, network in self.networks.items():
            network.load_state_dict(networks[name])
        if self.monitor is not None:
            self.monitor.load_state_dict(state.get("monitor") or state["watch"])
        self.film.load_state_dict(state["film"])
        self.density = None

    def compile(self) -> None:
        """Compile the networks."""
        for network in self.networks.values():
            network.compile()

    # Helpers ----------------------------------------------------------------------------------

    @property
    def shape(self) -> ImageShape:
        """Channels, height and width of an image."""
        return self.images.shape

    def add_network(
        self, name: str, network: nn.Module, lr: float | None = None
    ) -> AveragedNetwork:
        """Register a network under ``name``, to be trained at ``lr`` or the settings' own rate."""
        config = self.config
        self.networks[name] = AveragedNetwork(
            self.fabric,
            network,
            config.lr if lr is None else lr,
            (config.beta1, config.beta2),
            config.average_decay,
            config.lr_warm_up,
        )
        return self.networks[name]

    def pixels(self, image: Any) -> Float[Tensor, "B C H W"]:
        """Bytes or numbers in 0 .. 1, arrays or tensors, as a tensor on the device."""
        tensor = _tensor(image).to(self.fabric.device)
        if tensor.dim() != 4 or tuple(tensor.shape[1:]) != tuple(self.shape):
            expected = " x ".join(map(str, self.shape))
            raise UserError(f"images must be B x {expected}, got {list(tensor.shape)}")
        return as_floats(tensor)

    def _description(self) -> State:
        return {
            "model": self.config.name,
            "config": asdict(self.config),
            "dataset": self.images.name,
            "shape": list(self.shape),
            "classes": list(self.images.classes),
        }


def in_parts(function: Callable[[Tensor], Tensor], batch: Any) -> Tensor:
    """``function`` of a large batch (an array or a tensor), a part at a time."""
    parts = [function(part) for part in _tensor(batch).split(AT_ONCE)]
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _tensor(image: Any) -> Tensor:
    return image if isinstance(image, Tensor) else torch.as_tensor(np.asarray(image))


def _saved_state(path: Path) -> State:
    """What a saved file holds, or what the newest checkpoint of a run folder keeps of its model."""
    state = learner_state(path)
    if "image_model" not in state:
        raise UserError(f"{path} is a checkpoint, but not one that a model of images wrote")
    return state


def _no_images(about: State) -> ImageSet:
    """A data set of the right shape and classes without a single image."""
    empty = np.zeros((0, *about["shape"]), dtype=np.uint8)
    return ImageSet(about["dataset"], empty, empty, None, None, tuple(about["classes"]))
