"""``hringur mix LEFT RIGHT``: two images mixed into one, along several paths."""

from dataclasses import dataclass
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
from hringur.commands.console import note, parse, print_json, show
from hringur.commands.options import check_figure
from hringur.evaluation.tables import Column, Table
from hringur.generative.applications.mixing import PATHS, grid, measure_mixing, mix
from hringur.types import UserError

LEAST_MEASURED = 10
"""Paths of a measurement."""


@dataclass(frozen=True, kw_only=True)
class Mix:
    """Mix two images: the left one, the right one, and what lies between, by every path.

    An image is a file, or face:NUMBER, a drawn face that no model was trained on. Four images make
    a grid, with one at each corner.
    """

    images: Annotated[tuple[str, ...], Positional, arg(metavar="IMAGE ...")] = ()
    """LEFT and RIGHT, or upper left, upper right, lower left and lower right"""

    model: str = "faces"
    """run folder or saved model of images; faces ships with the package"""

    path: tuple[str, ...] = tuple(PATHS)
    """some of line, sphere, geodesic, pixels; a grid takes the first"""

    steps: int = 9
    """images of a path, both ends included"""

    output: Path = Path("mix.png")
    """the PNG, SVG or PDF to write, overwritten if it exists"""

    measure: int | None = None
    """also measure so many paths between held-out images: how smooth, and how real in between"""

    json: bool = False
    """print the figures as JSON"""

    def __post_init__(self) -> None:
        check_figure(self.output, "--output")
        if len(self.images) not in (2, 4):
            raise UserError(f"two images are mixed, or four on a grid; got {len(self.images)}")
        for name in self.path:
            if name not in PATHS:
                raise UserError(f"path must be one of {', '.join(PATHS)}, got {name!r}")
        if not 3 <= self.steps <= 100:
            raise UserError(f"steps must be in 3..100, got {self.steps}")
        if self.measure is not None and self.measure < LEAST_MEASURED:
            raise UserError(f"measure must be at least {LEAST_MEASURED} paths, got {self.measure}")


def main(arguments: list[str]) -> None:
    """Mix, write the picture, and measure if asked to."""
    options = parse(Mix, arguments, "mix")
    model = open_model(options.model)
    images = model.pixels(open_images(options.images, model))
    evaluator = None if options.measure is None else _evaluator(model, options)
    if len(images) == 4:
        sheet = grid(model, images, options.steps, options.path[0]).flatten(0, 1)
        write_picture(sheet, (), [""] * options.steps, options.output)
    else:
        places = [f"{100 * place / (options.steps - 1):.0f} %" for place in range(options.steps)]
        columns = ["left", *places, "right"]
        write_picture(_rows(model, images, options), columns, options.path, options.output)
    note(f"wrote {options.output}")
    if evaluator is not None:
        _measure(model, evaluator, options)


def _rows(model: Any, images: Float[Tensor, "2 C H W"], options: Mix) -> Float[Tensor, "B C H W"]:
    """For each path what lies between the images, and these themselves on either side."""
    left, right = images[:1], images[1:]
    made = [mix(model, left, right, options.steps, name)[0] for name in options.path]
    return torch.cat([part for row in made for part in (left, row, right)])


def _evaluator(model: Any, options: Mix) -> Any:
    """With held-out images of the model's data set, two for each path."""
    assert options.measure is not None
    evaluator = with_data(model, options.model).evaluator()
    most = len(evaluator.held_out) // 2
    if options.measure > most:
        raise UserError(
            f"measure must be in {LEAST_MEASURED}..{most:,}, as {2 * most:,} images of "
            f"{evaluator.images.name} are held out, got {options.measure:,}"
        )
    return evaluator


def _measure(model: Any, evaluator: Any, options: Mix) -> None:
    """Paths between held-out images: a row for each kind."""
    assert options.measure is not None
    found = {
        name: measure_mixing(model, evaluator, options.measure, options.steps, name)
        for name in options.path
    }
    if options.json:
        print_json({"dataset": evaluator.images.name, "pairs": options.measure, "paths": found})
        return
    columns = [
        Column[str]("path", lambda name: name, text=True),
        Column[str]("largest step over mean step", lambda name: f"{found[name]['smoothness']:.2f}"),
        Column[str]("precision in between", lambda name: f"{found[name]['precision']:.3f}"),
    ]
    show(Table(columns=columns, rows=list(found)))
