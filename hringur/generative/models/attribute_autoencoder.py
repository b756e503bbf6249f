"""An autoencoder that is told the attributes of images, and edits them.

Three networks learn beside each other from images whose attributes are known:

- A Wasserstein autoencoder (Tolstikhin et al. 2018) whose decoder is given the attributes a beside
  the code z. Its divergence is that of the pairs (z, a) from pairs in which z is drawn from the
  prior whatever a is, so that the code is independent of the attributes:

      E c(x, G(z, a)) + lambda * MMD^2(Q_{Z, A} : P_Z x P_A)

- A classifier, which predicts the attributes of an image without labels.
- A completion (``hringur/generative/completion.py``), which edits one attribute in full detail.

A code of this model is z followed by the attributes, so an edit is also a change of a few numbers.
Images with classes and without attributes have their classes as attributes.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int, UInt8
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional as F

from hringur.checks import check_not_negative, check_positive
from hringur.divergences.kernels import Kernels, mmd
from hringur.evaluators.images import latent_mismatch
from hringur.generative import measures, pictures
from hringur.generative.batches import Batch, Images
from hringur.generative.completion import Completion, exchanged
from hringur.generative.model import ImageModel, in_parts
from hringur.generative.networks import Architecture, Autoencoder, Decoder, Encoder
from hringur.generative.settings import ImageModelConfig
from hringur.training.fabric import together
from hringur.types import Metrics, State, UserError

KERNELS = Kernels((0.1, 0.2, 0.5, 1.0), 4.0)
"""Those of ``wae-mmd``."""

EDITED = 8
"""held-out images in the picture of edits"""

CLASSIFIER_HIDDEN, CLASSIFIER_CHANNELS = 64, 32


@dataclass(frozen=True, kw_only=True)
class AttributeAutoencoderConfig(ImageModelConfig):
    """Autoencoder that is told the attributes of images, and edits them."""

    name: ClassVar[str] = "attribute-autoencoder"
    usual_samples: ClassVar[int] = 300_000
    usual_dataset: ClassVar[str] = "faces"

    latent: int = 48
    """numbers in a code, beside the attributes"""

    channels: int = 32
    """of the autoencoder after its first step, doubled at each further one"""

    hidden: int = 192
    """units of the dense layers between image and code"""

    depth: int = 2
    """dense layers that make an image of a code"""

    batch: int = 32
    """images of an update; many small steps learn more of as many images than a few large ones"""

    lr: float = 2e-3
    """Adam's learning rate, before it decays"""

    beta1: float = 0.9
    """Adam's decay rate of the mean of gradients"""

    beta2: float = 0.99
    """Adam's decay rate of the mean of their squares"""

    lr_warm_up: int = 100
    """updates over which the learning rate grows at first"""

    reconstruction: float = 0.3
    """weight of the reconstruction's squared error, a sum over the pixels of an image"""

    strength: float = 50.0
    """lambda, the weight of the divergence of codes and attributes from independent ones"""

    attribute_scale: float = 3.0
    """how far apart the kernels see an image with an attribute and one without it"""

    completion_channels: int = 96
    """of the network that completes images"""

    completion_depth: int = 5
    """its residual steps"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_not_negative(self, "reconstruction", "strength", "attribute_scale")
        check_positive(self, "completion_channels", "completion_depth")


class AttributeAutoencoder(ImageModel):
    """Codes independent of attributes, a classifier of attributes, and edits by completion."""

    settings = AttributeAutoencoderConfig
    config: AttributeAutoencoderConfig
    own_headline = "evaluation/reconstruction_error"

    def build_networks(self) -> None:
        """The autoencoder, the classifier and the completion, with its evidence counted."""
        config, self.attributes = self.config, attribute_names(self.images)
        count = len(self.attributes)
        encoder = Encoder(self.shape, config.latent, config.architecture)
        decoder = Decoder(config.latent + count, self.shape, config.architecture)
        self.autoencoder = self.add_network("autoencoder", Autoencoder(encoder, decoder))
        small = Architecture(config.network, CLASSIFIER_CHANNELS, CLASSIFIER_HIDDEN, config.stride)
        self.classes = self.add_network("classifier", Encoder(self.shape, count, small))
        sizes = (config.completion_channels, config.completion_depth, config.stride)
        completion = Completion(self.shape, count, *sizes).to(self.fabric.device)
        known = known_attributes(self.images)
        if known is not None and len(known):
            completion.evidence.count(self.images.train, known)
        self.completion = self.add_network("completion", completion)

    def update(self, batch: Batch, progress: float) -> Metrics:
        """One step of each network on the same images."""
        factor = self.config.lr_factor(progress)
        known = _one_hot(batch.label, len(self.attributes), batch.attributes)
        attributes = known.to(batch.image.dtype)
        loss, metrics = self.loss(batch.image, attributes)
        norm = self.autoencoder.step(loss, factor)
        named = F.binary_cross_entropy_with_logits(
            self.classes.network(batch.image).float(), attributes
        )
        self.classes.step(named, factor)
        numbers = torch.randint(len(self.attributes), (2, len(batch)), device=batch.image.device)
        alone = torch.rand(len(batch), device=batch.image.device) < 0.5
        numbers[1] = torch.where(alone, numbers[0], numbers[1])
        completion = self.completion_loss(batch.image, attributes, numbers)
        self.completion.step(completion, factor, clip_norm=1.0)
        return metrics | {
            "train/loss": loss.item(),
            "model/grad_norm": norm,
            "model/attribute_loss_nats": named.item(),
            "model/completion_error": completion.item(),
        }

    def loss(
        self, image: Float[Tensor, "B C H W"], attributes: Float[Tensor, "B A"]
    ) -> tuple[Float[Tensor, ""], Metrics]:
        """The autoencoder's: its cost, and lambda times the divergence from independence."""
        config, network = self.config, self.autoencoder.network
        code = network.encode(image)
        made = network.decode(torch.cat([code, 2 * attributes - 1], dim=1)).sigmoid()
        cost = config.reconstruction * (made - image).square().sum(dim=(1, 2, 3)).mean()
        told = config.attribute_scale * attributes
        independent = torch.cat([torch.randn_like(code), told.roll(1, dims=0)], dim=1)
        joined = torch.cat([code, told], dim=1)
        divergence = mmd(together(joined), together(independent), KERNELS)
        loss = cost + config.strength * divergence
        metrics = {"model/transport_cost": cost.item(), "model/mmd": divergence.item()}
        return loss, metrics

    def completion_loss(
        self,
        image: Float[Tensor, "B C H W"],
        attributes: Float[Tensor, "B A"],
        numbers: Int[Tensor, "K B"],
    ) -> Float[Tensor, ""]:
        """Squared error of what is filled in where any of K attributes of an image shows.

        Each attribute counts alike, however many pixels it hides. An edit hides one; to hide a
        second now and then teaches more with every image.
        """
        masks = [self.completion.module.evidence(image, number) for number in numbers]
        hidden = torch.stack(masks).amax(dim=0)
        made = self.completion.network(image, hidden, attributes).float()
        error = (made - image).square()
        shares = [
            (error * mask).sum(dim=(1, 2, 3)) / mask.sum(dim=(1, 2, 3)).clamp_min(8)
            for mask in masks
        ]
        return torch.stack(shares).mean()

    @torch.no_grad()
    def encode(self, image: Any) -> Float[Tensor, "B Z"]:
        """The code of each image, then its attributes as the classifier says: -1 or 1."""
        network = self.autoencoder.average

        def code(part: Tensor) -> Tensor:
            return torch.cat([network.encode(self.pixels(part)), 2 * self.has(part) - 1], dim=1)

        return in_parts(code, image)

    def logits(self, latent: Float[Tensor, "B Z"]) -> Float[Tensor, "B C H W"]:
        """The averaged decoder's; a code without attributes is taken as halfway with each."""
        missing = self.config.latent + len(self.attributes) - latent.shape[1]
        return self.autoencoder.average.decode(F.pad(latent, (0, missing)))

    def prior(self, count: int, generator: torch.Generator) -> Float[Tensor, "B Z"]:
        """Standard normal codes, and attributes by the toss of a coin."""
        code = torch.randn(count, self.config.latent, generator=generator)
        coins = torch.rand(count, len(self.attributes), generator=generator)
        return torch.cat([code, 2 * (coins < 0.5).float() - 1], dim=1)

    @torch.no_grad()
    def has(self, image: Any) -> Float[Tensor, "B A"]:
        """1 where the classifier finds the attribute in the image, else 0."""
        return in_parts(lambda part: (self.classes.average(self.pixels(part)) > 0).float(), image)

    @torch.no_grad()
    def complete(
        self, image: Float[Tensor, "B C H W"], number: int, value: int
    ) -> Float[Tensor, "B C H W"]:
        """What must be added to images so that they have attribute ``number`` (1) or not (0).

        Nothing where the classifier finds it so already.
        """
        network = self.completion.average

        def change(part: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
            part = self.pixels(part)
            which = torch.full((len(part),), number, device=part.device)
            hidden, now = network.evidence(part, which), self.has(part)
            with_it, without = now.clone(), now.clone()
            with_it[:, number], without[:, number] = 1, 0
            both = network(part, hidden, without), network(part, hidden, with_it)
            missing = (now[:, number] != value).view(-1, 1, 1, 1)
            return missing * exchanged(part, hidden, both[1 - value], both[value])

        return in_parts(change, image)

    @torch.no_grad()
    def own_measures(self) -> Metrics:
        """Reconstructions, codes beside the prior, and how well attributes are recognised."""
        images = measures.test_images(self)
        code = self.autoencoder.average.encode(images)
        prior = torch.randn(code.shape, generator=torch.Generator().manual_seed(0))
        known = known_attributes(self.images, held_out=True)
        assert known is not None
        right = (self.has(images) == known[: len(images)]).float().mean().item()
        return (
            measures.reconstruction(self)
            | latent_mismatch(code, prior.to(code.device), exact=0)
            | {"evaluation/attribute_accuracy_percent": 100 * right}
        )

    @torch.no_grad()
    def latent_figures(self) -> dict[str, Figure]:
        """Those of any code, and held-out images with each of their attributes changed."""
        images = self.pixels(self.images.test[:EDITED])
        columns, has = [images], self.has(images)
        for number in range(len(self.attributes)):
            given, taken = (self.complete(images, number, value) for value in (1, 0))
            lacking = (has[:, number] == 0).view(-1, 1, 1, 1)
            columns.append((images + torch.where(lacking, given, taken)).clamp(0, 1))
        title = "Held-out images, then with another " + ", ".join(self.attributes)
        sheet = torch.stack(columns, dim=1).flatten(0, 1)
        return super().latent_figures() | {
            "samples/edits": pictures.tiles_figure(sheet, title, len(columns))
        }

    def description(self) -> State:
        """Attributes too."""
        return super().description() | {"attributes": list(self.attributes)}


def attribute_names(images: Images) -> tuple[str, ...]:
    """Names of the attributes of a data set, or of its classes.

    Raises:
        UserError: it has neither.
    """
    names = images.attributes or images.classes
    if not names:
        raise UserError(
            f"the images of {images.name} have no attributes: give a data set with attributes or "
            "classes, such as faces, or attributes.csv beside the images"
        )
    return names


def known_attributes(images: Images, held_out: bool = False) -> UInt8[Tensor, "N A"] | None:
    """Which image has which attribute, of those to train on or held out; None if not known."""
    labels = images.test_labels if held_out else images.train_labels
    values = images.test_attributes if held_out else images.train_attributes
    if values is None and labels is None:
        return None
    return _one_hot(labels, len(images.classes), values)


def _one_hot(
    label: Int[Tensor, " B"] | None, classes: int, attributes: UInt8[Tensor, "B A"] | None
) -> UInt8[Tensor, "B A"]:
    """Attributes as they are; else a class is an attribute that excludes the others."""
    if attributes is not None:
        return attributes
    assert label is not None
    return F.one_hot(label.long(), classes).byte()
