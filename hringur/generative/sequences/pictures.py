"""What is shown of a model of strings: samples and reconstructions, as text and as drawings."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from hringur.data.figures import DOTS_PER_INCH, save
from hringur.data.files import write_whole
from hringur.data.molecules.chemistry import drawing

SHOWN, COLUMNS = 12, 4


def figures(model: Any) -> dict[str, Figure | str]:
    """Samples and reconstructions by tag: Markdown, and figures where strings are drawn."""
    made = model.sample(SHOWN, seed=0)
    real = list(model.strings.test[:SHOWN])
    again = model.reconstruct(model.test[:SHOWN])
    lines = [f"| `{a}` | `{b}` |" for a, b in zip(real, again, strict=True)]
    shown: dict[str, Figure | str] = {
        "strings/prior": "  \n".join(f"`{one}`" for one in made),
        "strings/reconstruction": "\n".join(["| held out | written again |", "|---|---|", *lines]),
    }
    if model.domain.draws:
        shown["samples/prior"] = sheet_figure(drawing(made, COLUMNS))
        pairs = [one for pair in zip(real, again, strict=True) for one in pair][: 2 * COLUMNS]
        shown["samples/reconstruction"] = sheet_figure(drawing(pairs, COLUMNS))
    return shown


def sheet_figure(sheet: Image.Image) -> Figure:
    """A drawing as a figure."""
    figure = Figure(figsize=(sheet.width / DOTS_PER_INCH, sheet.height / DOTS_PER_INCH))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(np.asarray(sheet), interpolation="nearest")
    axes.set_axis_off()
    return figure


def write_pictures(model: Any, folder: Path) -> list[Path]:
    """Samples of both densities as text, and as PNG where strings are drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for density in ("prior", "fitted") if model.encodes else ("prior",):
        made = model.sample(SHOWN, density=density, seed=0)
        paths.append(folder / f"{density}.txt")
        write_whole(paths[-1], "\n".join(made) + "\n")
        if model.domain.draws:
            paths.append(folder / f"{density}.png")
            save_sheet(made, COLUMNS, paths[-1])
    return paths


def save_sheet(
    strings: Sequence[str], columns: int, path: Path, captions: Sequence[str] = ()
) -> None:
    """Molecules drawn on a sheet, as PNG, SVG or PDF."""
    save(sheet_figure(drawing(strings, columns, captions)), path)
