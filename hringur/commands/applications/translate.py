"""``hringur translate IMAGE... --model RUN``: images of one set as images of another."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

import torch
from jaxtyping import Float
from torch import Tensor
from tyro.conf import Positional, arg

from hringur.commands.applications.inputs import (
    open_images,
    open_model,
    with_data,
    write_picture,
)
from hringur.commands.console import note, parse
from hringur.commands.options import check_figure
from hringur.generative.translation.model import Translation
from hringur.types import UserError

HELD_OUT = "held-out:"
"""Before a number: that held-out image of the model's data set."""

UNKNOWN = 0.5
"""Grey level of a truth that is not known."""


@dataclass(frozen=True, kw_only=True)
class Translate:
    """Translate images by a model that train translation has made.

    An image is a file, or held-out:NUMBER, an image of the model's data set that it was not trained
    on. The picture has each image, its translation, and the truth where it is known.
    """

    images: Annotated[tuple[str, ...], Positional, arg(metavar="IMAGE ...")] = ()
    """each a row of the picture"""

    model: str
    """run folder or saved model of translation"""

    output: Path = Path("translation.png")
    """the PNG, SVG or PDF to write, overwritten if it exists"""

    def __post_init__(self) -> None:
        check_figure(self.output, "--output")
        if not self.images:
            raise UserError("name at least one image to translate: a file, or held-out:NUMBER")


def main(arguments: list[str]) -> None:
    """Translate, and write the picture."""
    options = parse(Translate, arguments, "translate")
    model = open_model(options.model)
    if not isinstance(model, Translation):
        raise UserError(
            f"{options.model} is of {model.config.name}: images are translated by a model that "
            "train translation has made"
        )
    held_out = any(name.startswith(HELD_OUT) for name in options.images)
    if held_out:
        model = cast(Translation, with_data(model, options.model))
    found = [_opened(name, model) for name in options.images]
    image, truth = (torch.cat(parts) for parts in zip(*found, strict=True))
    columns = {"image": image, "translation": model.translate(image)}
    columns |= {"truth": truth} if held_out and model.sides.paired else {}
    sheet: Float[Tensor, "B C H W"] = torch.stack(list(columns.values()), dim=1).flatten(0, 1)
    names = [Path(name).name for name in options.images]
    write_picture(sheet, list(columns), names, options.output)
    note(f"wrote {options.output}")


def _opened(
    name: str, model: Translation
) -> tuple[Float[Tensor, "1 C H W"], Float[Tensor, "1 C H W"]]:
    """An image, and its true partner; grey where there is none."""
    if not name.startswith(HELD_OUT):
        image = model.pixels(open_images([name], model))
        return image, torch.full_like(image, UNKNOWN)
    number, held_out = name.removeprefix(HELD_OUT), model.sides.first.test
    if not (number.isdecimal() and int(number) < len(held_out)):
        last = f"{HELD_OUT}{len(held_out) - 1}"
        raise UserError(f"a held-out image is {HELD_OUT}0 to {last}, got {name!r}")
    image = model.pixels(held_out[int(number)][None])
    if not model.sides.paired:
        return image, torch.full_like(image, UNKNOWN)
    return image, model.pixels(model.sides.second.test[int(number)][None])
