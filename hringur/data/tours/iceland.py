"""Places and roads of Iceland: tables, graph, shortest distances and paths, shapes for maps.

The seasons share the places: ``summer`` has every road, ``summer-no-f-roads`` those that a car
without four-wheel drive may take, ``winter`` those that are kept open all year. Road distances are
multiples of 0.1 km and symmetric. Sources and licences: NOTICE.
"""

import csv
import difflib
import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import Any, cast, get_args

import networkx as nx
import numpy as np
from jaxtyping import Float, Float64, Int64

from hringur.data.tours.geography import Projection, haversine_km
from hringur.data.tours.names import ALIASES, surely_meant
from hringur.types import Season, UserError

LECTURE_SIX = (
    "Reykjavík",
    "Akureyri",
    "Egilsstaðir",
    "Stykkishólmur",
    "Melrakkaslétta",
    "Landmannalaugar",
)
"""The six places of the lecture that this package grew from."""

ROADS_OF: dict[Season, str] = {
    "summer": "summer roads",
    "summer-no-f-roads": "summer roads without F-roads",
    "winter": "winter roads",
}
"""The roads of each season in words."""

ROAD_TABLE = "Vegagerðin's road lengths of 2025 (docs/data.md)"
"""What every distance by road, and so every proof of a shortest tour, rests on."""

CREDIT = (
    "Contains data from Náttúrufræðistofnun / Landmælingar Íslands, IS 50V"
    "  ·  © OpenStreetMap contributors  ·  Natural Earth"
)
"""The sources ask to be named on every map, and in every file with shapes of roads."""

KNOWN_FORDS = ("F88", "F249", "F910")
"""F-roads with fords that NOTICE gives a source for; the table of roads itself lists none."""


@dataclass(frozen=True)
class Place:
    """A place that a tour may visit, or a junction where roads meet."""

    id: str
    name: str
    lat: float
    lon: float
    kind: str
    """town, landmark, highland or junction; point, if it is a traveller's own"""
    region: str = ""


@dataclass(frozen=True, eq=False)
class Roads:
    """The roads of one season, and the shortest way between any two stops."""

    season: Season
    network: nx.Graph
    """nodes are place and junction ids; edges carry km, roads, surface, unpaved (a share), shape
    and tail"""
    stops: tuple[Place, ...]
    """``places()``, and points of a traveller's own after them"""
    road_km: Float64[np.ndarray, "N N"]
    """shortest road distance; infinite where no road of this season leads"""
    paths: tuple[dict[str, list[str]], ...]
    """for each stop, the shortest path to every node that it reaches"""

    @property
    def reachable(self) -> list[int]:
        """Places that a road of this season joins to Reykjavík, in file order."""
        return np.flatnonzero(np.isfinite(self.road_km[0])).tolist()

    def path(self, start: int, end: int) -> list[str]:
        """Ids of places and junctions along the shortest way, both ends included."""
        first, last = min(start, end), max(start, end)  # there and back on the same roads
        target = self.stops[last]
        if target.id not in self.paths[first]:
            raise UserError(
                f"no way by {ROADS_OF[self.season]} from {self.stops[first].name} to {target.name}"
            )
        path = self.paths[first][target.id]
        return path[:] if start <= end else path[::-1]

    def route_numbers(self, start: int, end: int) -> list[str]:
        """Numbers of the roads driven, in order, each stretch once: ["1", "85"].

        A stretch that several roads share has the number of the longest and those of F-roads.
        """
        numbers: list[str] = []
        for edge in pairwise(self.path(start, end)):
            longest, *others = self.network.edges[edge]["roads"]
            numbers += [longest, *(other for other in others if is_f_road(other))]
        return [number for k, number in enumerate(numbers) if k == 0 or number != numbers[k - 1]]

    def highland_numbers(self, start: int, end: int) -> list[str]:
        """Numbers of the roads driven that are mountain roads or F-roads, each once, in order."""
        numbers: list[str] = []
        for edge in pairwise(self.path(start, end)):
            longest, *others = self.network.edges[edge]["roads"]
            mountain = [longest] if self.network.edges[edge]["surface"] == "mountain" else []
            numbers += [*mountain, *filter(is_f_road, (longest, *others))]
        return list(dict.fromkeys(numbers))

    def shape(self, start: int, end: int) -> Float64[np.ndarray, "K 2"]:
        """The way driven as a polyline of (lon, lat), for drawing only."""
        pieces = [np.empty((0, 2))]
        for edge in pairwise(self.path(start, end)):
            road = self.network.edges[edge]
            pieces.append(road["shape"] if road["tail"] == edge[0] else road["shape"][::-1])
        return np.concatenate(pieces)


def read_table(name: str) -> list[dict[str, str]]:
    """Rows of one of the CSV tables in hringur/data/iceland."""
    text = (resources.files("hringur.data.tours") / "iceland" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _features(name: str) -> list[dict[str, Any]]:
    text = (resources.files("hringur.data.tours") / "iceland" / name).read_text(encoding="utf-8")
    return json.loads(text)["features"]


@cache
def _nodes() -> tuple[Place, ...]:
    rows = read_table("places.csv")
    return tuple(
        Place(r["id"], r["name"], float(r["lat"]), float(r["lon"]), r["kind"], r["region"])
        for r in rows
    )


@cache
def places() -> tuple[Place, ...]:
    """The 94 towns, landmarks and highland spots, in file order: Reykjavík is number 0."""
    return tuple(node for node in _nodes() if node.kind != "junction")


@cache
def junctions() -> tuple[Place, ...]:
    """Where roads meet; never a stop of a tour."""
    return tuple(node for node in _nodes() if node.kind == "junction")


@cache
def place_numbers() -> dict[str, int]:
    """Number of each place in ``places()`` by its id."""
    return {place.id: number for number, place in enumerate(places())}


def check_season(season: str) -> Season:
    """The season of this name, else UserError."""
    if season not in get_args(Season):
        raise UserError(f"season must be one of {', '.join(get_args(Season))}, got {season!r}")
    return cast(Season, season)


def is_f_road(number: str) -> bool:
    """Whether four-wheel drive is required by law: the number begins with F, for *fjall*."""
    return number.startswith("F")


@cache
def road_network(season: Season) -> nx.Graph:
    """The graph of all places and junctions with the roads that are open in ``season``."""
    season = check_season(season)
    shapes = {}
    for feature in _features("road_shapes.geojson"):
        ends = feature["properties"]["from"], feature["properties"]["to"]
        shapes[ends] = np.array(feature["geometry"]["coordinates"], dtype=np.float64)
    network = nx.Graph()
    network.add_nodes_from(node.id for node in _nodes())
    for row in read_table("roads.csv"):
        numbers = list(dict.fromkeys([row["road"], *row["roads"].split("+")]))
        if season == "winter" and row["season"] != "all-year":
            continue
        if season == "summer-no-f-roads" and any(map(is_f_road, numbers)):
            continue
        tail, head = row["from"], row["to"]
        road = {"km": float(row["km"]), "roads": numbers, "surface": row["surface"]}
        road["unpaved"] = float(row["unpaved_pct"]) / 100
        network.add_edge(tail, head, tail=tail, shape=shapes[tail, head], **road)
    return network


@cache
def roads(season: Season) -> Roads:
    """Shortest road distances and paths between all places, computed once."""
    return shortest_ways(season, road_network(season), places())


def shortest_ways(season: Season, network: nx.Graph, stops: tuple[Place, ...]) -> Roads:
    """Distances and paths between all ``stops``, which are nodes of ``network``."""
    number_of = {stop.id: number for number, stop in enumerate(stops)}
    road_km = np.full((len(stops), len(stops)), np.inf)
    paths = []
    for number, stop in enumerate(stops):
        km, path = nx.single_source_dijkstra(network, stop.id, weight="km")
        reached = [node for node in km if node in number_of]
        road_km[number, [number_of[node] for node in reached]] = [km[node] for node in reached]
        paths.append(path)
    # Sums of multiples of 0.1 km, in whichever order they were added.
    return Roads(season, network, stops, np.round(road_km, 1), tuple(paths))


@cache
def great_circle_km() -> Float64[np.ndarray, "N N"]:
    """Distances along the surface of a sphere between all places [km]."""
    return haversine_km(np.array([(place.lon, place.lat) for place in places()]))


@cache
def projection() -> Projection:
    """The map of (lon, lat) into the unit square that holds all places."""
    return Projection.around(np.array([(place.lon, place.lat) for place in places()]))


def project(lonlat: Float[np.ndarray, "*K 2"]) -> Float64[np.ndarray, "*K 2"]:
    """The projection of ``coordinates()``, for coast and roads; parts may lie outside [0, 1]."""
    return projection()(lonlat)


@cache
def coordinates() -> Float64[np.ndarray, "N 2"]:
    """Positions of all places in the unit square, equal aspect, y upwards."""
    xy = project(np.array([(place.lon, place.lat) for place in places()]))
    return np.clip(xy, 0.0, 1.0)  # against rounding at the border


def numbers_at(position: Float64[np.ndarray, "*K 2"]) -> Int64[np.ndarray, "*K"]:
    """Which places lie at these ``coordinates()``; ValueError where none does."""
    apart = np.abs(position[..., None, :] - coordinates()).max(axis=-1)
    if apart.min(axis=-1).max(initial=0.0) > 1e-6:  # float32 copies still find their place
        raise ValueError("positions must be those of places in Iceland")
    return apart.argmin(axis=-1)


def coast() -> list[Float64[np.ndarray, "K 2"]]:
    """Outlines of the land as rings of (lon, lat): the main island, then small ones."""
    return list(_rings("land"))


def glaciers() -> list[Float64[np.ndarray, "K 2"]]:
    """Outlines of the glaciers as rings of (lon, lat), without their inner islands."""
    return list(_rings("glacier"))


def _rings(kind: str) -> Iterator[Float64[np.ndarray, "K 2"]]:
    for feature in _features("coast.geojson"):
        if feature["properties"]["kind"] == kind:
            shape = feature["geometry"]["coordinates"]
            many = feature["geometry"]["type"] == "MultiPolygon"
            for polygon in shape if many else [shape]:
                yield np.array(polygon[0], dtype=np.float64)  # the first ring is the outer one


def plain(text: str) -> str:
    """Lower case without accents, in ASCII: "Þórsmörk (Húsadalur)" is "thorsmork husadalur"."""
    text = text.casefold().replace("þ", "th").replace("ð", "d").replace("æ", "ae")
    letters = unicodedata.normalize("NFKD", text)
    return " ".join(re.findall(r"\w+", "".join(c for c in letters if not unicodedata.combining(c))))


@cache
def _spellings() -> dict[str, int]:
    """Every plain spelling of a place: name, id, what its name has in brackets, and aliases."""
    found: dict[str, int] = {}
    for number, place in enumerate(places()):
        for spelling in (place.name, place.id, *re.findall(r"\((.*)\)", place.name)):
            found.setdefault(plain(spelling), number)
    for spelling, place_id in ALIASES.items():
        found.setdefault(spelling, place_numbers()[place_id])
    return found


def resolve_place(text: str, season: Season = "summer", guess: bool = False) -> int:
    """The number of the place that ``text`` names.

    Accents and capitals may be left out, and so may the rest of an unambiguous beginning. With
    ``guess`` a slip of the pen is forgiven where only one place can be meant.

    Raises:
        UserError: unknown (with the nearest names), ambiguous, or out of reach in ``season``.
    """
    spellings, wanted = _spellings(), plain(text)
    starting = {n for spelling, n in spellings.items() if wanted and spelling.startswith(wanted)}
    number = spellings.get(wanted, next(iter(starting)) if len(starting) == 1 else None)
    if number is None and guess and not starting:
        number = surely_meant(wanted, spellings)
    if number is None and starting:
        several = ", ".join(places()[n].name for n in sorted(starting))
        raise UserError(f"place {text!r} is ambiguous: {several}")
    if number is None:
        near = difflib.get_close_matches(wanted, spellings, n=6, cutoff=0.5)
        names = ", ".join(dict.fromkeys(places()[spellings[spelling]].name for spelling in near))
        raise UserError(
            f"unknown place {text!r}; "
            + (
                f"did you mean {names}?"
                if names
                else "docs/data.md lists the 94 places of Iceland that are known"
            )
        )
    check_reachable([number], season)
    return number


def check_reachable(numbers: list[int], season: Season) -> None:
    """Refuse, by name, places that no road of ``season`` joins to Reykjavík."""
    lost = [places()[n].name for n in numbers if n not in roads(season).reachable]
    if lost:
        raise UserError(f"out of reach by {ROADS_OF[season]}: {', '.join(lost)}")
