"""``hringur edit IMAGE... --smile 1 --age 0.5``: attributes of images given or taken away."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

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
from hringur.generative.applications.attributes import Editor
from hringur.types import UserError

STRENGTHS = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0)
"""Of a sweep."""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """Edit attributes of images, each by an option of its name: --smile 1 --beard -1 --age 0.5.

    A strength of 1 gives the attribute, -1 takes it away, 0 leaves it as it is; -2 to 2 are
    allowed. An image is a file, or face:NUMBER, a drawn face that no model was trained on. The
    attributes of faces are smile, age, narrow-eyes, blonde, beard, glasses and long-hair.
    """

    images: Annotated[tuple[str, ...], Positional, arg(metavar="IMAGE ...")] = ()
    """each a row of the picture"""

    model: str = "faces"
    """run folder or saved model of images; faces ships with the package"""

    route: str | None = None
    """directions, transport, conditional or completion; the model's best when not given"""

    sweep: bool = False
    """a column for each strength from -2 to 2 of the one attribute named"""

    output: Path = Path("edit.png")
    """the PNG, SVG or PDF to write, overwritten if it exists"""

    def __post_init__(self) -> None:
        check_figure(self.output, "--output")
        if not self.images:
            raise UserError("name at least one image to edit: a file, or face:NUMBER")


def main(arguments: list[str]) -> None:
    """Edit, and write the picture: a row for each image, a column for each edit and for all."""
    rest, strengths = attribute_options(arguments)
    options = parse(Edit, rest, "edit")
    if not strengths:
        raise UserError("name at least one attribute and its strength, such as --smile 1")
    model = open_model(options.model)
    images = model.pixels(open_images(options.images, model))
    if options.route in ("directions", "transport"):
        model = with_data(model, options.model)
    editor = Editor(model, options.route)
    edits = _sweep(strengths) if options.sweep else _each_and_all(strengths)
    made = [images, *(editor.edit(images, edit) for edit in edits.values())]
    sheet: Float[Tensor, "B C H W"] = torch.stack(made, dim=1).flatten(0, 1)
    names = [Path(name).name for name in options.images]
    write_picture(sheet, ["image", *edits], names, options.output)
    note(f"wrote {options.output}")


def attribute_options(arguments: Sequence[str]) -> tuple[list[str], dict[str, float]]:
    """The arguments that are no attributes, and the strength of each attribute by its name.

    Raises:
        UserError: a strength is missing, no number, or given twice.
    """
    own = {field.name for field in fields(Edit)} | {"help"}
    rest, strengths, words = [], {}, list(arguments)
    while words:
        word = words.pop(0)
        option, equals, value = word.partition("=")
        name = option.removeprefix("--").replace("-", "_")
        if not option.startswith("--") or name in own:
            rest.append(word)
            continue
        value = value if equals else (words.pop(0) if words else "")
        try:
            strength = float(value)
        except ValueError:
            raise UserError(f"{option} must be a strength from -2 to 2, got {value!r}") from None
        if name in strengths:
            raise UserError(f"{option} is given twice")
        strengths[name] = strength
    return rest, strengths


def _each_and_all(strengths: Mapping[str, float]) -> dict[str, dict[str, float]]:
    each: dict[str, Any] = {
        f"{name} {strength:g}": {name: strength} for name, strength in strengths.items()
    }
    return each | ({"all": dict(strengths)} if len(each) > 1 else {})


def _sweep(strengths: Mapping[str, float]) -> dict[str, dict[str, float]]:
    if len(strengths) > 1:
        raise UserError(f"a sweep is of one attribute, got {', '.join(strengths)}")
    (name,) = strengths
    return {f"{name} {strength:g}": {name: strength} for strength in STRENGTHS}
