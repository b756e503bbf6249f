"""The page as files: what is in ``static``, with data and weights of the package beside it.

Nothing is shipped twice: map and roads are written from the package's tables when the page is
made, and weights are the package's own safetensors files, which the page reads as they are.
"""

import json
from importlib import resources
from typing import Any

import numpy as np

from hringur.data.images.faces import draw_faces
from hringur.data.images.images import mnist_test
from hringur.data.tours.driving import SPEED_KMH, hours, km_by_class
from hringur.data.tours.iceland import (
    CREDIT,
    Place,
    coast,
    coordinates,
    glaciers,
    places,
    project,
    projection,
    road_network,
)
from hringur.data.trading.processes import OrnsteinUhlenbeck
from hringur.envs.trading.problem import costs
from hringur.references.trading.optimum import optimal_policy
from hringur.weights.shipped import ATTENTION_MODEL, DIGITS, FACES

FEE = 0.001
"""Of a trade, a fraction of the price: that of ``StockTrading-v0``."""


FACES_SEED = 7


def site() -> dict[str, bytes]:
    """Every file of the page by its name; ``index.html`` opens it."""
    static = resources.files("hringur.play") / "static"
    files = {entry.name: entry.read_bytes() for entry in static.iterdir() if entry.is_file()}
    files["iceland.json"] = _compact(iceland())
    files["trading.json"] = _compact(trading())
    files["samples.json"] = _compact(samples())
    files |= {path.name: path.read_bytes() for path in (ATTENTION_MODEL, DIGITS, FACES)}
    return files


def iceland() -> dict[str, Any]:
    """Places, roads with the seasons in which they are open, and outlines to draw.

    Lengths of roads are whole numbers of 0.1 km. ``x`` and ``y`` are the ``coordinates()`` that
    the network sees; outlines and shapes are flat lists x, y, x, y ... in the same square.
    """
    summer, winter, easy = (
        road_network(season) for season in ("summer", "winter", "summer-no-f-roads")
    )
    roads = [
        {
            "ends": [road["tail"], two if one == road["tail"] else one],
            "length": round(10 * road["km"]),
            "numbers": road["roads"],
            "minutes": round(60 * hours(km_by_class(road), SPEED_KMH), 3),
            "winter": winter.has_edge(one, two),
            "easy": easy.has_edge(one, two),
            "shape": _flat(road["shape"]),
        }
        for one, two, road in summer.edges(data=True)
    ]
    square = projection()
    return {
        "projection": {"east": square.east, "middle": square.middle, "side": square.side},
        "places": [_place(*one) for one in zip(places(), coordinates().tolist(), strict=True)],
        "roads": roads,
        "land": [_flat(ring) for ring in coast()],
        "ice": [_flat(ring) for ring in glaciers()],
        "credit": CREDIT,
    }


def trading(days: int = 60) -> dict[str, float]:
    """The price process, what a trade costs [log wealth], and its best policy.

    ``buys_below`` and ``sells_above`` are in deviations of the log price from its mean;
    ``expected`` is the log wealth that the best policy makes in ``days``, on average.
    """
    process, (buy_cost, sell_cost) = OrnsteinUhlenbeck(), costs(FEE, 0.0, 0.0)
    policy = optimal_policy(process, buy_cost, sell_cost)
    buys_below, sells_above = policy.thresholds()
    return {
        "reversion": process.reversion,
        "sigma": process.sigma,
        "overnight": process.overnight,
        "buy_cost": buy_cost,
        "sell_cost": sell_cost,
        "buys_below": buys_below,
        "sells_above": sells_above,
        "expected": policy.expected_return(days),
    }


def samples(faces: int = 8) -> dict[str, list[list[int]]]:
    """Images that no shipped model was trained on, flat: a digit of each kind, and drawn faces."""
    images, labels = mnist_test()
    first = [images[np.flatnonzero(labels == digit)[0]] for digit in range(10)]
    drawn = draw_faces(faces, FACES_SEED, held_out=True).images(32)
    return {"digits": [_listed(one) for one in first], "faces": [_listed(one) for one in drawn]}


def _listed(image: np.ndarray) -> list[int]:
    return image.ravel().tolist()


def _place(place: Place, position: list[float]) -> dict[str, Any]:
    x, y = position
    return {
        "id": place.id,
        "name": place.name,
        "kind": place.kind,
        "lat": place.lat,
        "lon": place.lon,
        "x": x,
        "y": y,
    }


def _flat(lonlat: np.ndarray) -> list[float]:
    return project(lonlat).round(5).ravel().tolist()


def _compact(record: Any) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
