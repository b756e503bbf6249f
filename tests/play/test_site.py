"""The page's files: all there, small, and asking for nothing from elsewhere."""

import gzip
import json
import re

import pytest

from hringur.data.tours.iceland import CREDIT, ROADS_OF, coordinates, places, road_network
from hringur.play.site import iceland, site


@pytest.fixture(scope="module")
def files():
    return site()


def test_the_page_is_small(files):
    sizes = {name: len(gzip.compress(content, 6)) for name, content in files.items()}
    assert sum(sizes.values()) < 5_000_000, sizes


def test_every_file_that_is_named_is_there(files):
    for name, content in files.items():
        if name.endswith((".html", ".js", ".css")):
            text = content.decode()
            named = re.findall(
                r'(?:from |import |URL\(|src=|href=|\bload\(|fetch\()"([^"#]+)', text
            )
            assert {one.removeprefix("./") for one in named} <= set(files), name


def test_nothing_is_loaded_from_elsewhere(files):
    names = {"http://www.w3.org/2000/svg", "http://www.topografix.com/GPX/1/1"}  # of XML
    for name, content in files.items():
        if not name.endswith(".safetensors"):
            assert set(re.findall(rb"https?://[\w./-]+", content)) <= {n.encode() for n in names}


def test_every_tab_has_its_panel_and_its_module(files):
    page = files["index.html"].decode()
    tabs = re.findall(r'role="tab" id="tab-(\w+)" aria-controls="(\w+)"', page)
    assert tabs
    for tab, panel in tabs:
        assert tab == panel and f'id="{panel}" aria-labelledby="tab-{tab}"' in page
        assert f"{panel}.js" in files


def test_the_map_has_the_packages_places_and_roads():
    data = json.loads(json.dumps(iceland()))
    assert [one["id"] for one in data["places"]] == [place.id for place in places()]
    assert [[one["x"], one["y"]] for one in data["places"]] == coordinates().tolist()
    assert data["credit"] == CREDIT
    kinds = {"summer": lambda road: True, "winter": lambda road: road["winter"]}
    kinds["summer-no-f-roads"] = lambda road: road["easy"]
    assert kinds.keys() == ROADS_OF.keys()
    for season, is_open in kinds.items():
        found = {(*road["ends"], road["length"]) for road in data["roads"] if is_open(road)}
        network = road_network(season)
        tails = {(a, b, d["tail"], round(10 * d["km"])) for a, b, d in network.edges(data=True)}
        assert found == {(t, b if t == a else a, km) for a, b, t, km in tails}
