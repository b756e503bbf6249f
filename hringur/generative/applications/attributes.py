"""Attributes edited: four routes from an image to the same image with another attribute.

=============== ==============================================================================
route           an edit of strength s adds to the image
=============== ==============================================================================
``directions``  G(z + s d) - G(z): d is the change of codes with the attribute, all the other
                attributes held, by least squares
``transport``   G(z + s (T(z) - z)) - G(z): T carries the normal law of codes without the
                attribute to that with it, at the least squared distance (Gelbrich 1990)
``conditional`` G(z, a') - G(z, a): an ``attribute-autoencoder``'s code is independent of the
                attributes a, of which one is changed
``completion``  s times what completing the image without its evidence for the attribute changes
                (``hringur/generative/completion.py``)
=============== ==============================================================================

The first two serve every model with codes, when images with known attributes are at hand. Strengths
are numbers from -2 to 2: 1 gives an attribute, -1 takes it away, 0 leaves it. Several attributes
are edited one after the other.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hringur.generative.models.attribute_autoencoder import (
    AttributeAutoencoder,
    attribute_names,
    known_attributes,
)
from hringur.types import UserError

STRONGEST = 2.0
CODES = 10_000
"""Codes of training images that directions and transport are taken from, at most."""

RIDGE = 1e-3
"""Added to variances of codes, which may be zero along some axes."""

Images = Float[Tensor, "B C H W"]
Change = Callable[[Images, int, float], Images]
"""From images, the number of an attribute and a strength: what must be added to the images."""


class Editor:
    """Edits images by one route through one model."""

    def __init__(self, model: Any, route: str | None = None) -> None:
        """``route``: a name of the table; the best that the model has when not given.

        Raises:
            UserError: there is no such route for this model, or no attributes are known.
        """
        own = isinstance(model, AttributeAutoencoder)
        self.route = route or ("completion" if own else "directions")
        if self.route not in ROUTES:
            raise UserError(f"route must be one of {', '.join(ROUTES)}, got {route!r}")
        if self.route in ("conditional", "completion") and not own:
            raise UserError(
                f"the route {self.route} needs a model attribute-autoencoder, this one is "
                f"{model.config.name}; directions and transport serve every model"
            )
        self.model = model
        self.attributes = attribute_names(model.images)
        self.change = ROUTES[self.route](model)

    def edit(self, image: Any, strengths: Mapping[str, float]) -> Images:
        """The images with attributes given (up to 2) or taken away (down to -2), in 0 .. 1.

        Raises:
            UserError: an attribute is unknown, or a strength is beyond -2 .. 2.
        """
        edited = self.model.pixels(image)
        for name, strength in strengths.items():
            if name not in self.attributes:
                known = ", ".join(self.attributes)
                raise UserError(f"attribute must be one of {known}, got {name!r}")
            if not -STRONGEST <= strength <= STRONGEST:
                raise UserError(f"{name} must be in -2..2, got {strength:g}")
            if strength:
                number = self.attributes.index(name)
                edited = (edited + self.change(edited, number, strength)).clamp(0, 1)
        return edited


def directions(model: Any) -> Change:
    """Along the change of codes that least squares gives an attribute."""
    codes, signs = _codes_and_signs(model)
    effect = _least_squares(codes, signs)  # A Z: half of the way from without to with

    def change(image: Images, number: int, strength: float) -> Images:
        code = model.encode(image)
        return _difference(model, code, code + strength * 2 * effect[number])

    return change


def transport(model: Any) -> Change:
    """Along the optimal map between the normal laws of codes without and with an attribute.

    With means m and covariances S, T(z) = m1 + A (z - m0), where
    A = S0^(-1/2) (S0^(1/2) S1 S0^(1/2))^(1/2) S0^(-1/2).
    """
    codes, signs = _codes_and_signs(model)
    effect = _least_squares(codes, signs)

    def change(image: Images, number: int, strength: float) -> Images:
        others = signs.clone()
        others[:, number] = 0
        held = codes - others @ effect  # what the other attributes do is taken out
        start, end = signs[:, number] < 0, signs[:, number] > 0
        if strength < 0:
            start, end = end, start
        matrix = gaussian_map(_covariance(held[start]), _covariance(held[end]))
        code = model.encode(image)
        moved = held[end].mean(dim=0) + (code - held[start].mean(dim=0)) @ matrix.T
        return _difference(model, code, code + abs(strength) * (moved - code))

    return change


def conditional(model: Any) -> Change:
    """By telling the decoder another attribute."""

    def change(image: Images, number: int, strength: float) -> Images:
        code = model.encode(image)
        place = model.config.latent + number
        other = code.clone()
        target = 1.0 if strength > 0 else -1.0
        other[:, place] += abs(strength) * (target - code[:, place])
        return _difference(model, code, other)

    return change


def completion(model: Any) -> Change:
    """By filling in what was hidden because it tells of the attribute."""

    def change(image: Images, number: int, strength: float) -> Images:
        return abs(strength) * model.complete(image, number, int(strength > 0))

    return change


ROUTES: dict[str, Callable[[Any], Change]] = {
    "directions": directions,
    "transport": transport,
    "conditional": conditional,
    "completion": completion,
}
"""What prepares each route for a model."""


def gaussian_map(start: Float[Tensor, "Z Z"], end: Float[Tensor, "Z Z"]) -> Float[Tensor, "Z Z"]:
    """The symmetric A with A start A = end, the optimal map between centred normal laws."""
    root, inverse = _powers(start, 0.5), _powers(start, -0.5)
    return inverse @ _powers(root @ end @ root, 0.5) @ inverse


def _powers(matrix: Float[Tensor, "Z Z"], power: float) -> Float[Tensor, "Z Z"]:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp_min(1e-10).pow(power)) @ vectors.T


def _covariance(code: Float[Tensor, "N Z"]) -> Float[Tensor, "Z Z"]:
    return torch.cov(code.T) + RIDGE * torch.eye(code.shape[1], device=code.device)


def _codes_and_signs(
    model: Any,
) -> tuple[Float[Tensor, "N Z"], Float[Tensor, "N A"]]:
    """Codes of training images, and -1 or 1 for each attribute."""
    images, known = model.images, known_attributes(model.images)
    if known is None or not len(known):
        raise UserError(
            "directions and transport are taken from images whose attributes are known; the model "
            "was loaded without any: name its run folder, or a data set"
        )
    rows = torch.linspace(0, len(known) - 1, min(CODES, len(known))).long()
    signs = 2 * known[rows].float() - 1
    mixed = (signs.amin(dim=0) < 0) & (signs.amax(dim=0) > 0)
    if not mixed.all():
        name = attribute_names(images)[int((~mixed).nonzero()[0])]
        raise UserError(f"attribute {name} is alike in all training images of {images.name}")
    return model.encode(images.train[rows]), signs


def _least_squares(
    codes: Float[Tensor, "N Z"], signs: Float[Tensor, "N A"]
) -> Float[Tensor, "A Z"]:
    """What each attribute adds to a code, the other attributes held."""
    design = torch.cat([torch.ones_like(signs[:, :1]), signs], dim=1)
    return torch.linalg.lstsq(design, codes).solution[1:]


@torch.no_grad()
def _difference(model: Any, start: Float[Tensor, "B Z"], end: Float[Tensor, "B Z"]) -> Images:
    """What the decoded image changes from one code to another."""
    return model.decode(end) - model.decode(start)
