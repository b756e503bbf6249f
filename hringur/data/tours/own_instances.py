"""Tour problems from a user's own files: places as CSV, a distance matrix as CSV, or TSPLIB.

Whatever is wrong with a file is refused at the door, in one line that names file, line and value.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from hringur.data.files import csv_rows, read_text
from hringur.data.text import number
from hringur.data.tours.geography import Projection, haversine_km
from hringur.data.tours.length import check_distances
from hringur.data.tours.tsplib import MAX_PLACES, degrees, parse_tsplib, tsplib_distance
from hringur.types import Instances, UserError, printable

MAX_NAME = 200
"""Characters in the name of a place."""


@dataclass(frozen=True, eq=False)
class OwnInstance:
    """One tour problem of a user's own."""

    name: str
    names: tuple[str, ...]
    """of the places"""
    instance: Instances
    """a batch of 1"""
    symmetric: bool
    """as far there as back, between all pairs"""
    lonlat: Float64[np.ndarray, "N 2"] | None
    """positions on the globe in degrees, where the file has them"""
    unit: str
    """of the distances: "km", or "units" where the file does not say"""


def read_places_csv(path: str | Path) -> OwnInstance:
    """Places from a CSV with the columns name, lat, lon [degrees]; great-circle distances [km].

    Further columns are ignored. Raises UserError as the module says.
    """
    rows = csv_rows(read_text(path), path, MAX_PLACES + 1, MAX_PLACES + 1)
    header = [cell.lower() for cell in rows[0][1]] if rows else []
    for column in ("name", "lat", "lon"):
        if header.count(column) != 1:
            what = "there twice" if column in header else "missing"
            found = ", ".join(header) or "nothing"
            raise UserError(
                f"{path}, line 1: column {column!r} is {what}; needed are name, lat, lon, "
                f"found: {found}"
            )
    names, lonlat = [], []
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise UserError(f"{path}, line {line}: {len(header)} cells expected, got {len(row)}")
        cell = dict(zip(header, row, strict=True))
        names.append(printable(cell["name"]))
        lat = _number(cell["lat"], -90.0, 90.0, f"{path}, line {line}, column lat")
        lon = _number(cell["lon"], -180.0, 180.0, f"{path}, line {line}, column lon")
        lonlat.append((lon, lat))
    _check_names(names, path)
    return _on_the_globe(printable(Path(path).stem), names, np.array(lonlat))


def read_matrix_csv(path: str | Path) -> OwnInstance:
    """Distances from a square CSV, from row to column; asymmetric ones too.

    The first row, the first column or both may hold names; else the places are called 1, 2, ...
    The diagonal must be zero. Positions are those that fit the distances best (classical
    multidimensional scaling), for drawing and as an agent's input. Raises UserError as the
    module says.
    """
    rows = csv_rows(read_text(path), path, MAX_PLACES + 1, MAX_PLACES + 1)
    width = len(rows[0][1]) if rows else 0
    for line, row in rows:
        if len(row) != width:
            raise UserError(f"{path}, line {line}: {width} cells expected, got {len(row)}")
    names, top, left = _matrix_names([row for _, row in rows], path)
    names = [printable(name) for name in names]
    if len(rows) - top != width - left:
        raise UserError(
            f"{path}: the matrix must be square, got {len(rows) - top} rows of {width - left}"
        )
    _check_names(names, path)
    distance = np.empty((len(names), len(names)))
    for i, (line, row) in enumerate(rows[top:]):
        for j, cell in enumerate(row[left:]):
            where = f"{path}, line {line}, column {j + left + 1}"
            distance[i, j] = _number(cell, 0.0, math.inf, where)
            if i == j and distance[i, j] != 0.0:
                raise UserError(f"{where}: the distance to itself must be 0, got {cell}")
    check_distances(distance, f"{path}: distances")
    return _of_distances(printable(Path(path).stem), names, distance)


def read_tsplib(path: str | Path) -> OwnInstance:
    """A TSPLIB file of type TSP or ATSP; GEO distances are km, all others "units".

    Raises UserError as the module says.
    """
    file = parse_tsplib(path)
    name = printable(file.header.get("NAME", "") or Path(path).stem)
    distance = tsplib_distance(file)
    if distance.min() < 0.0:
        row, column = np.argwhere(distance < 0.0)[0]
        raise UserError(
            f"{path}: distances must be >= 0, got {distance[row, column]:g} "
            f"from node {row + 1} to {column + 1}"
        )
    check_distances(distance, f"{path}: distances")
    names = [str(node) for node in range(1, len(distance) + 1)]
    if file.header["EDGE_WEIGHT_TYPE"] == "GEO":
        lonlat = degrees(file.points(file.nodes))[:, ::-1].copy()
        return _on_the_globe(name, names, lonlat, distance)
    given = file.nodes or file.display
    points = file.points(given) if given else None
    return _of_distances(name, names, distance, points)


READERS = {"csv": read_places_csv, "matrix": read_matrix_csv, "tsplib": read_tsplib}
"""By the option that names the file."""


def classical_scaling(distance: Float64[np.ndarray, "N N"]) -> Float64[np.ndarray, "N 2"]:
    """Points in the plane whose straight distances come near ``distance`` (Torgerson 1952).

    The two leading eigenvectors of the doubly centred squared distances, of the mean of both
    directions; exact, up to a rotation and a reflection, where the points lie in a plane.
    """
    unit = 2.0 ** (np.frexp(distance.max())[1] - 1)  # squares of the largest overflow
    squared = (distance / unit / 2.0 + distance.T / unit / 2.0) ** 2
    mean = squared.mean(axis=0)
    inner = -0.5 * (squared - mean[:, None] - mean + mean.mean())
    value, vector = np.linalg.eigh(inner)  # ascending
    points = vector[:, -2:] * np.sqrt(np.maximum(value[-2:], 0.0))
    largest = np.abs(points).argmax(axis=0)  # eigenvectors come with either sign: choose one
    return points * np.where(points[largest, [0, 1]] < 0.0, -1.0, 1.0) * unit


def _on_the_globe(
    name: str,
    names: list[str],
    lonlat: Float64[np.ndarray, "N 2"],
    distance_km: Float64[np.ndarray, "N N"] | None = None,
) -> OwnInstance:
    """Great circles unless ``distance_km`` is given."""
    distance = haversine_km(lonlat) if distance_km is None else distance_km
    position = np.clip(Projection.around(lonlat)(lonlat), 0.0, 1.0)
    instance = Instances(position[None], distance[None])
    return OwnInstance(name, tuple(names), instance, True, lonlat, "km")


def _of_distances(
    name: str,
    names: list[str],
    distance: Float64[np.ndarray, "N N"],
    points: Float64[np.ndarray, "N 2"] | None = None,
) -> OwnInstance:
    """Positions by scaling unless ``points`` are given."""
    points = classical_scaling(distance) if points is None else points
    position = np.clip(Projection.around(points, east=1.0)(points), 0.0, 1.0)
    symmetric = bool(np.allclose(distance, distance.T, rtol=1e-9, atol=0.0))
    instance = Instances(position[None], distance[None])
    return OwnInstance(name, tuple(names), instance, symmetric, None, "units")


def _number(cell: str, low: float, high: float, where: str) -> float:
    """A finite number in [low, high]."""
    try:
        value = number(cell)
    except ValueError:
        raise UserError(f"{where}: a number was expected, got {cell!r}") from None
    if not (low <= value <= high and math.isfinite(value)):
        allowed = f"in {low:g}..{high:g}" if math.isfinite(high) else f"finite and >= {low:g}"
        raise UserError(f"{where}: the number must be {allowed}, got {cell}")
    return value


def _is_number(cell: str) -> bool:
    try:
        number(cell)
    except ValueError:
        return False
    return True


def _matrix_names(cells: list[list[str]], path: str | Path) -> tuple[list[str], int, int]:
    """Names of the places, how many rows hold names (0 or 1), and how many columns."""
    height, width = len(cells), len(cells[0]) if cells else 0
    named = not all(_is_number(cell) for row in cells[:1] for cell in row[1:])  # a row of names
    if height == width + 1 and named:
        return cells[0], 1, 0
    if height == width - 1 and not any(_is_number(row[0]) for row in cells):
        return [row[0] for row in cells], 0, 1
    if height == width and height and (cells[0][0] == "" or named):
        if cells[0][0] and _is_number(cells[0][0]):
            return [str(number) for number in range(1, height + 1)], 0, 0  # one bad cell, no names
        names = [row[0] for row in cells[1:]]
        for above, beside in zip(cells[0][1:], names, strict=True):
            if above != beside:
                raise UserError(
                    f"{path}: row and column must be named alike, got {beside!r} and {above!r}"
                )
        return names, 1, 1
    return [str(number) for number in range(1, height + 1)], 0, 0


def _check_names(names: list[str], path: str | Path) -> None:
    if len(names) < 2:
        raise UserError(f"{path}: a tour needs at least 2 places, got {len(names)}")
    if len(names) > MAX_PLACES:
        raise UserError(f"{path}: at most {MAX_PLACES} places are handled, got {len(names)}")
    seen: set[str] = set()
    for position, name in enumerate(names):
        if not name:
            raise UserError(f"{path}: place number {position + 1} has no name")
        if len(name) > MAX_NAME:
            raise UserError(
                f"{path}: a name has at most {MAX_NAME} characters, "
                f"got {len(name):,} in place number {position + 1}"
            )
        if name in seen:
            raise UserError(f"{path}: the place {name!r} is named twice")
        seen.add(name)
