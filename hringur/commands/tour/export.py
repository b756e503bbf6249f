"""A tour for other programs: GPX, GeoJSON, and links that open it in a map service."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import numpy as np
from jaxtyping import Int

from hringur.commands.tour.problem import Problem
from hringur.data.files import json_text, write_whole
from hringur.data.tours.iceland import CREDIT

STOPS_OF_A_LINK = 11
"""Google Maps takes a start, an end and nine places between them in one address."""

GPX = "http://www.topografix.com/GPX/1/1"


def stops(problem: Problem, tour: Int[np.ndarray, " N"]) -> list[tuple[str, float, float]]:
    """Name, longitude and latitude of each stop in order; of a round trip, the first once more."""
    lonlat = problem.lonlat
    assert lonlat is not None
    order = [*tour.tolist(), *([int(tour[0])] if problem.round_trip else [])]
    return [(problem.names[place], *map(float, lonlat[place])) for place in order]


def write_gpx(path: Path, problem: Problem, tour: Int[np.ndarray, " N"]) -> None:
    """GPX 1.1: each stop a waypoint, and the way driven as one track, a segment for each leg."""
    root = ElementTree.Element("gpx", xmlns=GPX, version="1.1", creator="hringur")
    about = ElementTree.SubElement(root, "metadata")
    ElementTree.SubElement(about, "desc").text = CREDIT
    named = stops(problem, tour)
    for order, (name, lon, lat) in enumerate(named[: problem.n_places], start=1):
        point = ElementTree.SubElement(root, "wpt", lat=f"{lat:.5f}", lon=f"{lon:.5f}")
        ElementTree.SubElement(point, "name").text = f"{order} {name}"
    track = ElementTree.SubElement(root, "trk")
    ElementTree.SubElement(track, "name").text = f"{named[0][0]} to {named[-1][0]}"
    for way in problem.ways(tour):
        segment = ElementTree.SubElement(track, "trkseg")
        for lon, lat in way.tolist():
            ElementTree.SubElement(segment, "trkpt", lat=f"{lat:.5f}", lon=f"{lon:.5f}")
    ElementTree.indent(root)
    write_whole(path, ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def write_geojson(path: Path, problem: Problem, tour: Int[np.ndarray, " N"]) -> None:
    """RFC 7946: a point for each stop with its order, and a line for each leg."""
    named, distance = stops(problem, tour), problem.instance.distance[0]
    features = [
        _feature("Point", [lon, lat], {"name": name, "order": order})
        for order, (name, lon, lat) in enumerate(named[: problem.n_places], start=1)
    ]
    for leg, way in zip(problem.legs(tour), problem.ways(tour), strict=True):
        about: dict[str, Any] = {"from": problem.names[leg[0]], "to": problem.names[leg[1]]}
        about |= {problem.unit: float(distance[leg]), "roads": problem.roads_of(leg)}
        features.append(_feature("LineString", way.tolist(), about))
    document = {"type": "FeatureCollection", "features": features, "source": CREDIT}
    write_whole(path, json_text(document) + "\n")


def _feature(kind: str, coordinates: list[Any], properties: dict[str, Any]) -> dict[str, Any]:
    geometry = {"type": kind, "coordinates": coordinates}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def links(problem: Problem, tour: Int[np.ndarray, " N"]) -> list[str]:
    """Addresses of Google Maps that show the tour, each part beginning where the last one ended."""
    points = [f"{lat:.5f},{lon:.5f}" for _, lon, lat in stops(problem, tour)]
    step = STOPS_OF_A_LINK - 1
    parts = [points[k : k + STOPS_OF_A_LINK] for k in range(0, max(len(points) - 1, 1), step)]
    return [_link(part) for part in parts]


def _link(part: Sequence[str]) -> str:
    """By https://developers.google.com/maps/documentation/urls/get-started."""
    query = {"api": "1", "origin": part[0], "destination": part[-1], "travelmode": "driving"}
    if part[1:-1]:
        query["waypoints"] = "|".join(part[1:-1])
    return "https://www.google.com/maps/dir/?" + urlencode(query)
