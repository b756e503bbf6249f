"""Pictures of tours: on the map of Iceland along the roads driven, or on a plain square.

Drawn with matplotlib's objects and the Agg canvas, never its global state, so that any thread and
any back end of the caller's may go on undisturbed. ``tour_figure`` serves commands, evaluation and
logs; ``frame`` is what an environment renders, on a background that is drawn only once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float64, UInt8
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke, withStroke

from hringur.data.figures import BLUE, INK, ORANGE
from hringur.data.text import drawn
from hringur.data.tours.iceland import CREDIT, numbers_at, places, project, roads
from hringur.envs.tours.iceland_map import BOUNDS, draw_iceland, road_points
from hringur.envs.tours.labels import label_places
from hringur.envs.tours.problem import TourProblem
from hringur.types import Instances, Season

ROUTE, START, WAITING = ORANGE, BLUE, "#8a9499"
MAP_INCHES, SQUARE_INCHES = (12.0, 9.0), (9.0, 9.0)
DOTS_PER_INCH = 100
SHORTEST_ARROW = 0.012
"""Sides of the map: legs that are no longer have no room for one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TourPicture:
    """What a picture of a tour, finished or not, shows."""

    coordinates: Float64[np.ndarray, "N 2"]
    """in the unit square; for a map of Iceland those of ``hringur.data.tours.iceland``"""
    names: Sequence[str]
    """of the places"""
    tour: Sequence[int]
    """positions of the places visited so far, in order; may be empty"""
    closed: bool = True
    """the way home is shown too"""
    season: Season | None = None
    """draw on the map of Iceland with the roads of this season; None: a plain square"""
    by_road: bool = False
    """the tour follows the roads, otherwise straight lines"""
    ways: Sequence[Float64[np.ndarray, "_ 2"]] | None = None
    """the legs as they are driven, where they are not those between places of Iceland"""
    arrows: bool = False
    """show the direction of each leg, and the order of any number of places"""
    title: str = ""
    note: str = ""
    """a second line, such as the length"""


def tour_figure(picture: TourPicture) -> Figure:
    """A figure of 1200 x 900 pixels (square: 900 x 900), ready for ``savefig`` or TensorBoard."""
    figure = _empty_figure(picture.season is not None)
    draw_tour(figure.add_axes((0, 0, 1, 1)), picture)
    return figure


def draw_tour(axes: Axes, picture: TourPicture) -> None:
    """Draw everything, background included, on axes of the caller's."""
    draw_background(axes, picture.season)
    _draw_route(axes, picture)
    _draw_places(axes, picture)
    _draw_words(axes, picture)


def draw_background(axes: Axes, season: Season | None) -> None:
    """The map of Iceland with all roads of the season, or a plain square."""
    _set_limits(axes, season)
    if season is not None:
        draw_iceland(axes, season)
        return
    axes.set_facecolor("#fbfaf7")
    x, y = [0, 1, 1, 0, 0], [0, 0, 1, 1, 0]
    axes.plot(x, y, color="#d8d4ca", linewidth=1.0, zorder=1)


def pixels(figure: Figure) -> UInt8[np.ndarray, "height width 3"]:
    """The figure as an image."""
    return _rgba(figure)[..., :3].copy()


def frame(
    problem: TourProblem, instance: Instances, tour: list[int], finished: bool
) -> UInt8[np.ndarray, "height width 3"]:
    """What an environment looks like with these places visited so far."""
    picture = _picture(problem, instance, tour, finished)
    figure = _empty_figure(picture.season is not None)
    figure.patch.set_visible(False)
    axes = figure.add_axes((0, 0, 1, 1))
    _set_limits(axes, picture.season)
    axes.set_axis_off()
    _draw_route(axes, picture)
    _draw_places(axes, picture)
    _draw_words(axes, picture)
    renderer = FigureCanvasAgg(figure).get_renderer()
    canvas = np.asarray(renderer.buffer_rgba())
    canvas[:] = _background(picture.season)  # drawing it anew would take most of the time
    figure.draw(renderer)
    return canvas[..., :3].copy()


def _picture(
    problem: TourProblem, instance: Instances, tour: list[int], finished: bool
) -> TourPicture:
    legs = np.array([*tour, tour[0]] if finished and problem.round_trip else tour)
    length = instance.distance[0][legs[:-1], legs[1:]].sum()
    unit = problem.sampler.unit
    kind = "round trip" if problem.round_trip else "open path"
    stand = f"through {len(tour)}" if finished else f"so far {len(tour)} of {problem.n_places}"
    note = f"{kind}{' ' if finished else ', '}{stand} places"
    names = problem.sampler.names(instance)
    if problem.map_season is not None:  # an instance given to reset() has places of its own
        names = [places()[number].name for number in numbers_at(instance.coordinates[0])]
        note += f", {problem.map_season} roads" if problem.by_road else ", as the crow flies"
    return TourPicture(
        coordinates=instance.coordinates[0],
        names=names,
        tour=tour,
        closed=finished and problem.round_trip,
        season=problem.map_season,
        by_road=problem.by_road,
        title=f"{length:,.1f} km" if unit == "km" else f"{length:,.3f} {unit}",
        note=note,
    )


@cache
def _background(season: Season | None) -> UInt8[np.ndarray, "height width 4"]:
    figure = _empty_figure(season is not None)
    draw_background(figure.add_axes((0, 0, 1, 1)), season)
    return _rgba(figure)


def _rgba(figure: Figure) -> UInt8[np.ndarray, "height width 4"]:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.array(canvas.buffer_rgba())


def _empty_figure(is_map: bool) -> Figure:
    figure = Figure(MAP_INCHES if is_map else SQUARE_INCHES, dpi=DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    return figure


def _set_limits(axes: Axes, season: Season | None) -> None:
    left, right, bottom, top = (-0.09, 1.09, -0.05, 1.13) if season is None else BOUNDS
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal", xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _draw_route(axes: Axes, picture: TourPicture) -> None:
    """The way so far, with a light edge that lifts it off the map."""
    stops = [*picture.tour, picture.tour[0]] if picture.closed else list(picture.tour)
    legs = list(zip(stops, stops[1:], strict=False))
    if not legs:
        return
    if picture.ways is not None:
        ways = list(picture.ways)
    elif picture.season is not None and picture.by_road:
        numbers, network = numbers_at(picture.coordinates).tolist(), roads(picture.season)
        ways = [project(network.shape(numbers[a], numbers[b])) for a, b in legs]
    else:
        ways = [picture.coordinates[[a, b]] for a, b in legs]
    edge = [Stroke(linewidth=5.0, foreground="white"), Normal()]
    way = LineCollection(ways, colors=ROUTE, linewidths=2.6, zorder=5, path_effects=edge)
    way.set(capstyle="round", joinstyle="round")
    axes.add_collection(way, autolim=False)
    if picture.arrows:
        _draw_arrows(axes, ways)


def _draw_arrows(axes: Axes, ways: Sequence[Float64[np.ndarray, "_ 2"]]) -> None:
    """A head in the middle of each leg, pointing the way it is driven."""
    for way in ways:
        step = np.linalg.norm(np.diff(way, axis=0), axis=1)
        if step.sum() < SHORTEST_ARROW:
            continue
        along = np.append(0.0, step.cumsum())
        ends = along[-1] / 2 + np.array([-0.5, 0.5]) * SHORTEST_ARROW / 2
        tail, head = np.stack([np.interp(ends, along, axis) for axis in way.T], axis=1).tolist()
        style = {"arrowstyle": "-|>,head_length=0.55,head_width=0.28", "color": ROUTE, "lw": 0.0}
        shape = style | {"shrinkA": 0, "shrinkB": 0, "mutation_scale": 16}
        axes.annotate("", xy=head, xytext=tail, arrowprops=shape, zorder=6)


def _draw_places(axes: Axes, picture: TourPicture) -> None:
    """Dots, numbered in order of visit where they are few; names; the start stands out."""
    few = len(picture.names) <= 30
    visited = np.zeros(len(picture.names), dtype=bool)
    visited[list(picture.tour)] = True
    radius = np.where(visited, 6.4, 4.5) if few else np.where(visited, 2.9, 2.3)  # points
    face, edge = np.where(visited, ROUTE, "white"), np.where(visited, "white", WAITING)
    for start in picture.tour[:1]:
        radius[start] *= 1.35
        face[start] = START
    x, y = picture.coordinates.T
    axes.scatter(
        x, y, s=np.pi * radius**2, c=face.tolist(), edgecolors=edge.tolist(), lw=1.2, zorder=7
    )
    style: dict[str, Any] = {"ha": "center", "va": "center_baseline", "color": "white"}
    style |= {"fontweight": "bold", "zorder": 8}
    for order, place in enumerate(picture.tour if few else ()):
        points = 7.5 if order < 9 else 6.5
        axes.text(x[place], y[place], str(order + 1), fontsize=points, **style)
    if list(picture.names) == [str(number + 1) for number in range(len(picture.names))]:
        return  # mere numbers are no names
    avoid = np.empty((0, 2)) if picture.season is None else road_points(picture.season)
    radius[:] = radius.max()  # names stand still while places are visited
    names = list(picture.names)
    for order, place in enumerate(() if few or not picture.arrows else picture.tour, start=1):
        names[place] = f"{order} {names[place]}"  # where dots have no room for a number
    label_places(axes, picture.coordinates, names, radius, avoid)


def _draw_words(axes: Axes, picture: TourPicture) -> None:
    halo = [withStroke(linewidth=3, foreground="white", alpha=0.8)]
    style: dict[str, Any] = {"transform": axes.transAxes, "zorder": 11}
    words = style | {"color": INK, "va": "top", "path_effects": halo}
    axes.text(0.025, 0.97, drawn(picture.title), fontsize=21, fontweight="bold", **words)
    axes.text(0.025, 0.923, drawn(picture.note), fontsize=12.5, **words)
    if picture.season is not None:
        axes.text(0.985, 0.015, CREDIT, fontsize=7.5, ha="right", color="#5d7380", **style)
