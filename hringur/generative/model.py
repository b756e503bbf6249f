"""What every image model can do besides its own loss: train, sample, rebuild, blend, save, load.

``ImageModel`` is a protocol whose methods have bodies: a model states its networks, ``update`` and
``encode``, and takes the rest from here. No model is another model's child.

    model = VAE("mnist", VAEConfig(latent=2), seed=1).fit(seconds=60)
    images = model.sample(16)
    model.save("vae.safetensors"); VAE.load("vae.safetensors").sample(16)
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, TypeVar, get_args, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from matplotlib.figure import Figure
from torch import Tensor, nn

from hringur.data.images.images import ImageSet, load_images
from hringur.generative import measuring, pictures
from hringur.generative.batches import ImageBatches, Images, as_floats
from hringur.generative.fitted_density import Mixture, fit_gaussians
from hringur.generative.networks import ImageShape, channels_last
from hringur.generative.settings import ImageLearning
from hringur.settings import read
from hringur.training import checkpoint
from hringur.training.averaged import Player
from hringur.training.log import NoLog
from hringur.training.processes import rank, world_size
from hringur.training.random_state import seed_everything, undisturbed
from hringur.training.trainer import TrainerConfig, make_fabric, train
from hringur.types import Metrics, State, UserError

Model = TypeVar("Model", bound="ImageModel")

DensityName = Literal["prior", "fitted"]
"""Where codes are drawn: the prior of the model, or a mixture fitted to the training codes."""

AT_ONCE = 500
"""images that pass through a network together outside of training"""

CODES_FOR_DENSITY = 10_000
"""training images whose codes a density is fitted to, at most"""


@dataclass(frozen=True, eq=False)
class Studio:
    """What a model is made from: images on the device, the device itself, a seed."""

    images: Images
    fabric: Fabric
    seed: int

    @property
    def shape(self) -> ImageShape:
        """Of one image."""
        return self.images.shape

    def player(self, network: nn.Module, config: ImageLearning, lr: float | None = None) -> Player:
        """A network under the settings' optimiser."""
        lr = config.lr if lr is None else lr
        return Player(self.fabric, network, lr, config.betas, config.average_decay, config.ramp)


def open_studio(
    dataset: str | ImageSet, size: int | None, seed: int, device: str, fabric: Fabric | None
) -> Studio:
    """Load the images, choose the device, and start the random numbers that weights come from."""
    fabric = fabric or make_fabric(TrainerConfig(device=device))  # type: ignore[arg-type]
    images = load_images(dataset, size) if isinstance(dataset, str) else dataset
    torch.manual_seed(seed)
    return Studio(Images.on_device(images, fabric.device), fabric, seed)


@runtime_checkable
class ImageModel(Protocol):
    """A generative model of images."""

    settings: ClassVar[type[ImageLearning]]
    headline: str
    encodes: bool
    config: Any
    studio: Studio
    players: Mapping[str, Player]
    film: pictures.Film
    density: Mixture | None
    judge: Callable[[Any], Metrics] | None = None
    """further scalars at each evaluation, from a part that stands above the models"""

    # What a model states itself ---------------------------------------------------------------

    def __init__(
        self,
        dataset: str | ImageSet = "mnist",
        config: Any = None,
        *,
        size: int | None = None,
        seed: int = 0,
        device: str = "auto",
        fabric: Fabric | None = None,
    ) -> None: ...

    def update(self, batch: Any, progress: float) -> Metrics:
        """One step down the model's loss."""
        ...

    def encode(self, image: Any) -> Float[Tensor, "B Z"]:
        """The code of each image."""
        ...

    def logits(self, latent: Float[Tensor, "B Z"]) -> Float[Tensor, "B C H W"]:
        """What the averaged decoder makes of codes; a pixel is the sigmoid of its logit."""
        ...

    # What follows from that ---------------------------------------------------------------------

    def prior(self, count: int, generator: torch.Generator) -> Float[Tensor, "B Z"]:
        """Codes as the model draws them: standard normal numbers."""
        return torch.randn(count, self.config.latent, generator=generator)

    def fit_density(self, codes: Float[Tensor, "N Z"]) -> Mixture:
        """The kind of density that suits the codes."""
        return fit_gaussians(codes, seed=self.studio.seed)

    def draw_codes(self, image: Any) -> Float[Tensor, "B Z"]:
        """A code of each image as training draws it: ``encode``, where no chance is in it."""
        return self.encode(image)

    def own_measures(self) -> Metrics:
        """Scalars on held-out images that only this model has."""
        return {}

    @torch.no_grad()
    def decode(self, latent: Float[Tensor, "B Z"]) -> Float[Tensor, "B C H W"]:
        """The image that each code stands for, pixels in 0 .. 1."""
        return in_parts(lambda part: self.logits(part).sigmoid(), self.on_device(latent))

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
            images = self.studio.images.train
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

    def fit(self: Model, seconds: int | float | None = None, samples: int | None = None) -> Model:
        """Train for so many seconds or images; 180 s if neither is given."""
        budget = None if seconds is None else float(seconds)
        config = TrainerConfig(samples=samples, seconds=budget, evaluate_every_seconds=None)
        seed_everything(self.studio.seed)
        train(self, self.batches(), config, NoLog())
        return self

    def batches(self) -> ImageBatches:
        """Endless batches of the training images."""
        studio = self.studio
        return ImageBatches(studio.images, self.config.batch, studio.seed, rank(), world_size())

    def evaluate(self) -> Metrics:
        """The model's own scalars on held-out images, and samples beside the test images."""
        if not len(self.studio.images.test):
            raise UserError("there are no test images: load with a data set")
        with undisturbed():
            torch.manual_seed(0)
            further = {} if self.judge is None else self.judge(self)
            return self.own_measures() | measuring.samples(self) | further

    def figures(self) -> dict[str, Figure]:
        """Samples, reconstructions, blends and a walk along each axis of the code."""
        self.film.add(self.decode(self.prior(pictures.FILM_IMAGES, pictures.fixed())))
        return pictures.figures(self)

    def save(self, path: str | Path) -> None:
        """The averaged weights and what is needed to build the model again, in one file."""
        weights = {name: dict(player.average.state_dict()) for name, player in self.players.items()}
        density = None if self.density is None else self.density.state_dict()
        checkpoint.save(
            Path(path),
            {"image_model": self._description(), "weights": weights, "density": density},
        )

    @classmethod
    def load(
        cls, path: str | Path, device: str = "auto", dataset: str | ImageSet | None = None
    ) -> Any:
        """The model that ``save`` wrote; give it a data set to train or evaluate it further.

        Raises:
            UserError: there is no such file, or it holds something else.
        """
        state = checkpoint.load(Path(path))
        if "image_model" not in state:
            raise UserError(f"{path} is a checkpoint, but not one that a model of images wrote")
        about = state["image_model"]
        config_class = cls.settings
        if about["model"] != config_class.name:
            raise UserError(f"{path} holds a model {about['model']!r}, not {config_class.name!r}")
        images = no_images(about) if dataset is None else dataset
        size = about["shape"][1] if isinstance(dataset, str) else None
        config = read(config_class, about["config"], path)
        model = cls(images, config, size=size, device=device)
        for name, player in model.players.items():
            player.load_weights(state["weights"][name], str(path))
        if state["density"] is not None:
            model.density = Mixture(**state["density"])
        return model

    def state_dict(self) -> State:
        """All players with their optimisers, and the film so far."""
        return {
            "image_model": self._description(),
            "players": {name: player.state_dict() for name, player in self.players.items()},
            "film": self.film.state_dict(),
        }

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``.

        Raises:
            UserError: it is of another learner or architecture.
        """
        found = state.get("image_model", {"model": "no model of images"})["model"]
        if found != self.config.name:
            raise UserError(f"the checkpoint is of {found}, not of {self.config.name}")
        for name, player in self.players.items():
            player.load_state_dict(state["players"][name])
        self.film.load_state_dict(state["film"])
        self.density = None

    def compile(self) -> None:
        """Compile the networks."""
        for player in self.players.values():
            player.compile()

    # Helpers -------------------------------------------------------------------------------------

    def on_device(self, tensor: Tensor) -> Tensor:
        """There."""
        return tensor.to(self.studio.fabric.device)

    def pixels(self, image: Any) -> Float[Tensor, "B C H W"]:
        """Bytes or numbers in 0 .. 1, arrays or tensors, as a tensor on the device."""
        tensor = self.on_device(_tensor(image))
        if tensor.dim() != 4 or tuple(tensor.shape[1:]) != tuple(self.studio.shape):
            expected = " x ".join(map(str, self.studio.shape))
            raise UserError(f"images must be B x {expected}, got {list(tensor.shape)}")
        return as_floats(tensor) if tensor.dtype == torch.uint8 else channels_last(tensor.float())

    def _description(self) -> State:
        images = self.studio.images
        return {
            "model": self.config.name,
            "config": asdict(self.config),
            "dataset": images.name,
            "shape": list(images.shape),
            "classes": list(images.classes),
        }


def in_parts(function: Callable[[Tensor], Tensor], batch: Any) -> Tensor:
    """``function`` of a large batch (an array or a tensor), a part at a time."""
    parts = [function(part) for part in _tensor(batch).split(AT_ONCE)]
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def no_images(about: State) -> ImageSet:
    """A data set of the right shape and classes without a single image."""
    empty = np.zeros((0, *about["shape"]), dtype=np.uint8)
    return ImageSet(
        name=about["dataset"],
        train=empty,
        test=empty,
        train_labels=None,
        test_labels=None,
        classes=tuple(about["classes"]),
    )


def _tensor(image: Any) -> Tensor:
    return image if isinstance(image, Tensor) else torch.as_tensor(np.asarray(image))
