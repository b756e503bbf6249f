"""TSPLIB files: Reinelt, "TSPLIB 95", University of Heidelberg 1995, symmetric and asymmetric.

Distances are whole numbers by that paper's formulas, so that known optima come out exactly. The
kept reader ``vrplib`` does not round EUC_2D, knows neither GEO nor ATT, and of the explicit
formats only two, each with one row to a line; the tests compare with it where it serves.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from hringur.data.files import read_text
from hringur.data.text import number
from hringur.types import UserError

MAX_PLACES = 5_000
"""A matrix of that many places takes 200 MB."""

MAX_COORDINATE = 1e100
"""Squares of larger ones overflow."""

GEO_RADIUS_KM = 6378.388
GEO_PI = 3.141592  # these digits, no more: the known optima rest on them


@dataclass
class TsplibFile:
    """What a TSPLIB file says; distances are not yet checked for sign."""

    path: Path
    header: dict[str, str] = field(default_factory=dict)
    nodes: dict[int, tuple[float, float]] = field(default_factory=dict)
    """coordinates by node, from 1"""
    display: dict[int, tuple[float, float]] = field(default_factory=dict)
    """coordinates for drawing only"""
    weights: list[float] = field(default_factory=list)

    @property
    def dimension(self) -> int:
        """Number of nodes."""
        text = self.header.get("DIMENSION", "")
        if not re.fullmatch("[0-9]{1,6}", text) or not 2 <= int(text) <= MAX_PLACES:
            raise UserError(
                f"{self.path}: DIMENSION must be a whole number in 2..{MAX_PLACES}, "
                f"got {text[:40]!r}"
            )
        return int(text)

    def points(self, given: dict[int, tuple[float, float]]) -> Float64[np.ndarray, "N 2"]:
        """The coordinates of one section in the order of the nodes.

        Raises:
            UserError: they are not those of the nodes 1 to N.
        """
        n = self.dimension
        if len(given) != n:
            raise UserError(
                f"{self.path}: DIMENSION is {n}, but coordinates are given for {len(given)} nodes"
            )
        if max(given) > n:
            raise UserError(f"{self.path}: nodes are numbered 1 to {n}, got node {max(given)}")
        return np.array([given[node] for node in range(1, n + 1)])


def parse_tsplib(path: str | Path) -> TsplibFile:
    """Header and sections of a file, its type checked.

    Raises:
        UserError: what is wrong, with the line, or which types are supported.
    """
    file = TsplibFile(Path(path))
    section = ""
    for line_number, line in enumerate(read_text(path).splitlines(), start=1):
        where, text = f"{path}, line {line_number}", line.strip()
        specification = re.fullmatch(r"([A-Z][A-Z_0-9]*?)\s*:\s*(.*)", text)
        if text == "EOF" or (text == "-1" and not section.startswith("EDGE")):
            break
        if text.rstrip(" :").endswith("_SECTION"):
            section = text.rstrip(" :")
            if section not in SECTIONS:
                raise UserError(f"{where}: supported are {', '.join(SECTIONS)}, got {section}")
        elif specification:
            key, value = specification.groups()
            if key != "COMMENT" and file.header.get(key, value) != value:
                raise UserError(f"{where}: {key} was {file.header[key]!r} before")
            file.header[key] = value
            section = ""
        elif text and section:
            SECTIONS[section](file, text, where)
        elif text:
            raise UserError(f"{where}: 'KEY : value' or a section was expected, got {text[:40]!r}")
    _check_header(file)
    return file


def _check_header(file: TsplibFile) -> None:
    words = [*file.header.get("TYPE", "TSP").split(), ""]
    if words[0] not in ("TSP", "ATSP"):
        raise UserError(f"{file.path}: supported TYPE are TSP, ATSP, got {words[0]!r}")
    kind = file.header.get("EDGE_WEIGHT_TYPE", "")
    if kind not in (*PLANE, "GEO", "EXPLICIT"):
        supported = ", ".join((*PLANE, "GEO", "EXPLICIT"))
        raise UserError(f"{file.path}: supported EDGE_WEIGHT_TYPE are {supported}, got {kind!r}")
    if file.nodes or kind != "EXPLICIT":
        file.points(file.nodes)
    if file.weights and kind != "EXPLICIT":
        raise UserError(f"{file.path}: an EDGE_WEIGHT_SECTION, but EDGE_WEIGHT_TYPE is {kind}")
    for node, (lat, lon) in file.nodes.items() if kind == "GEO" else ():
        if abs(lat) > 90.0 or abs(lon) > 180.0:
            raise UserError(
                f"{file.path}: GEO has latitudes in -90..90 and longitudes in -180..180, "
                f"got {lat:g} {lon:g} of node {node}"
            )
    if file.display:
        file.points(file.display)


def _read_node(into: dict[int, tuple[float, float]], text: str, where: str) -> None:
    words = text.split()
    if len(words) != 3:
        raise UserError(f"{where}: a node and its two coordinates were expected, got {text[:40]!r}")
    if not re.fullmatch("0*[1-9][0-9]{0,5}", words[0]):
        raise UserError(f"{where}: a node is a whole number from 1, got {words[0][:40]!r}")
    node = int(words[0])
    if node in into:
        raise UserError(f"{where}: node {node} is given twice")
    x, y = _numbers(words[1:], where)
    if max(abs(x), abs(y)) > MAX_COORDINATE:
        raise UserError(
            f"{where}: coordinates of at most {MAX_COORDINATE:g} are read, got {text[:40]!r}"
        )
    into[node] = (x, y)


def _read_weights(file: TsplibFile, text: str, where: str) -> None:
    most = MAX_PLACES**2 - len(file.weights)
    words = text.split(None, most)
    if len(words) > most:
        raise UserError(f"{where}: at most {MAX_PLACES**2:,} numbers are read, there are more")
    file.weights.extend(_numbers(words, where))


def _numbers(words: list[str], where: str) -> Iterator[float]:
    for word in words:
        try:
            value = number(word)
        except ValueError:
            raise UserError(f"{where}: a number was expected, got {word!r}") from None
        if not np.isfinite(value):
            raise UserError(f"{where}: a finite number was expected, got {word!r}")
        yield value


SECTIONS: dict[str, Callable[[TsplibFile, str, str], None]] = {
    "NODE_COORD_SECTION": lambda file, text, where: _read_node(file.nodes, text, where),
    "DISPLAY_DATA_SECTION": lambda file, text, where: _read_node(file.display, text, where),
    "EDGE_WEIGHT_SECTION": _read_weights,
}


def tsplib_distance(file: TsplibFile) -> Float64[np.ndarray, "N N"]:
    """The matrix of distances, zero on the diagonal whatever the file has there."""
    kind = file.header["EDGE_WEIGHT_TYPE"]
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused later
        if kind == "EXPLICIT":
            distance = _explicit(file)
        elif kind == "GEO":
            distance = _geographical(file.points(file.nodes))
        else:
            x, y = file.points(file.nodes).T
            squared = (x[:, None] - x) ** 2 + (y[:, None] - y) ** 2
            distance = PLANE[kind](squared)
    np.fill_diagonal(distance, 0.0)
    return distance


def _pseudo_euclidean(squared: Float64[np.ndarray, "N N"]) -> Float64[np.ndarray, "N N"]:
    """ATT: rounded to the nearest, but never down."""
    exact = np.sqrt(squared / 10.0)
    nearest = np.floor(exact + 0.5)
    return np.where(nearest < exact, nearest + 1.0, nearest)


PLANE: dict[str, Callable[[Float64[np.ndarray, "N N"]], Float64[np.ndarray, "N N"]]] = {
    "EUC_2D": lambda squared: np.floor(np.sqrt(squared) + 0.5),  # halves upwards, not to even
    "CEIL_2D": lambda squared: np.ceil(np.sqrt(squared)),
    "ATT": _pseudo_euclidean,
}


def degrees(node: Float64[np.ndarray, "N 2"]) -> Float64[np.ndarray, "N 2"]:
    """GEO's DDD.MM, degrees and minutes, in decimal degrees; still latitude first."""
    whole = np.trunc(node)  # the paper says nearest, all known optima say truncated
    return whole + (node - whole) * 5.0 / 3.0


def _geographical(node: Float64[np.ndarray, "N 2"]) -> Float64[np.ndarray, "N N"]:
    """GEO: whole kilometres on a sphere, always rounded up."""
    lat, lon = (degrees(node) * GEO_PI / 180.0).T
    q1 = np.cos(lon[:, None] - lon)
    q2, q3 = np.cos(lat[:, None] - lat), np.cos(lat[:, None] + lat)
    angle = np.arccos(np.clip(0.5 * ((1.0 + q1) * q2 - (1.0 - q1) * q3), -1.0, 1.0))
    return np.trunc(GEO_RADIUS_KM * angle + 1.0)


EXPLICIT_FORMATS = {  # format: (which triangle it is when read row by row, with the diagonal)
    "UPPER_ROW": ("upper", 1),
    "LOWER_COL": ("upper", 1),
    "UPPER_DIAG_ROW": ("upper", 0),
    "LOWER_DIAG_COL": ("upper", 0),
    "LOWER_ROW": ("lower", 1),
    "UPPER_COL": ("lower", 1),
    "LOWER_DIAG_ROW": ("lower", 0),
    "UPPER_DIAG_COL": ("lower", 0),
}


def _explicit(file: TsplibFile) -> Float64[np.ndarray, "N N"]:
    """The numbers of the section as a matrix, however they are broken into lines."""
    n, form = file.dimension, file.header.get("EDGE_WEIGHT_FORMAT", "")
    if form != "FULL_MATRIX" and form not in EXPLICIT_FORMATS:
        supported = ", ".join(("FULL_MATRIX", *EXPLICIT_FORMATS))
        raise UserError(f"{file.path}: supported EDGE_WEIGHT_FORMAT are {supported}, got {form!r}")
    triangle, off = EXPLICIT_FORMATS.get(form, ("full", 0))
    wanted = n * n if triangle == "full" else n * (n + 1) // 2 - off * n
    if len(file.weights) != wanted:
        raise UserError(
            f"{file.path}: {form} of {n} nodes has {wanted} numbers, got {len(file.weights)}"
        )
    if triangle == "full":
        return np.array(file.weights).reshape(n, n)
    half = np.zeros((n, n))
    half[np.triu_indices(n, off) if triangle == "upper" else np.tril_indices(n, -off)] = (
        file.weights
    )
    return half + half.T  # the diagonal, doubled, is zeroed by the caller
