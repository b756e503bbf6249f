"""Pictures of a model: samples, reconstructions, interpolations, codes, transport to the prior."""

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from hringur.data.files import write_whole
from hringur.data.text import drawn
from hringur.divergences.transport import transport_plan
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
PLAN_CODES = 48
"""Codes whose transport to the prior is drawn."""


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
    shown = {"samples/prior": tiles_figure(model.sample(FILM_IMAGES, seed=0), "samples")}
    if not model.encodes:
        path = model.decode(between(model.prior(16, fixed())))
        return shown | {"samples/interpolation": tiles_figure(path, "from one code to another")}
    real = as_floats(model.images.test[:32])
    pairs = torch.stack([real, model.reconstruct(real)], dim=1).flatten(0, 1)
    half = len(real) // 4
    path = model.interpolate(real[:half], real[half : 2 * half]).flatten(0, 1)
    title = "image and reconstruction, side by side"
    shown["samples/reconstruction"] = tiles_figure(pairs, title)
    shown["samples/interpolation"] = tiles_figure(path, "from one image to another")
    return shown | model.latent_figures()


def latent_figures(model: Any) -> dict[str, Figure]:
    """For real codes: a traversal of each axis, the plane, and transport to the prior, by tag."""
    images = model.images
    codes = model.encode(images.test[:CODES_SHOWN]).cpu()
    shown = {"latent/traversal": traversal_figure(model)}
    if codes.shape[1] == 2 and images.test_labels is not None:
        labels = images.test_labels[:CODES_SHOWN].cpu().numpy()
        shown["latent/plane"] = plane_figure(codes.numpy(), labels, images.classes)
    prior = model.prior(PLAN_CODES, fixed())
    shown["latent/transport_plan"] = plan_figure(codes[:PLAN_CODES], prior)
    return shown


def write_pictures(model: Any, folder: Path) -> list[Path]:
    """All figures as PNG, and the film as GIF; returns the paths."""
    shown = model.pictures()
    if model.encodes:  # too slow to fit at every evaluation
        fitted = model.sample(FILM_IMAGES, density="fitted", seed=0)
        shown["samples/fitted"] = tiles_figure(fitted, "samples of a density fitted to codes")
    paths = write_figures(shown, folder)
    if model.film.frames:
        paths.append(folder / "training.gif")
        model.film.write(paths[-1])
    return paths


def write_figures(shown: Mapping[str, Figure], folder: Path) -> list[Path]:
    """Figures by tag as PNG; returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for tag, figure in shown.items():
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=120)
        paths.append(folder / f"{tag.split('/')[1]}.png")
        write_whole(paths[-1], content.getvalue())
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
    figure = Figure(figsize=(inches, inches * sheet.shape[0] / sheet.shape[1] + 0.35))
    axes = figure.add_axes((0, 0, 1, 1 - 0.35 / figure.get_figheight()))
    axes.imshow(sheet, interpolation="nearest")
    axes.set_axis_off()
    figure.suptitle(drawn(title), y=0.995, va="top", fontsize=10)
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
    return tiles_figure(images, "each axis of the code, -2.5 to 2.5", columns=9)


def plane_figure(
    codes: Float[np.ndarray, "N 2"], labels: np.ndarray, classes: Sequence[str]
) -> Figure:
    """Codes of two numbers, coloured by class."""
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot()
    dots = axes.scatter(codes[:, 0], codes[:, 1], c=labels, cmap="tab10", s=5)
    present = np.unique(labels).tolist()
    handles, _ = dots.legend_elements(num=present)
    axes.legend(handles, [drawn(classes[label]) for label in present], fontsize=7)
    axes.set(title="codes of held-out images", xlim=(-4, 4), ylim=(-4, 4), aspect="equal")
    return figure


def plan_figure(codes: Float[Tensor, "B Z"], prior: Float[Tensor, "M Z"]) -> Figure:
    """Which draw of the prior each code would be moved to, on the codes' two widest axes."""
    mean_cost = 2.0 * codes.shape[1]
    plan = transport_plan(codes, prior, epsilon=0.02 * mean_cost, iterations=200)
    plane = torch.pca_lowrank(codes, q=2, niter=4)[2] if codes.shape[1] > 2 else torch.eye(2)
    start, end = (codes @ plane).numpy(), (prior @ plane).numpy()
    share = (plan / plan.max()).numpy()
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot()
    for i, j in np.argwhere(share > 0.05):
        x, y = zip(start[i], end[j], strict=True)
        axes.plot(x, y, color="0.4", alpha=float(share[i, j]), linewidth=0.8)
    for points, colour, label in (
        (start, "#0072B2", "codes of held-out images"),
        (end, "#D55E00", "draws of the prior"),
    ):
        axes.scatter(points[:, 0], points[:, 1], s=14, color=colour, label=label, zorder=2)
    axes.legend(fontsize=7)
    axes.set(title="optimal transport from codes to prior", aspect="equal")
    return figure
