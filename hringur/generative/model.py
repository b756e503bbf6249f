"""What every image model shares: training, sampling, reconstruction, interpolation, saving.

A model states its networks, ``update``, ``logits`` and ``encode``; the rest is here.

    model = VAE("mnist", VAEConfig(latent=2), seed=1).fit(seconds=60)
    images = model.sample(16)
    model.save("vae.safetensors"); VAE.load("vae.safetensors").sample(16)
"""

from abc import abstractmethod
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from matplotlib.figure import Figure
from torch import Tensor, nn

from hringur.data.images.image_set import ImageSet
from hringur.evaluators.digit_classifier import DigitClassifier, shipped_classifier
from hringur.evaluators.images import COUNT, FEWEST, WHILE_TRAINING, ImageEvaluator, measurable
from hringur.generative import measures, pictures
from hringur.generative.base import DensityName, GenerativeModel
from hringur.generative.batches import ImageBatches, as_floats, images_of
from hringur.generative.networks import ImageShape
from hringur.generative.settings import ImageModelConfig
from hringur.training.exports.onnx_graphs import Graph, write_graphs
from hringur.training.fabric import rank, world_size
from hringur.training.inline import png
from hringur.training.random_state import undisturbed
from hringur.types import Metrics, State, UserError

Model = TypeVar("Model", bound="ImageModel")

AT_ONCE = 500
"""Images that pass through a network together outside of training."""

CODES_FOR_DENSITY = 10_000
"""Most codes of training images that a density is fitted to."""


class ImageModel(GenerativeModel):
    """A generative model of images."""

    settings: ClassVar[type[ImageModelConfig]]
    saved_as = "image_model"
    of = "images"
    evaluation = "hringur.commands.evaluate.images:main"

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
        there are any, or a data set of another library (``as_image_set``). ``size`` resizes the
        images [pixels]. ``device`` (auto, cpu or cuda) counts where no ``fabric`` is given.
        """
        super().__init__(config, seed=seed, device=device, fabric=fabric)
        self.images = images_of(dataset, labels, size, self.fabric.device)
        self.classifier: DigitClassifier | None = None
        self.film = pictures.Film()
        torch.manual_seed(seed)
        self.build_networks()

    # What a model states itself ---------------------------------------------------------------

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

    def own_measures(self) -> Metrics:
        """Scalars on held-out images that only this model has."""
        return {}

    def pictures(self) -> dict[str, Figure]:
        """All pictures that the model can give, by tag."""
        return pictures.figures(self)

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
        return self.decode(self.draw(count, density, seed))

    def codes_for_density(self) -> Float[Tensor, "N Z"]:
        """Codes of training images."""
        images = self.images.train
        chosen = torch.linspace(0, max(0, len(images) - 1), min(CODES_FOR_DENSITY, len(images)))
        return self.encode(images[chosen.long()]) if len(images) else torch.zeros(0, 1)

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

    def batches(self) -> Any:
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
        return self.pictures()

    def _repr_png_(self) -> bytes:
        """Samples, which a notebook shows for the model."""
        samples = self.sample(pictures.FILM_IMAGES, seed=0)
        return png(pictures.tiles_figure(samples, f"samples of {self.settings.name}"))

    def write_pictures(self, folder: Path) -> list[Path]:
        """All figures as PNG, and the film as GIF.

        Raises:
            UserError: the model was loaded without images to show.
        """
        if not len(self.images.test):
            raise UserError("there are no test images to show: load with a data set")
        return pictures.write_pictures(self, folder)

    def export_onnx(self, path: str | Path) -> list[Path]:
        """Write ``decoder``, and ``encoder`` if there is one, as ONNX graphs (extra ``onnx``).

        ``model.onnx`` becomes ``model-decoder.onnx``, from ``latent`` [B Z] to ``image`` [B C H W]
        in 0 .. 1, and ``model-encoder.onnx``, the way back; for any number of images.
        """

        def latent(size: int) -> dict[str, Tensor]:
            return {"latent": self.draw(size, seed=0).to(self.fabric.device)}

        def image(size: int) -> dict[str, Tensor]:
            return {"image": self.decode(latent(size)["latent"])}

        networks = nn.ModuleList(one.average for one in self.networks.values())
        decoder = Graph(networks, lambda latent: self.logits(latent).sigmoid(), latent, ["image"])
        graphs = {"decoder": decoder}
        if self.encodes:
            graphs["encoder"] = Graph(networks, lambda image: self.encode(image), image, ["latent"])
        return write_graphs(path, graphs)

    # Saving and loading -----------------------------------------------------------------------

    @classmethod
    def from_description(cls, about: State, config: Any, device: str, dataset: Any) -> Any:
        """A model with fresh weights for images of the shape told of."""
        empty = np.zeros((0, *about["shape"]), dtype=np.uint8)
        none = ImageSet(
            about["dataset"],
            empty,
            empty,
            classes=tuple(about["classes"]),
            attributes=tuple(about.get("attributes", ())),
        )
        size = about["shape"][1] if isinstance(dataset, str) else None
        images = none if dataset is None else dataset
        return cls(images, config, size=size, device=device)

    def description(self) -> State:
        """Settings, data set, shape and classes."""
        return self.told() | {
            "dataset": self.images.name,
            "shape": list(self.shape),
            "classes": list(self.images.classes),
        }

    def state_dict(self) -> State:
        """All networks with their optimisers, the monitor, and the film so far."""
        return super().state_dict() | {"film": self.film.state_dict()}

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``, which must be of the same model and architecture."""
        super().load_state_dict(state)
        self.film.load_state_dict(state["film"])

    # Helpers ----------------------------------------------------------------------------------

    @property
    def shape(self) -> ImageShape:
        """Channels, height and width of an image."""
        return self.images.shape

    def pixels(self, image: Any) -> Float[Tensor, "B C H W"]:
        """Images as a tensor of floats on the device, from bytes or floats in 0 .. 1."""
        tensor = _tensor(image).to(self.fabric.device)
        if tensor.dim() != 4 or tuple(tensor.shape[1:]) != tuple(self.shape):
            expected = " x ".join(map(str, self.shape))
            raise UserError(f"images must be B x {expected}, got {list(tensor.shape)}")
        return as_floats(tensor)


def in_parts(function: Callable[[Tensor], Tensor], batch: Any) -> Tensor:
    """``function`` of a large batch, an array or a tensor, a part at a time."""
    whole = _tensor(batch)
    if len(whole) <= AT_ONCE:
        return function(whole)
    return torch.cat([function(part) for part in whole.split(AT_ONCE)])


def _tensor(image: Any) -> Tensor:
    return image if isinstance(image, Tensor) else torch.as_tensor(np.asarray(image))
