"""What the applications share: the model, the images that a user names, the picture written."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from matplotlib.figure import Figure
from torch import Tensor

from hringur.data.figures import save
from hringur.data.images.faces import draw_faces
from hringur.data.images.files import read_image
from hringur.data.text import drawn
from hringur.generative.model import ImageModel
from hringur.generative.pictures import tile
from hringur.trained import load_trained
from hringur.types import UserError
from hringur.weights.shipped import MODELS as SHIPPED

FACE = "face:"
"""Before a number: the held-out drawn face of that seed."""

CELL_INCHES = 0.75


def open_model(run: str) -> ImageModel:
    """The model of images of a run, a saved file, or ``faces``, which ships with the package.

    Raises:
        UserError: there is none, or it is none of images.
    """
    model = load_trained(Path(run), "auto").learner
    if not isinstance(model, ImageModel):
        raise UserError(f"{run} is of {type(model).__name__}, which is no model of images")
    return model


def with_data(model: ImageModel, run: str) -> ImageModel:
    """The model with the images of its data set, which a saved file does not hold."""
    if len(model.images.train):
        return model
    path = SHIPPED.get(run, Path(run))
    return type(model).load(path, dataset=model.images.name)


def open_images(names: Sequence[str], model: ImageModel) -> UInt8[Tensor, "B C H W"]:
    """The images of files, or of drawn faces (``face:7``), as large and coloured as the model's.

    Raises:
        UserError: a file is no image, or is of another size or colour.
    """
    return torch.tensor(np.stack([_fitting(name, model) for name in names]))


def _fitting(name: str, model: ImageModel) -> UInt8[np.ndarray, "C H W"]:
    if name.startswith(FACE):
        seed = name.removeprefix(FACE)
        if not seed.isdecimal():
            raise UserError(f"a drawn face is face:NUMBER, got {name!r}")
        size = model.shape.height if model.shape.height in (32, 64) else 32
        image = draw_faces(1, int(seed), held_out=True).images(size)[0]
    else:
        image = read_image(Path(name))
    expected, found = (_described(*shape) for shape in (model.shape, image.shape))
    if found != expected:
        raise UserError(f"{name} is {found}, the model takes {expected}")
    return image


def _said(name: str) -> str:
    return drawn(name.replace("_", " "))


def _described(channels: int, height: int, width: int) -> str:
    return f"{width} x {height} in {'colour' if channels == 3 else 'grey'}"


def write_picture(images: Any, columns: Sequence[str], rows: Sequence[str], path: Path) -> None:
    """A sheet of images with the names of its columns above and of its rows beside."""
    count = images.shape[0] // len(rows)
    sheet = tile(images, count)
    left, top = (0.9 if any(rows) else 0.05), (0.3 if any(columns) else 0.05)
    width, height = CELL_INCHES * count + left, CELL_INCHES * len(rows) + top
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((left / width, 0, 1 - left / width, 1 - top / height))
    axes.imshow(sheet, interpolation="nearest", aspect="auto")
    axes.set_axis_off()
    step = (1 - left / width) / count
    for number, name in enumerate(columns):
        place = left / width + (number + 0.5) * step
        figure.text(place, 1 - 0.15 / height, _said(name), ha="center", va="center", fontsize=8)
    for number, name in enumerate(rows):
        place = 1 - (top + (number + 0.5) * CELL_INCHES) / height
        figure.text((left - 0.06) / width, place, _said(name), ha="right", va="center", fontsize=9)
    save(figure, path)
