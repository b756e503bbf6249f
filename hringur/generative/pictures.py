"""Pictures of a model: samples, reconstructions, interpolations, codes, transport to the prior."""

import io
import math
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from PIL import Image
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from hringur.data.figures import (
    AMBER,
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PALE,
    PURPLE,
    SKY,
    YELLOW,
    halo,
    light_grid,
    new_figure,
    save,
)
from hringur.data.files import write_whole
from hringur.data.text import drawn
from hringur.generative.batches import as_floats
from hringur.types import State

FILM_IMAGES = 64
"""Samples in a frame."""

FILM_FRAMES = 60
"""Most frames of a film; of a longer one every second frame goes."""

FRAME_MILLISECONDS = 250
AXES_SHOWN = 16
"""Most axes of a code that are traversed."""

CODES_SHOWN = 2000
PLAN_CODES = 64
"""Codes whose transport to the prior is drawn."""

TITLE_INCHES = 0.35
CLASS_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, AMBER, INK, YELLOW, GREY, PALE)


class Film:
    """Samples at the same codes through training."""

    def __init__(self) -> None:
        self.frames: list[UInt8[np.ndarray, "rows columns 3"]] = []

    def add(self, images: Float[Tensor, "B C H W"]) -> None:
        """Add one frame."""
        self.frames.append(tile(images))
        if len(self.frames) > FILM_FRAMES:
            self.frames = self.frames[::2]

    def write(self, path: Path) -> None:
        """Write a GIF, whose last frame stays for a while."""
        first, *others = [Image.fromarray(frame) for frame in self.frames]
        content = io.BytesIO()
        durations = [FRAME_MILLISECONDS] * len(others) + [8 * FRAME_MILLISECONDS]
        first.save(content, "GIF", save_all=True, append_images=others, duration=durations, loop=0)
        write_whole(path, content.getvalue())

    def state_dict(self) -> State:
        """The frames so far."""
        return {"frames": list(self.frames)}

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
        self.frames = list(state["frames"])


def fixed() -> torch.Generator:
    """A generator of random numbers that are the same at every call."""
    return torch.Generator().manual_seed(0)


def figures(model: Any) -> dict[str, Figure]:
    """All pictures that the model can give, by tag."""
    title = f"{model.settings.name} on {model.images.name}: images of codes drawn from the prior"
    shown = {"samples/prior": tiles_figure(model.sample(FILM_IMAGES, seed=0), title)}
    if not model.encodes:
        path = model.decode(between(model.prior(16, fixed())))
        return shown | {
            "samples/interpolation": tiles_figure(
                path, "From one code to another, eight images each"
            )
        }
    real = as_floats(model.images.test[:32])
    pairs = torch.stack([real, model.reconstruct(real)], dim=1).flatten(0, 1)
    half = len(real) // 4
    path = model.interpolate(real[:half], real[half : 2 * half]).flatten(0, 1)
    title = "Held-out images, each with its reconstruction on the right"
    shown["samples/reconstruction"] = tiles_figure(pairs, title)
    shown["samples/interpolation"] = tiles_figure(
        path, "From one held-out image to another, eight images each"
    )
    return shown | model.latent_figures()


def latent_figures(model: Any) -> dict[str, Figure]:
    """For real codes: a traversal of each axis, the plane, and transport to the prior, by tag."""
    images = model.images
    codes = model.encode(images.test[:CODES_SHOWN]).cpu()
    shown = {"latent/traversal": traversal_figure(model)}
    if codes.shape[1] == 2 and images.test_labels is not None:
        labels = images.test_labels[:CODES_SHOWN].cpu().numpy()
        shown["latent/plane"] = plane_figure(codes.numpy(), labels, images.classes)
    prior = model.prior(2 * PLAN_CODES, fixed())
    shown["latent/transport_plan"] = plan_figure(codes[:PLAN_CODES], prior)
    return shown


def write_pictures(model: Any, folder: Path) -> list[Path]:
    """All figures as PNG, and the film as GIF; returns the paths."""
    shown = model.pictures()
    if model.encodes:  # too slow to fit at every evaluation
        fitted = model.sample(FILM_IMAGES, density="fitted", seed=0)
        shown["samples/fitted"] = tiles_figure(
            fitted, "Images of codes drawn from a density fitted to the codes"
        )
    paths = write_figures(shown, folder)
    if model.film.frames:
        paths.append(folder / "training.gif")
        model.film.write(paths[-1])
    return paths


def write_figures(shown: Mapping[str, Figure], folder: Path) -> list[Path]:
    """Figures by tag as PNG; returns the paths."""
    paths = []
    for tag, figure in shown.items():
        paths.append(save(figure, folder / f"{tag.split('/')[1]}.png"))
    return paths


def tile(images: Float[Tensor, "B C H W"], columns: int = 8) -> UInt8[np.ndarray, "rows columns 3"]:
    """Images side by side, one pixel of grey between them."""
    array = (images.detach().cpu().clamp(0, 1) * 255).round().byte().numpy()
    count, channels, height, width = array.shape
    array = np.repeat(array, 3, axis=1) if channels == 1 else array[:, :3]
    rows = -(-count // columns)
    sheet = np.full((rows * (height + 1) + 1, columns * (width + 1) + 1, 3), 96, dtype=np.uint8)
    for place, image in enumerate(array):
        top, left = 1 + place // columns * (height + 1), 1 + place % columns * (width + 1)
        sheet[top : top + height, left : left + width] = image.transpose(1, 2, 0)
    return sheet


def tiles_figure(images: Float[Tensor, "B C H W"], title: str, columns: int = 8) -> Figure:
    """Tiled images with a title."""
    sheet = tile(images, columns)
    inches = 5.0
    height = inches * sheet.shape[0] / sheet.shape[1] + TITLE_INCHES
    figure = Figure(figsize=(inches, height), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1 - TITLE_INCHES / height))
    axes.imshow(sheet, interpolation="nearest")
    axes.set_axis_off()
    middle = 1 - TITLE_INCHES / height / 2
    style: dict[str, Any] = {"va": "center", "fontsize": 10, "fontweight": "bold"}
    figure.text(0.004, middle, drawn(title), **style)
    return figure


def between(codes: Float[Tensor, "B Z"], steps: int = 8) -> Float[Tensor, "M Z"]:
    """Codes on great circles from the first half to the second: the prior has no mass inside."""
    start, end = codes.chunk(2)
    angle = math.pi / 2 * torch.linspace(0, 1, steps)[:, None]
    return (start[:, None] * angle.cos() + end[:, None] * angle.sin()).flatten(0, 1)


def traversal_figure(model: Any) -> Figure:
    """One axis of the code a row, from -2.5 to 2.5, the others at zero."""
    axes = torch.eye(model.config.latent)[:AXES_SHOWN]
    codes = torch.linspace(-2.5, 2.5, 9)[:, None] * axes[:, None]  # axis step Z
    images = model.decode(codes.flatten(0, 1))
    return tiles_figure(images, "An axis of the code a row, from -2.5 to 2.5", columns=9)


def plane_figure(
    codes: Float[np.ndarray, "N 2"], labels: np.ndarray, classes: Sequence[str]
) -> Figure:
    """Codes of two numbers, coloured by class; its name is among its outer codes."""
    figure = new_figure(5.2, 5.5, "Codes of held-out images", size=11)
    axes = figure.add_subplot()
    for label, colour in zip(np.unique(labels).tolist(), cycle(CLASS_COLOURS), strict=False):
        own = codes[labels == label]
        axes.scatter(own[:, 0], own[:, 1], color=colour, s=6, linewidths=0, alpha=0.8)
        style: dict[str, Any] = {"fontsize": 15, "fontweight": "bold", "color": colour}
        style |= {"ha": "center", "va": "center", "path_effects": halo(4.0), "zorder": 3}
        far = np.linalg.norm(own - np.median(codes, axis=0), axis=1)
        x, y = np.median(own[far >= np.quantile(far, 0.85)], axis=0).tolist()
        axes.text(x, y, drawn(classes[label]), **style)
    axes.set(xlabel="first number of the code", ylabel="second number of the code")
    axes.set(xlim=(-4, 4), ylim=(-4, 4), aspect="equal")
    light_grid(axes, "both")
    return figure


def plan_figure(codes: Float[Tensor, "B Z"], prior: Float[Tensor, "M Z"]) -> Figure:
    """Which draw of the prior each code would be moved to, in the plane of the codes' widest axes.

    Codes of more than two numbers are projected first: the plan is that of the plane, at least
    squared distance, each code to one draw. Beside its cost stands that of draws of the prior.
    """
    wide = codes.shape[1] > 2
    plane = torch.pca_lowrank(codes, q=2, niter=4)[2] if wide else torch.eye(2)
    start, end = (codes @ plane).numpy(), (prior[: len(codes)] @ plane).numpy()
    again = (prior[len(codes) : 2 * len(codes)] @ plane).numpy()
    (rows, columns), cost = _matched(start, end)
    figure = new_figure(5.2, 5.9, "Optimal transport from codes to the prior", size=11)
    axes = figure.add_subplot()
    ways = np.stack([start[rows], end[columns]], axis=1)
    axes.add_collection(LineCollection(list(ways), colors=GREY, linewidths=0.9))
    for points, colour, label in (
        (start, ORANGE, "codes of held-out images"),
        (end, BLUE, "draws of the prior"),
    ):
        axes.scatter(points[:, 0], points[:, 1], s=20, color=colour, label=label, zorder=2)
    words = f"mean squared way {cost:.2f}; {_matched(again, end)[1]:.2f} from draws of the prior"
    axes.set_title(words, loc="left", fontsize=9, color=GREY)
    of = "widest axis of the codes" if wide else "number of the code"
    axes.set(xlabel=f"first {of}", ylabel=f"second {of}", aspect="equal")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2, frameon=False, fontsize=9)
    light_grid(axes, "both")
    return figure


def _matched(
    one: Float[np.ndarray, "M 2"], other: Float[np.ndarray, "M 2"]
) -> tuple[tuple[np.ndarray, np.ndarray], float]:
    """Pairs of points at the least sum of squared distances, and the mean of these."""
    squared = np.square(one[:, None] - other).sum(axis=-1)
    pairs = linear_sum_assignment(squared)
    return pairs, float(squared[pairs].mean())
