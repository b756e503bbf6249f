"""What every image model shares: training, sampling, reconstruction, interpolation, saving.

A model states its networks, ``update``, ``logits`` and ``encode``; the rest is here.

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

from hringur.data.files import reading
from hringur.data.images.image_set import ImageSet
from hringur.evaluators.digit_classifier import DigitClassifier, shipped_classifier
from hringur.evaluators.images import COUNT, FEWEST, WHILE_TRAINING, ImageEvaluator, measurable
from hringur.generative import measures, pictures
from hringur.generative.batches import ImageBatches, as_floats, images_of
from hringur.generative.fitted_density import Mixture, fit_gaussians, scikit_learn_mixture
from hringur.generative.networks import ImageShape
from hringur.generative.settings import ImageModelConfig
from hringur.registry import model_config
from hringur.settings import read
from hringur.training import checkpoint
from hringur.training.averaged import AveragedNetwork
from hringur.training.fabric import rank, world_size
from hringur.training.inline import png
from hringur.training.log import NoLog
from hringur.training.random_state import seed_everything, undisturbed
from hringur.training.run_folder import learner_state
from hringur.training.trainer import TrainerConfig, make_fabric, train
from hringur.types import Metrics, State, UserError

Model = TypeVar("Model", bound="ImageModel")

DensityName = Literal["prior", "fitted"]

AT_ONCE = 500
"""Images that pass through a network together outside of training."""

CODES_FOR_DENSITY = 10_000
"""Most codes of training images that a density is fitted to."""


class ImageModel(ABC):
    """A generative model of images."""

    settings: ClassVar[type[ImageModelConfig]]
    own_headline: ClassVar[str]
    """tag of the metric that is shown while training, if samples are not compared"""

    encodes: ClassVar[bool] = True
    """whether an encoder is trained"""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "settings" in vars(cls):
            cls.settings.model_class = cls

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
        """Load the images and draw the first weights.

        ``dataset`` is a name or path for ``load_images``, an ``ImageSet``, or images in memory: a
        NumPy array, a torch tensor or a sequence of PIL images, with class numbers as ``labels`` if
        there are any. ``size`` resizes the images [pixels]. ``device`` (auto, cpu or cuda) counts
        where no ``fabric`` is given.
        """
        self.config: Any = config or self.settings()
        self.fabric = fabric or make_fabric(TrainerConfig(device=device))  # type: ignore[arg-type]
        self.images = images_of(dataset, labels, size, self.fabric.device)
        self.seed = seed
        self.networks: dict[str, AveragedNetwork] = {}
        self.monitor: Any = None
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
        """The code of each image, the mean or the likeliest where codes are random."""

    @abstractmethod
    def logits(self, latent: Float[Tensor, "B Z"]) -> Float[Tensor, "B C H W"]:
        """The averaged decoder's logits of the pixels."""

    # What a model may override ----------------------------------------------------------------

    def draw_codes(self, image: Any) -> Float[Tensor, "B Z"]:
        """A code of each image as training draws it; ``encode`` unless codes are random."""
        return self.encode(image)

    def prior(self, count: int, generator: torch.Generator) -> Float[Tensor, "B Z"]:
        """Codes drawn from the prior, a standard normal distribution."""
        return torch.randn(count, self.config.latent, generator=generator)

    def fit_density(self, codes: Float[Tensor, "N Z"]) -> Mixture:
        """A density fitted to codes."""
        return fit_gaussians(codes, seed=self.seed)

    @classmethod
    def check_extras(cls) -> None:
        """Refuse to begin a run whose pictures need an extra that is not installed."""
        if cls.encodes:
            scikit_learn_mixture()

    def own_measures(self) -> Metrics:
        """Scalars on held-out images that only this model has."""
        return {}

    def latent_figures(self) -> dict[str, Figure]:
        """Pictures of the codes, by tag."""
        return pictures.latent_figures(self)

    # Samples, reconstructions, interpolations -------------------------------------------------

    @torch.no_grad()
    def decode(self, latent: Float[Tensor, "B Z"]) -> Float[Tensor, "B C H W"]:
        """The image of each code, pixels in 0 .. 1."""
        latent = latent.to(self.fabric.device)
        return in_parts(lambda part: self.logits(part).sigmoid(), latent)

    def sample(
        self, count: int, *, density: DensityName = "prior", seed: int | None = None
    ) -> Float[Tensor, "B C H W"]:
        """New images, pixels in 0 .. 1; other ones at each call without a ``seed``.

        Codes come from the ``prior``, or from a mixture ``fitted`` to the training codes.
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
        """The density of the training codes, fitted once for the present weights."""
        if self.density is None:
            images = self.images.train
            if len(images) < 2:
                raise UserError("a density is fitted to codes of images; load with a data set")
            chosen = torch.linspace(0, len(images) - 1, min(CODES_FOR_DENSITY, len(images)))
            self.density = self.fit_density(self.encode(images[chosen.long()]))
        return self.density

    def reconstruct(self, image: Any) -> Float[Tensor, "B C H W"]:
        """Each image, encoded and decoded."""
        return self.decode(self.encode(image))

    def interpolate(self, start: Any, end: Any, steps: int = 8) -> Float[Tensor, "B S C H W"]:
        """From each image of ``start`` to that of ``end`` in ``steps`` images, ends included."""
        if steps < 2:
            raise UserError(f"steps must be at least 2, got {steps}")
        a, b = self.encode(start), self.encode(end)  # B Z each
        share = torch.linspace(0, 1, steps, device=a.device)[:, None]
        path = a[:, None] + share * (b - a)[:, None]  # B S Z
        return self.decode(path.flatten(0, 1)).unflatten(0, (len(a), steps))

    # Training and evaluation ------------------------------------------------------------------

    def fit(self: Model, seconds: int | float | None = None, samples: int | None = None) -> Model:
        """Train for so many seconds or images; for 180 s if neither is given."""
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
        """Compare samples with held-out images at each evaluation, if there are enough.

        The classifier is loaded here because it draws weights before it reads its own, and these
        draws have always been part of a run's random numbers.
        """
        if measurable(len(self.images.train), len(self.images.test), WHILE_TRAINING) >= FEWEST:
            self.classifier = shipped_classifier(str(self.fabric.device))

    def evaluate(self) -> Metrics:
        """The model's own scalars on held-out images, and the distance of its samples from them."""
        if not len(self.images.test):
            raise UserError("there are no test images: load with a data set")
        with undisturbed():
            torch.manual_seed(0)
            found = self.own_measures() | measures.pixel_distance(self)
            if self.classifier is not None:
                evaluator, references = self._while_training
                found |= evaluator.measure(self.sample(evaluator.count, seed=0)) | references
            return found

    def evaluator(self, count: int = COUNT) -> ImageEvaluator:
        """Compares samples with ``count`` held-out images of the model's data set."""
        device = str(self.fabric.device)
        return ImageEvaluator(self.images.on_host(), count, self.classifier, device)

    def untrained(self: Model) -> Model:
        """A model of the same settings and seed before its first update."""
        with undisturbed():
            return type(self)(self.images, self.config, seed=self.seed, fabric=self.fabric)

    @cached_property
    def _while_training(self) -> tuple[ImageEvaluator, Metrics]:
        """The evaluator during training, and both references: level lines beside the curves."""
        evaluator = self.evaluator(WHILE_TRAINING)
        untrained = evaluator.measure(self.untrained().sample(evaluator.count, seed=0))
        rows = {"floor": evaluator.halves, "untrained": untrained}
        return evaluator, {
            tag.replace("evaluation", name): value
            for name, row in rows.items()
            for tag, value in row.items()
        }

    def figures(self) -> dict[str, Figure]:
        """Samples, reconstructions, interpolations and traversals of the code, by tag."""
        self.film.add(self.decode(self.prior(pictures.FILM_IMAGES, pictures.fixed())))
        return pictures.figures(self)

    def _repr_png_(self) -> bytes:
        """Samples, which a notebook shows for the model."""
        samples = self.sample(pictures.FILM_IMAGES, seed=0)
        return png(pictures.tiles_figure(samples, f"samples of {self.settings.name}"))

    # Saving and loading -----------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write the averaged weights and what is needed to build the model again to one file."""
        weights = {name: dict(one.average.state_dict()) for name, one in self.networks.items()}
        density = None if self.density is None else self.density.state_dict()
        checkpoint.save(
            Path(path),
            {"image_model": self._description(), "weights": weights, "density": density},
        )

    @classmethod
    def load(cls, path: str | Path, device: str = "auto", dataset: Any = None) -> Any:
        """The model in a saved file or in a run folder's newest checkpoint.

        ``dataset`` has images to train or evaluate it further on; there are none without it.
        """
        state = learner_state(Path(path))
        if "image_model" not in state:
            raise UserError(f"{path} is a checkpoint, but not one that a model of images wrote")
        with reading(path, "a model of images"):
            return cls._built(state, path, device, dataset)

    @classmethod
    def _built(cls, state: State, path: str | Path, device: str, dataset: Any) -> Any:
        """The model whose description and weights are in ``state``."""
        about = state["image_model"]
        config = read(model_config(about["model"]), about["config"], path)
        if not issubclass(config.model(), cls):
            raise UserError(f"{path} holds a model {about['model']!r}, not {cls.settings.name!r}")
        empty = np.zeros((0, *about["shape"]), dtype=np.uint8)
        none = ImageSet(
            about["dataset"],
            empty,
            empty,
            classes=tuple(about["classes"]),
            attributes=tuple(about.get("attributes", ())),
        )
        images = none if dataset is None else dataset
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
        """Go on from ``state``, which must be of the same model and architecture."""
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
        """Images as a tensor of floats on the device, from bytes or floats in 0 .. 1."""
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
    """``function`` of a large batch, an array or a tensor, a part at a time."""
    parts = [function(part) for part in _tensor(batch).split(AT_ONCE)]
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _tensor(image: Any) -> Tensor:
    return image if isinstance(image, Tensor) else torch.as_tensor(np.asarray(image))
