"""Points of a traveller's own on the map of Iceland, joined to the nearest road."""

import re
from collections.abc import Iterable

import networkx as nx
import numpy as np
from jaxtyping import Float64

from hringur.data.tours.geography import EARTH_RADIUS_KM
from hringur.data.tours.iceland import Place, Roads, places, road_network, shortest_ways
from hringur.types import Season, UserError, printable

FARTHEST_KM = 25.0
"""From a point to the nearest road, as the crow flies."""

TRACK = "track"
"""Stands for the number of the way between a point and its road."""

POINT = re.compile(
    r"(?:(?P<name>[^=]{1,200})=)?(?P<lat>-?\d{1,3}(?:\.\d*)?) *, *(?P<lon>-?\d{1,3}(?:\.\d*)?)",
    re.ASCII,
)


def read_point(text: str) -> Place | None:
    """The point in ``[NAME=]LAT,LON`` [degrees]; None: ``text`` is the name of a place."""
    found = POINT.fullmatch(text.strip())
    if found is None:
        return None
    name = printable((found["name"] or text).strip())
    lat, lon = float(found["lat"]), float(found["lon"])
    return Place(f"point {lat},{lon}", name, lat, lon, "point")


def roads_with(season: Season, points: Iterable[Place]) -> Roads:
    """The roads of ``season`` with a straight track from each point to the nearest of them.

    Raises:
        UserError: points farther from every road than ``FARTHEST_KM``, all of them in one line.
    """
    network, faults, points = road_network(season).copy(), [], tuple(points)
    for point in points:
        apart_km = _join(network, point)
        if apart_km > FARTHEST_KM:
            faults.append(
                f"{point.name} is {apart_km:,.0f} km from the nearest road, "
                f"at most {FARTHEST_KM:g} km are bridged"
            )
    if faults:
        raise UserError("; ".join(faults))
    return shortest_ways(season, network, (*places(), *points))


def joined(roads: Roads, point: Place) -> tuple[str, float]:
    """The number of the road that a point is joined to, and the length of the track [km]."""
    (joint,) = roads.network[point.id]
    others = (road for end, road in roads.network[joint].items() if end != point.id)
    return next(others)["roads"][0], roads.network.edges[point.id, joint]["km"]


def _join(network: nx.Graph, point: Place) -> float:
    """Split the nearest road where it comes nearest; returns the length of the track [km]."""
    here = np.array([point.lon, point.lat])
    degree_km = np.radians(EARTH_RADIUS_KM) * np.array([np.cos(np.radians(point.lat)), 1.0])
    edges = [
        edge
        for edge in network.edges(data=True)
        if len(edge[2]["shape"]) > 1 and edge[2]["surface"] != TRACK
    ]
    lines = [(road["shape"] - here) * degree_km for *_, road in edges]
    feet = [_foot(line) for line in lines]
    nearest = min(range(len(edges)), key=lambda k: feet[k][0])
    apart_km, share = feet[nearest]
    if apart_km > FARTHEST_KM:
        return apart_km
    tail, head, road = edges[nearest]
    tail, head = (tail, head) if road["tail"] == tail else (head, tail)
    joint = f"road at {point.id}"
    shapes = _cut(road["shape"], lines[nearest], share)
    before_km = round(road["km"] * share, 1)
    network.remove_edge(tail, head)
    parts = ((tail, joint, before_km), (joint, head, road["km"] - before_km))
    for (start, end, km), shape in zip(parts, shapes, strict=True):
        network.add_edge(start, end, **road | {"tail": start, "shape": shape, "km": km})
    straight = {"km": round(apart_km, 1), "roads": [TRACK], "surface": TRACK, "unpaved": 1.0}
    shape = np.stack([here, shapes[1][0]])
    network.add_edge(point.id, joint, tail=point.id, shape=shape, **straight)
    return apart_km


def _foot(line: Float64[np.ndarray, "K 2"]) -> tuple[float, float]:
    """How near a polyline comes to the origin, and at which share of its length."""
    start, step = line[:-1], np.diff(line, axis=0)
    length = np.linalg.norm(step, axis=1)
    along = np.clip(-(start * step).sum(axis=1) / np.maximum(length**2, 1e-12), 0.0, 1.0)
    apart = np.linalg.norm(start + along[:, None] * step, axis=1)
    k = int(np.argmin(apart))
    return float(apart[k]), float((length[:k].sum() + along[k] * length[k]) / length.sum())


def _cut(
    shape: Float64[np.ndarray, "K 2"], line: Float64[np.ndarray, "K 2"], share: float
) -> tuple[Float64[np.ndarray, "I 2"], Float64[np.ndarray, "J 2"]]:
    """The polyline before and after this share of its length."""
    length = np.append(0.0, np.linalg.norm(np.diff(line, axis=0), axis=1).cumsum())
    at = share * length[-1]
    middle = np.array([[np.interp(at, length, axis) for axis in shape.T]])
    before, after = shape[length < at], shape[length > at]
    return np.concatenate([before, middle]), np.concatenate([middle, after])
