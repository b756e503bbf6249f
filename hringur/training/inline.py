"""What is shown in a notebook while a run goes on: one output with a bar, pictures and curves."""

import base64
import html
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from matplotlib.figure import Figure

from hringur.data.figures import BLUE, GREY
from hringur.training.config import Counters
from hringur.training.displays import Display, Speed, summary
from hringur.types import Metrics, printable

SECONDS_BETWEEN = 0.5
PICTURES = {"samples/prior": "samples", "samples/reconstruction": "images and reconstructions"}
"""Figures that are shown, by tag, and what they are; the rest is in TensorBoard."""

CURVES = ("gap_percent", "return", "frechet_distance", "reconstruction_error", "elbo_nats")
"""Measures whose curves are drawn: the first three that there are."""


class Inline(Display):
    """Replaces its own output: the bar twice a second, pictures and curves at each evaluation."""

    inline = True

    def __init__(self) -> None:
        self._speed = Speed(SECONDS_BETWEEN)
        self._share, self._line, self._notes = 0.0, "starting", list[str]()
        self._pictures: dict[str, bytes] = {}
        self._points: dict[str, list[tuple[float, float]]] = {}
        self._handle: Any = None

    def show(self, share: float, now: Counters, headline: str) -> None:
        """Move the bar."""
        if self._speed.due(now, share):
            self._share = share
            self._line = summary(share, now, headline, self._speed.samples_per_second)
            self._refresh()

    def say(self, line: str) -> None:
        """One line below the pictures."""
        self._notes.append(line)
        self._refresh()

    def measured(self, metrics: Metrics, now: Counters) -> None:
        """Lengthen the curves."""
        for tag, value in metrics.items():
            self._points.setdefault(tag, []).append((now.seconds, value))
        tags = [tag for name in CURVES if (tag := f"evaluation/{name}") in self._points]
        if tags:
            self._pictures["curves"] = png(self._curves(tags[:3]))

    def draw(self, figures: Mapping[str, Figure]) -> None:
        """Exchange the pictures for newer ones."""
        shown = {name: png(figures[tag]) for tag, name in PICTURES.items() if tag in figures}
        self._pictures = shown | {k: v for k, v in self._pictures.items() if k not in shown}
        self._refresh()

    def html(self) -> str:
        """All that is shown."""
        bar = f'<progress value="{self._share:.4f}" max="1" style="width:16em"></progress>'
        pictures = "".join(
            f'<img alt="{name}" style="max-height:17em" src="data:image/png;base64,{text}">'
            for name, data in self._pictures.items()
            if (text := base64.b64encode(data).decode())
        )
        notes = "".join(f"<div>{html.escape(printable(line))}</div>" for line in self._notes)
        return f"<div>{bar} {html.escape(self._line)}</div><div>{pictures}</div>{notes}"

    def _refresh(self) -> None:
        """Draw the output: the first time below the cell, then in its place."""
        from IPython.display import HTML, display  # there is a notebook, so there is IPython

        if self._handle is None:
            self._handle = display(HTML(self.html()), display_id=True)
        else:
            self._handle.update(HTML(self.html()))

    def _curves(self, tags: Sequence[str]) -> Figure:
        """Each measure over the seconds of training; the data's own level in grey where known."""
        figure = Figure(figsize=(3.0 * len(tags), 3.0), layout="constrained", facecolor="white")
        for axes, tag in zip(figure.subplots(1, len(tags), squeeze=False)[0], tags, strict=True):
            axes.plot(*zip(*self._points[tag], strict=True), color=BLUE, marker=".")
            floor = self._points.get(tag.replace("evaluation/", "floor/"))
            if floor is not None:
                axes.axhline(floor[-1][1], color=GREY, linestyle=":")
            axes.set_title(tag.removeprefix("evaluation/").replace("_", " "), fontsize=9)
            axes.set_xlabel("training [s]", fontsize=8)
            axes.tick_params(labelsize=8)
            axes.spines[["top", "right"]].set_visible(False)
        return figure


def png(figure: Figure) -> bytes:
    """The figure as a PNG file's bytes, as notebooks show it."""
    content = BytesIO()
    figure.savefig(content, format="png", dpi=80)
    return content.getvalue()
