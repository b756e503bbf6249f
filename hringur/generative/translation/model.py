"""Translation between two sets of images, with no pairs to learn from, by one of five methods.

    model = Translation("glyphs", TranslationConfig(method="iterated-transport")).fit(seconds=300)
    serif = model.translate(sans)

A method trains a translator, and says what its update is. As a model of images, a translation's
noise is the images of the first set: a code is an image, and a sample is the translation of a
held-out one. Where the true partners of held-out images are known, they are what is measured with.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from hringur.checks import check_between, check_choice, check_not_negative, check_positive
from hringur.generative import measures, pictures
from hringur.generative.adversarial import AdversarialConfig
from hringur.generative.model import ImageModel, in_parts
from hringur.generative.translation.code_bridge import CodeBridge
from hringur.generative.translation.cyclegan import CycleGAN
from hringur.generative.translation.iterated_transport import IteratedTransport
from hringur.generative.translation.neural_transport import COSTS, NeuralTransport
from hringur.generative.translation.object_transport import ObjectTransport
from hringur.generative.translation.sides import Unpaired, UnpairedBatches, two_sides
from hringur.training.fabric import rank, world_size
from hringur.training.random_state import undisturbed
from hringur.types import Metrics, State, UserError

Image = Float[Tensor, "B C H W"]

SHOWN = 24
"""Held-out images in the picture of translations."""


class Method(Protocol):
    """How a translator is trained; it registers its networks with the model."""

    def translate(self, image: Image) -> Image:
        """Images of the first set as of the second; pixels may leave 0 .. 1 a little."""

    def update(self, batch: Unpaired, factor: float) -> Metrics:
        """Steps of every network, at ``factor`` times the learning rates."""

    def state_dict(self) -> State:
        """What the networks do not hold."""

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""


METHODS: dict[str, Callable[[Any], Method]] = {
    "cyclegan": CycleGAN,
    "iterated-transport": IteratedTransport,
    "light-bridge": CodeBridge,
    "neural-transport": NeuralTransport,
    "object-transport": ObjectTransport,
}


@dataclass(frozen=True, kw_only=True)
class TranslationConfig(AdversarialConfig):
    """Translation between two sets of images, without pairs."""

    name: ClassVar[str] = "translation"
    usual_samples: ClassVar[int] = 100_000
    usual_dataset: ClassVar[str] = "glyphs"

    method: str = "iterated-transport"
    """cyclegan, iterated-transport, light-bridge, neural-transport or object-transport"""

    reverse: bool = False
    """translate from the second set to the first"""

    batch: int = 16
    """images of each set in an update"""

    latent: int = 64
    """numbers in a code of the light bridge's autoencoder"""

    channels: int = 24
    """of the translator's finest cells, doubled at each of two halvings"""

    critic_channels: int = 24
    """of the critic's finest cells, doubled at each of two halvings"""

    beta2: float = 0.99
    """Adam's decay rate of the mean of their squares"""

    lr_warm_up: int = 100
    """updates over which the learning rate grows at first"""

    average_decay: float = 0.998
    """of the running average of the weights, which is what translates and is saved"""

    cost: str = "blurred"
    """of neural transport: pixels, blurred (means over 4 x 4 pixels), features of a classifier"""

    cost_weight: float = 10.0
    """of the cost of neural transport beside the potential"""

    r1_penalty: float = 1.0
    """weight of the potential's squared gradient at images of the second set, every 8th update"""

    cycle_weight: float = 1.0
    """of CycleGAN's cycles; with the paper's 10 a translator that begins as the identity, where
    every cycle closes, stays there"""

    identity_weight: float = 0.0
    """of CycleGAN's identity, in units of the cycle's weight; the paper's 0.5 keeps colours"""

    pool: int = 50
    """past translations that a critic of CycleGAN sees; 0: present ones only"""

    parts: int = 50
    """Gaussians of the light bridge"""

    epsilon: float = 0.1
    """entropy of the light bridge's plan, in units of half the squared distance of codes"""

    code_weight: float = 1.0
    """of the light bridge's codes being standard normal, beside the squared error of an image"""

    sharpness: float = 1.0
    """of the critic in the loss of the light bridge's decoder, in the same unit"""

    targets: int = 4096
    """images of the second set that iterated and object transport match with, some twice if there
    are fewer; they are saved with the model"""

    match_every: int = 400
    """updates of iterated transport from one matching to the next"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "method", tuple(METHODS))
        check_choice(self, "cost", tuple(COSTS))
        check_positive(self, "parts", "targets", "match_every")
        check_between(self, "epsilon", 1e-3, 1e3)  # beyond, exponents leave float32
        weights = ("cost_weight", "r1_penalty", "cycle_weight", "identity_weight")
        check_not_negative(self, *weights, "pool", "code_weight", "sharpness")


class Translation(ImageModel):
    """Images of one set as images of another."""

    settings = TranslationConfig
    config: TranslationConfig
    encodes = False

    def build_networks(self) -> None:
        """Tell the two sets apart, and build the networks of the method."""
        self.both = self.images
        self.sides = two_sides(self.images, self.config.reverse)
        self.images = self.sides.second  # what samples are compared with
        self.method = METHODS[self.config.method](self)

    def batches(self) -> Any:
        """Endless batches of both sides."""
        return UnpairedBatches(self.sides, self.config.batch, self.seed, rank(), world_size())

    def update(self, batch: Unpaired, progress: float) -> Metrics:
        """That of the method."""
        return self.method.update(batch, self.config.lr_factor(progress))

    # A code is an image ------------------------------------------------------------------------

    def translate(self, image: Any) -> Image:
        """Images of the first set as of the second, pixels in 0 .. 1."""
        return self.decode(self.encode(image))

    def encode(self, image: Any) -> Float[Tensor, "B Z"]:
        """The pixels."""
        return self.pixels(image).flatten(1)

    @torch.no_grad()
    def decode(self, latent: Float[Tensor, "B Z"]) -> Image:
        """The translation of each image, pixels in 0 .. 1."""
        image = latent.to(self.fabric.device).unflatten(1, tuple(self.shape))
        return in_parts(lambda part: self.method.translate(part).clamp(0, 1), image)

    def logits(self, latent: Float[Tensor, "B Z"]) -> Image:
        """Those of the translation's pixels."""
        image = latent.unflatten(1, tuple(self.shape))
        return self.method.translate(image).clamp(1e-6, 1 - 1e-6).logit()

    def prior(self, count: int, generator: torch.Generator) -> Float[Tensor, "B Z"]:
        """Held-out images of the first set, none twice where there are enough."""
        held_out = self.sides.first.test
        if not len(held_out):
            raise UserError("samples are translations of images: load with a data set")
        rounds = -(-count // len(held_out))
        rows = [torch.randperm(len(held_out), generator=generator) for _ in range(rounds)]
        chosen = torch.cat(rows)[:count].to(held_out.device)
        return self.pixels(held_out[chosen]).flatten(1)

    # Measures and pictures ---------------------------------------------------------------------

    @property
    def headline(self) -> str:
        """The error where the truth is known, else a distance of the samples."""
        return "evaluation/translation_error" if self.sides.paired else super().headline

    own_headline = "evaluation/pixel_sliced_wasserstein"

    def own_measures(self) -> Metrics:
        """Translations of held-out images beside their true partners, where these are known."""
        if not self.sides.paired:
            return {}
        truth = measures.test_images(self)
        made = self.translate(self.sides.first.test[: len(truth)])
        return measures.partners(made, truth, self.classifier)

    def pictures(self) -> dict[str, Figure]:
        """Held-out images, their translations, and the truth where it is known."""
        image = self.pixels(self.sides.first.test[:SHOWN])
        columns = [image, self.translate(image)]
        if self.sides.paired:
            columns.append(self.pixels(self.images.test[:SHOWN]))
        title = "Held-out images and their translations"
        title += ", then the truth" if self.sides.paired else ""
        sheet = torch.stack(columns, dim=1).flatten(0, 1)
        per_row = len(columns) * (9 // len(columns))
        return {"samples/translation": pictures.tiles_figure(sheet, title, per_row)}

    # Saving ------------------------------------------------------------------------------------

    def untrained(self) -> "Translation":
        """Of the same settings and seed before the first update: for four methods the identity."""
        with undisturbed():
            return Translation(self.both, self.config, seed=self.seed, fabric=self.fabric)

    def state_dict(self) -> State:
        """That of any model, and of the method."""
        return super().state_dict() | {"method": self.method.state_dict()}

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
        super().load_state_dict(state)
        self.method.load_state_dict(state["method"])
