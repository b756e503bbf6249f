"""A tour as a drive: days, nights in towns, own points, files for other programs, many files."""

import json
from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pytest

from hringur.cli import main
from hringur.commands.tour import export
from hringur.commands.tour import methods as tour_methods
from hringur.commands.tour.drive import clock, days, drive, milestones
from hringur.commands.tour.reading import from_places
from hringur.data.tours.driving import SPEED_KMH
from hringur.data.tours.iceland import places, resolve_place, roads

SQUARE = (
    "NAME: {}\nTYPE: TSP\nDIMENSION: 4\nEDGE_WEIGHT_TYPE: EUC_2D\n"
    "NODE_COORD_SECTION\n1 0 0\n2 10 10\n3 10 0\n4 0 10\nEOF\n"
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tour_methods, "ATTENTION_MODEL", tmp_path / "no-model")
    return tmp_path


def answer(capsys, *arguments):
    capsys.readouterr()
    assert main(["tour", *map(str, arguments), "--json"]) == 0
    seen = capsys.readouterr()
    return json.loads(seen.out), seen.err


def test_hours_and_kilometres_add_up(capsys):
    found, _ = answer(capsys, "lecture", "--speed", "f-road=20")
    usual, _ = answer(capsys, "lecture")
    assert found["hours"] == pytest.approx(sum(leg["hours"] for leg in found["legs"]))
    slower = usual["f_road_km"] / 20 - usual["f_road_km"] / SPEED_KMH["f-road"]
    assert found["hours"] - usual["hours"] == pytest.approx(slower, abs=0.01) and slower > 1
    assert usual["ferries"] == 0 and usual["gravel_km"] > 0
    assert main(["tour", "lecture", "--map", "map.svg"]) == 0
    shown = capsys.readouterr().out
    assert f"{usual['f_road_km']:,.1f} km on F-roads; no ferries" in shown
    assert f"About {clock(usual['hours'])} hours at the wheel" in shown
    assert main(["tour", "Cabin=65.1,-18.2", "Akureyri", "Húsavík", "--map", "map.svg"]) == 0
    shown = capsys.readouterr().out
    assert "F821" in shown and "0.0 km on F-roads" not in shown  # it shares a stretch with 821


@pytest.mark.parametrize("limit", [3.0, 5.0, 6.0])
def test_days_are_as_few_as_can_be(limit):
    """Oracle: every choice of nights in the towns passed."""
    problem = from_places(["Reykjavík", "Vík", "Höfn", "Askja", "Akureyri"], "summer")
    tour = np.arange(5)
    found = days(problem, tour, SPEED_KMH, limit)
    passed = milestones(problem.roads, problem.driven_legs(tour), SPEED_KMH)
    towns = [k for k, m in enumerate(passed) if m.place.kind == "town" and 0 < k < len(passed) - 1]
    ways = []
    for count in range(9):
        for nights in combinations(towns, count):
            ends = [passed[k].hours for k in (0, *nights, len(passed) - 1)]
            long = np.diff(ends)
            late = np.maximum(long - limit, 0).sum()
            ways.append((round(late, 6), count + 1, round((long**2).sum(), 6)))
        if len(towns) > 12 and count == 6:
            break
    hours = np.array([day.hours for day in found])
    late = round(np.maximum(hours - limit, 0).sum(), 6)
    assert (late, len(found), round((hours**2).sum(), 6)) == min(ways)
    assert [day.is_long for day in found] == [bool(h > limit) for h in hours]
    assert [day.end for day in found[:-1]] == [day.start for day in found[1:]]
    whole = drive(problem, tour, SPEED_KMH)
    assert sum(hours) == pytest.approx(whole.hours)
    kinds = {place.name: place.kind for place in places()}
    assert {kinds[day.end] for day in found} == {"town"}


def test_days_in_words(capsys):
    assert main(["tour", "towns", "--hours-per-day", "6", "--exact", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert sum(day["km"] for day in found["days"]) == pytest.approx(found["tour_km"], abs=0.01)
    assert sum(day["hours"] for day in found["days"]) == pytest.approx(found["hours"])
    main(["tour", "Reykjavík", "Askja", "--hours-per-day", "4"])
    assert "for want of a town in time: day" in capsys.readouterr().out


def test_names_that_are_surely_meant_are_taken_with_a_note(capsys):
    typed = ["egilstadir", "Akureiri", "rvk", "Blue Lagoon", "Húsavík", "Vopna"]
    found, notes = answer(capsys, *typed)
    names = {"Egilsstaðir", "Akureyri", "Reykjavík", "Bláa lónið", "Húsavík", "Vopnafjörður"}
    assert set(found["tour"]) == names
    assert [line.split("'")[1] for line in notes.splitlines()] == typed[:4]


def test_start_and_end_need_not_be_repeated(capsys):
    found, _ = answer(capsys, "Vík", "Akureyri", "--start", "Selfoss", "--end", "Ísafjörður")
    assert (found["tour"][0], found["tour"][-1]) == ("Selfoss", "Ísafjörður")
    assert found["round_trip"] is False and len(found["legs"]) == 3
    stops = [resolve_place(name) for name in ("Selfoss", "Vík", "Akureyri", "Ísafjörður")]
    table = roads("summer").road_km[np.ix_(stops, stops)]
    ways = ([0, 1, 2, 3], [0, 2, 1, 3])
    shortest = min(sum(table[a, b] for a, b in zip(w, w[1:], strict=False)) for w in ways)
    assert found["tour_km"] == pytest.approx(shortest) and found["gap"] == 0.0
    pair, _ = answer(capsys, "--start", "Selfoss", "--end", "Akureyri")
    assert pair["tour"] == ["Selfoss", "Akureyri"]


@pytest.mark.parametrize("agent", ["nearest-neighbour", "farthest-insertion+2opt", "christofides"])
def test_every_heuristic_ends_where_it_must(capsys, agent):
    chosen = ["Vík", "Akureyri", "Höfn", "Húsavík", "Selfoss", "Dalvík"]
    found, _ = answer(capsys, *chosen, "--end", "Keflavík", "--agent", agent)
    assert (found["tour"][0], found["tour"][-1]) == ("Vík í Mýrdal", "Keflavík")
    assert found["gap"] >= 0


def test_points_of_ones_own_are_joined_to_the_nearest_road(capsys):
    found, notes = answer(capsys, "Cabin=65.1,-18.2", "Akureyri", "64.15,-21.9", "--map", "m.pdf")
    assert set(found["tour"]) == {"Cabin", "Akureyri", "64.15,-21.9"}
    assert "Cabin is joined to road 821, 0.2 km away" in notes
    assert found["legs"][0]["roads"][0] == "track"


def test_files_for_other_programs(capsys, folder):
    options = ["--gpx", "t.gpx", "--geojson", "t.geojson", "--link"]
    found, _ = answer(capsys, *[place.name for place in places()[:12]], *options)
    root = ElementTree.parse("t.gpx").getroot()
    space = {"g": export.GPX}
    names = [name.text for name in root.findall("g:wpt/g:name", space)]
    assert names == [f"{k} {name}" for k, name in enumerate(found["tour"], start=1)]
    assert len(root.findall("g:trk/g:trkseg", space)) == 12
    features = json.loads((folder / "t.geojson").read_text())["features"]
    lines = [part for part in features if part["geometry"]["type"] == "LineString"]
    assert sum(line["properties"]["km"] for line in lines) == pytest.approx(found["tour_km"])
    assert len(features) == 24
    assert len(found["links"]) == 2  # thirteen stops: eleven, and three with the one in common
    first, second = found["links"]
    assert first.count("%7C") == 8 and second.count("%7C") == 0
    assert first.split("destination=")[1].split("&")[0] == second.split("origin=")[1].split("&")[0]


def test_many_files_give_one_table(capsys, folder):
    for name in ("one", "two"):
        (folder / f"{name}.tsp").write_text(SQUARE.format(name))
    assert main(["tour", "--tsplib", "one.tsp", "two.tsp"]) == 0
    shown = capsys.readouterr().out
    assert "one" in shown and "two" in shown and shown.count(" 40 ") == 2
    found, _ = answer(capsys, "--tsplib", "one.tsp", "two.tsp")
    assert [(row["name"], row["tour_km"]) for row in found] == [("one", 40.0), ("two", 40.0)]
    assert not (folder / "tour.png").exists()
