"""``hringur tour``: what it prints, what its JSON holds, and what it refuses in one line."""

import json
import subprocess
import sys
from itertools import permutations

import numpy as np
import pytest
import torch

from hringur.agents.sb3.settings import MaskablePPOConfig
from hringur.agents.tours.agent import TourAgent
from hringur.agents.tours.attention_model import AttentionModelConfig
from hringur.cli import main
from hringur.commands.options import IcelandOptions
from hringur.commands.tour import methods as tour_methods
from hringur.commands.train.command import Train, start
from hringur.data.tours.iceland import LECTURE_SIX, place_numbers, places, resolve_place, roads
from hringur.data.tours.instances import fixed_places
from hringur.data.tours.own_instances import read_matrix_csv, read_places_csv
from hringur.data.tours.proven_tours import proven_tours
from hringur.envs.tours import drawing
from hringur.evaluators.environments import make_vector
from hringur.evaluators.tours import replay
from hringur.references.tours.exact import ExactTour
from hringur.training import checkpoint
from hringur.training.trainer import TrainerConfig

SMALL = {"width": 16, "layers": 1, "heads": 2, "decoder_heads": 2, "feed_forward": 16}
HEURISTIC = "farthest-insertion+2opt"
KEYS = {
    "tour", "tour_km", "optimal_km", "gap", "bound_km", "agent", "agent_km", "network_km",
    "unit", "round_trip", "season", "method", "highland_roads", "hours", "gravel_km", "f_road_km",
    "ferries", "source", "legs", "days", "links", "map",
}  # fmt: skip
FILES = {
    "huts.csv": "name,lat,lon\nNorth Hut,65.5,-18\nEast [b]Hut,65,-15\nSouth Hut,63.9,-19\n"
    "West Hut,64.8,-22\nMid Hut,64.9,-18.5\n",
    "abroad.csv": "name,lat,lon\nOslo,59.9,10.8\nRome,41.9,12.5\nParis,48.9,2.4\n",
    "one_way.csv": ",a,b,c,d\na,0,1,9,9\nb,9,0,1,9\nc,9,9,0,1\nd,2.5,9,9,0\n",
    "square.tsp": "NAME: square\nTYPE: TSP\nDIMENSION: 4\nEDGE_WEIGHT_TYPE: EUC_2D\n"
    "NODE_COORD_SECTION\n1 0 0\n2 10 10\n3 10 0\n4 0 10\nEOF\n",
    "no_lon.csv": "name,lat\nA,64\nB,65\n",
    "latin.csv": "name,lat,lon\nVík,64,-20\nB,65,-20\n".encode("latin-1"),
    "nan.csv": ",a,b\na,0,nan\nb,1,0\n",
    "negative.csv": ",a,b\na,0,-3\nb,1,0\n",
    "nan_place.csv": "name,lat,lon\nA,nan,-20\nB,65,-20\n",
    "twice.csv": "name,lat,lon\nA,64,-20\nA,65,-20\n",
    "single.csv": "name,lat,lon\nA,64,-20\n",
    "tour.hcp": "NAME: x\nTYPE: HCP\nDIMENSION: 4\nEOF\n",
    "three_d.tsp": "NAME: x\nTYPE: TSP\nDIMENSION: 2\nEDGE_WEIGHT_TYPE: EUC_3D\nEOF\n",
    "hostile.csv": "name,lat,lon\n$x_{$,64,-20\n\x1b[31mA\x07,65,-20\n\u202eB,65,-18\n",
    "huge.csv": "0,1e200,2\n1e200,0,3\n2,3,0\n",
    "tiny.csv": "0,1e-200,2e-200\n1e-200,0,3e-200\n2e-200,3e-200,0\n",
    "endless.csv": "0,1e308,2\n1e308,0,3\n2,3,0\n",
    "text.safetensors": "not a checkpoint",
    "a_file": "",
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working folder with one's own tables; no shipped model, whether or not there is one."""
    for name, content in FILES.items():
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(data)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tour_methods, "ATTENTION_MODEL", tmp_path / "no-model")
    return tmp_path


@pytest.fixture(scope="module")
def agent_file(tmp_path_factory):
    """A small untrained network: its tours are poor, and 2-opt has something to do."""
    path = tmp_path_factory.mktemp("agent") / "agent.safetensors"
    config = AttentionModelConfig(**SMALL)
    TourAgent(policy=config, env_options={"places": 5}, device="cpu").save(path)
    return path


def trained(name, config, n_places, path):
    """A run of one update."""
    trainer, environment = TrainerConfig(steps=1, device="cpu"), IcelandOptions(places=n_places)
    start(
        name,
        Train(environment=environment, folder=path, json=True, learner=config, trainer=trainer),
    )
    return path


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "run"
    return trained("attention-model", AttentionModelConfig(**SMALL), 5, path)


def answer(capsys, *arguments):
    """The JSON document of a tour."""
    capsys.readouterr()
    assert main(["tour", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def text(capsys, *arguments):
    """What a reader sees, without line breaks."""
    assert main(["tour", *map(str, arguments)]) == 0
    return " ".join(capsys.readouterr().out.split())


def check_document(found, names, round_trip=True):
    """The schema, and that everything in it adds up."""
    assert found.keys() == KEYS
    assert sorted(found["tour"]) == sorted(names)
    stops = found["tour"] + found["tour"][:1] * round_trip
    assert [(leg["from"], leg["to"]) for leg in found["legs"]] == list(
        zip(stops, stops[1:], strict=False)
    )
    assert sum(leg["km"] for leg in found["legs"]) == pytest.approx(found["tour_km"], rel=1e-9)
    if found["optimal_km"] is not None:
        assert found["gap"] == pytest.approx(found["tour_km"] / found["optimal_km"] - 1, abs=1e-12)
        assert found["gap"] >= 0 and found["bound_km"] == found["optimal_km"]


def test_the_six_of_the_lecture(capsys, folder):
    seen = text(capsys, *LECTURE_SIX)
    assert "1,599.0 km" in seen and all(name in seen for name in LECTURE_SIX)
    assert "208, F26, F910" in seen and "870, 85, 1" in seen  # the numbers of the roads
    assert "The map is in tour.png." in seen
    assert (folder / "tour.png").read_bytes().startswith(b"\x89PNG")


def test_highland_roads_are_a_warning(capsys, folder):
    seen = text(capsys, "Vík", "Akureyri", "--open-path")
    assert "Highland roads, open in summer only: F208, 208, F26" in seen and "four-wheel" in seen
    assert "by Vegagerðin's road lengths of 2025" in seen
    seen = text(capsys, "Vík", "Akureyri", "--open-path", "--no-f-roads")
    assert "Highland roads, open in summer only: 35." in seen and "four-wheel" not in seen
    winter = answer(capsys, "Vík", "Akureyri", "--season", "winter", "--no-f-roads")
    assert winter["highland_roads"] == [] and winter["season"] == "winter"


def test_the_document_of_the_six(capsys, folder):
    found = answer(capsys, "lecture", "--agent", "nearest-neighbour")
    check_document(found, LECTURE_SIX)
    assert found["optimal_km"] == 1599.0 and found["gap"] > 0.05
    assert (found["unit"], found["season"], found["map"]) == ("km", "summer", None)
    assert found["method"] == "nearest-neighbour" and found["network_km"] is None
    first, last = (resolve_place(found["legs"][0][end]) for end in ("from", "to"))
    assert found["legs"][0]["roads"] == roads("summer").route_numbers(first, last)
    assert found["legs"][0]["km"] == roads("summer").road_km[first, last]
    assert not (folder / "tour.png").exists()


def test_names_may_lack_accents_and_ends(capsys):
    found = answer(capsys, "Reykjavik", "AKUREYRI", "Vopna", "--agent", HEURISTIC)
    check_document(found, ["Reykjavík", "Akureyri", "Vopnafjörður"])


def test_a_shipped_optimum_is_not_solved_again(capsys, monkeypatch):
    monkeypatch.setattr(tour_methods, "optimal_tour", None)
    found = answer(capsys, "towns", "--exact", "--start", "Akureyri")
    assert (found["tour_km"], found["gap"]) == (3725.0, 0.0)
    assert found["tour"][0] == "Akureyri" and len(found["tour"]) == 67
    winter = answer(capsys, "ALL", "--season", "winter", "--exact")
    assert winter["tour_km"] == next(
        t.km for t in proven_tours() if (t.season, t.name) == ("winter", "places")
    )


def test_the_solver_agrees_with_the_environment(capsys):
    names = ["Akureyri", "Höfn", "Ísafjörður", "Vík", "Húsavík", "Selfoss", "Egilsstaðir"]
    found = answer(capsys, *names, "--exact", "--season", "winter")
    full = [places()[resolve_place(name)].name for name in names]
    check_document(found, full)
    env = make_vector("IcelandTSP-v0", 1, places=names, season="winter")
    instance = fixed_places([resolve_place(name) for name in names], "winter").instance
    tour = np.array([[full.index(name) for name in found["tour"]]])
    assert replay(env, instance, tour).length[0] == pytest.approx(found["tour_km"])
    table = instance.distance[0]
    brute = min(
        sum(table[a, b] for a, b in zip((0, *p), (*p, 0), strict=True))
        for p in permutations(range(1, 7))
    )
    assert found["tour_km"] == pytest.approx(brute)


@pytest.mark.parametrize("agent", [HEURISTIC, "christofides", "nearest-neighbour"])
def test_two_and_three_places(capsys, agent):
    pair = answer(capsys, "Reykjavík", "Akureyri", "--agent", agent)
    check_document(pair, ["Reykjavík", "Akureyri"])
    assert (pair["tour_km"], pair["gap"]) == (778.0, 0.0)
    one_way = answer(capsys, "Reykjavík", "Akureyri", "--agent", agent, "--open-path")
    assert one_way["tour_km"] == 389.0 and len(one_way["legs"]) == 1
    three = answer(capsys, "Reykjavík", "Akureyri", "Höfn", "--agent", agent)
    assert three["gap"] == 0.0


@pytest.mark.parametrize("agent", ["nearest-neighbour", "farthest-insertion", HEURISTIC])
def test_an_open_path_begins_where_it_must(capsys, agent):
    chosen = ["Selfoss", "Akureyri", "Vík", "Ísafjörður", "Hella", "Húsavík"]
    found = answer(capsys, *chosen, "--agent", agent, "--open-path", "--start", "vik")
    check_document(found, [places()[resolve_place(n)].name for n in chosen], round_trip=False)
    assert found["tour"][0] == "Vík í Mýrdal" and found["round_trip"] is False
    numbers = [resolve_place(name) for name in chosen]
    table = roads("summer").road_km[np.ix_(numbers, numbers)]
    ways = (
        sum(table[a, b] for a, b in zip((2, *p), p, strict=False))
        for p in permutations([0, 1, 3, 4, 5])
    )
    assert found["optimal_km"] == pytest.approx(min(ways))


def test_an_open_path_leaves_out_the_longer_way_home(capsys):
    sides = set()
    for first_place in ("Höfn", "Vík", "Húsavík", "Selfoss"):
        chosen = ["Akureyri", "Höfn", "Vík", "Húsavík", "Selfoss", "Borgarnes"]
        options = [*chosen, "--agent", "farthest-insertion", "--start", first_place]
        closed, path = answer(capsys, *options), answer(capsys, *options, "--open-path")
        first, last = closed["legs"][0]["km"], closed["legs"][-1]["km"]
        assert path["tour_km"] == pytest.approx(closed["tour_km"] - max(first, last))
        sides.add(first > last)
    assert sides == {True, False}  # both directions were needed


def test_two_opt_works_on_the_path_and_not_on_the_round_trip(capsys):
    chosen = [place.name for place in places()[:25]]
    found = answer(capsys, *chosen, "--agent", HEURISTIC, "--open-path", "--start", "Gullfoss")
    table = roads("summer").road_km
    stops = [resolve_place(name) for name in found["tour"]]
    for first in range(1, len(stops)):
        for last in range(first + 1, len(stops) + 1):
            turned = [*stops[:first], *stops[first:last][::-1], *stops[last:]]
            km = sum(table[a, b] for a, b in zip(turned, turned[1:], strict=False))
            assert km >= found["tour_km"] - 1e-6


def test_no_proof_is_said_so(capsys, monkeypatch):
    def in_a_hurry(distance, round_trip, start, seconds, end, known):
        assert seconds == 0.5 and sorted(known) == [0, 1, 2, 3]
        return ExactTour(np.arange(4), 1000.0, False, 800.0, 0.5)

    monkeypatch.setattr(tour_methods, "optimal_tour", in_a_hurry)
    chosen = ["Reykjavík", "Akureyri", "Höfn", "Selfoss", "--agent", HEURISTIC, "--seconds", 0.5]
    found = answer(capsys, *chosen)
    assert found["optimal_km"] is None and found["gap"] is None and found["bound_km"] == 800.0
    assert answer(capsys, *chosen[:4], *chosen[-2:])["tour_km"] <= found["tour_km"]
    over = 100 * (found["tour_km"] / 800 - 1)
    seen = text(capsys, *chosen)
    assert "not proven" in seen and f"at most {over:.2f} %" in seen and "800.0 km" in seen


def test_a_network_and_what_two_opt_adds(capsys, agent_file):
    found = answer(capsys, "lecture", "--agent", agent_file, "--device", "cpu")
    check_document(found, LECTURE_SIX)
    assert found["network_km"] >= found["tour_km"] >= 1599.0
    assert "greedy from all starts + 2-opt" in found["method"]
    open_path = answer(capsys, "lecture", "--agent", agent_file, "--open-path", "--start", "Akur")
    check_document(open_path, LECTURE_SIX, round_trip=False)
    assert open_path["tour"][0] == "Akureyri" and "128 samples" in open_path["method"]
    seen = text(capsys, *[p.name for p in places()[:30]], "--agent", agent_file)
    assert "The network alone: " in seen and "2-opt makes it" in seen


def test_a_network_also_decides_on_turned_maps_of_more_than_twenty_places(capsys, agent_file):
    names = [place.name for place in places()[:21]]
    for count, turned in ((20, False), (21, True)):
        found = answer(capsys, *names[:count], "--agent", agent_file, "--seconds", 0.1)
        assert ("8 symmetries" in found["method"]) == turned


def test_the_shipped_model_is_the_default(capsys, monkeypatch, agent_file):
    assert answer(capsys, "lecture")["agent"] == HEURISTIC
    monkeypatch.setattr(tour_methods, "ATTENTION_MODEL", agent_file)
    assert answer(capsys, "lecture")["agent"].startswith("attention-model, ")
    named = answer(capsys, "lecture", "--agent", "attention-model")
    assert named["network_km"] is not None and named["method"] == named["agent"]
    assert named["tour"] == answer(capsys, "lecture", "--agent", agent_file)["tour"]
    assert answer(capsys, "--matrix", "one_way.csv")["agent"] == "farthest-insertion"


def test_the_shortest_tour_is_shown_and_the_agents_beside_it(capsys, monkeypatch):
    monkeypatch.setattr(
        tour_methods, "plan_by_default", lambda problem, device, seed: poor_plan(problem)
    )
    found = answer(capsys, "lecture")
    assert found["tour_km"] == found["optimal_km"] == 1599.0 and found["method"] == "exact solver"
    assert found["agent"] == "in order" and found["agent_km"] > 1599.0
    over = 100 * (found["agent_km"] / 1599.0 - 1)
    assert f"(in order): {found['agent_km']:,.1f} km, {over:.2f} % longer." in text(
        capsys, "lecture"
    )
    monkeypatch.setattr(  # the exact solver had no time, and the agent's is shorter
        tour_methods,
        "shortest",
        lambda p, s, _: ExactTour(np.array([0, 2, 1, 3]), 9e9, False, 1.0, s),
    )
    four = answer(capsys, "Reykjavík", "Selfoss", "Vík", "Höfn")
    assert four["method"] == "in order" and four["tour"][1] == "Selfoss"


def poor_plan(problem):
    return tour_methods.Plan(tour=np.arange(problem.n_places), method="in order")


def test_a_run_plans_too(capsys, run_folder):
    found = answer(capsys, "lecture", "--agent", run_folder)
    check_document(found, LECTURE_SIX)
    pair = answer(capsys, "Reykjavík", "Akureyri", "--agent", run_folder)
    assert pair["tour_km"] == pair["network_km"] == 778.0


def test_a_run_of_sb3_takes_its_own_number_of_places(capsys, tmp_path):
    pytest.importorskip("sb3_contrib")
    config = MaskablePPOConfig(n_envs=2, tours_per_update=2)
    run = trained("maskable-ppo", config, 4, tmp_path / "ppo")
    chosen = ["Reykjavík", "Akureyri", "Selfoss", "Höfn í Hornafirði"]
    found = answer(capsys, *chosen, "--agent", run, "--start", "Selfoss")
    check_document(found, chosen)
    assert found["tour"][0] == "Selfoss" and "greedy" in found["method"]
    own = answer(capsys, "--tsplib", "square.tsp", "--agent", run)
    assert sorted(own["tour"]) == ["1", "2", "3", "4"]
    check_refused(capsys, tmp_path, ["lecture", "--agent", run], ["4 places", "got 6"])


def test_places_of_a_file(capsys, folder):
    found = answer(capsys, "--csv", "huts.csv", "--start", "mid")
    own = read_places_csv("huts.csv")
    check_document(found, own.names)
    assert found["tour"][0] == "Mid Hut" and found["unit"] == "km" and found["season"] is None
    assert all(leg["roads"] == [] for leg in found["legs"])
    seen = text(capsys, "--csv", "huts.csv", "--map", "huts.png")
    assert "East [b]Hut" in seen and "roads" not in seen  # no markup, no column
    assert (folder / "huts.png").exists() and not (folder / "tour.png").exists()


@pytest.mark.parametrize("name, season", [("huts.csv", "summer"), ("abroad.csv", None)])
def test_a_file_is_drawn_on_the_map_where_it_lies_on_it(capsys, monkeypatch, name, season):
    pictures, draw = [], drawing.tour_figure
    monkeypatch.setattr(drawing, "tour_figure", lambda p: pictures.append(p) or draw(p))
    text(capsys, "--csv", name)
    assert pictures[0].season == season and not pictures[0].by_road
    assert ((pictures[0].coordinates >= 0) & (pictures[0].coordinates <= 1)).all()


def test_distances_that_differ_by_direction(capsys):
    exact = answer(capsys, "--matrix", "one_way.csv", "--exact")
    assert exact["tour"] == ["a", "b", "c", "d"] and exact["tour_km"] == 5.5
    assert exact["unit"] == "units"
    table = read_matrix_csv("one_way.csv").instance.distance[0]
    heuristic = answer(capsys, "--matrix", "one_way.csv", "--open-path", "--start", "b")
    check_document(heuristic, "abcd", round_trip=False)
    leg = heuristic["legs"][0]
    assert leg["km"] == table["abcd".index(leg["from"]), "abcd".index(leg["to"])]


def test_tsplib(capsys):
    found = answer(capsys, "--tsplib", "square.tsp", "--exact")
    assert found["tour_km"] == 40.0
    assert "40 units" in text(capsys, "--tsplib", "square.tsp")


def test_names_of_a_file_are_text_in_the_terminal_and_on_the_map(capsys, folder):
    shown = text(capsys, "--csv", "hostile.csv", "--agent", HEURISTIC)
    assert "$x_{$" in shown and r"\x1b[31mA\x07" in shown and r"\u202eB" in shown
    assert shown.isprintable() and (folder / "tour.png").is_file()


@pytest.mark.parametrize("name, total", [("huge.csv", "1e+200"), ("tiny.csv", "6e-200")])
def test_a_length_of_any_size_is_a_short_number(capsys, name, total):
    shown = text(capsys, "--matrix", name, "--agent", "farthest-insertion")
    assert f"total {total} " in shown and max(map(len, shown.split())) < 30


@pytest.mark.parametrize("far", [1e9, 1e30])
def test_a_forbidden_leg_is_planned_without_the_network_if_need_be(
    capsys, monkeypatch, agent_file, folder, far
):
    """Oracle: brute force over all tours of six places in a circle, one leg of which is barred."""
    monkeypatch.setattr(tour_methods, "ATTENTION_MODEL", agent_file)
    distance = np.minimum(abs(np.subtract.outer(range(6), range(6))), 3.0)
    distance[0, 5] = distance[5, 0] = far
    rows = (",".join(map(repr, row)) for row in distance.tolist())
    (folder / "barred.csv").write_text("\n".join(rows))
    found = answer(capsys, "--matrix", "barred.csv", "--seconds", "5")
    tours = np.array([[0, *rest] for rest in permutations(range(1, 6))])
    shortest = distance[tours, np.roll(tours, -1, axis=1)].sum(axis=1).min()
    assert found["tour_km"] >= shortest and found["tour_km"] < far
    assert found["optimal_km"] in (None, shortest)


def test_a_map_is_written_over(capsys, folder):
    (folder / "old.png").write_text("old")
    found = answer(capsys, "Reykjavík", "Akureyri", "--map", "old.png", "--agent", HEURISTIC)
    assert found["map"] == "old.png"
    assert (folder / "old.png").read_bytes().startswith(b"\x89PNG")


def snapshot(folder):
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def check_refused(capsys, folder, arguments, words):
    """One line that holds ``words``, exit code 2, and nothing written."""
    before = snapshot(folder)
    capsys.readouterr()
    assert main(["tour", *map(str, arguments)]) == 2
    seen = capsys.readouterr()
    assert seen.out == "" and seen.err.startswith("hringur: ") and seen.err.count("\n") == 1
    assert all(word in seen.err for word in words), seen.err
    assert snapshot(folder) == before


@pytest.mark.parametrize(
    "arguments, words",
    [
        (
            ["Reykjavik", "Akur", "Hxyzzy", "nowhere", "Askja", "1,2", "--season", "winter"],
            ["unknown place 'Hxyzzy'", "unknown place 'nowhere'", "winter roads: Askja", "1,2 is"],
        ),
        (["Reykjavik", "Akureyrx", "akureiri"], ["Akureyri is named twice"]),
        (["Reykjavik", "Reyk"], ["'Reyk' is ambiguous", "Reykholt"]),
        (["Reykjavik"], ["at least 2 places, got 1"]),
        ([], ["at least two", "lecture, towns, all", "--csv"]),
        (["lecture", "Akureyri"], ["lecture", "alone"]),
        (["Reykjavik", "Akureyri", "REYKJAVÍK"], ["Reykjavík is named twice"]),
        (["lecture", "--season", "winter"], ["winter", "Melrakkaslétta", "Landmannalaugar"]),
        (["Akureyri", "Askja", "--season", "winter"], ["out of reach", "Askja"]),
        (["lecture", "--season", "autumn"], ["'autumn'", "summer", "winter"]),
        (["Akureyri", "--start", "Vopna", "--end", "vopna"], ["begins and ends at Vopna"]),
        (["--csv", "huts.csv", "--end", "north"], ["begins and ends at North Hut"]),
        (["lecture", "--hours-per-day", "0.5"], ["--hours-per-day", "1..24", "0.5"]),
        (["--csv", "huts.csv", "--hours-per-day", "6"], ["--hours-per-day", "--csv"]),
        (["lecture", "--speed", "paved=0"], ["CLASS=KMH", "f-road", "'paved=0'"]),
        (["lecture", "--speed", "ferry=20"], ["CLASS=KMH", "'ferry=20'"]),
        (["lecture", "--gpx", "gone/tour.gpx"], ["no folder gone"]),
        (["--matrix", "one_way.csv", "--link"], ["--link", "on the globe", "one_way.csv"]),
        (["--tsplib", "tour.hcp", "three_d.tsp"], ["'HCP'", "'EUC_3D'"]),
        (["--tsplib", "square.tsp", "square.tsp", "--gpx", "a"], ["--gpx shows one tour"]),
        (["lecture", "--start", "Nowhere"], ["unknown place 'Nowhere'"]),
        (["lecture", "--agent", "magic"], ["unknown agent 'magic'", "christofides"]),
        (
            ["lecture", "--agent", "attention-model"],
            ["'attention-model'", "without"],
        ),
        (["lecture", "--agent", "gone.safetensors"], ["gone.safetensors", "no such"]),
        (["lecture", "--agent", "text.safetensors"], ["text.safetensors", "no checkpoint"]),
        (["lecture", "--agent", "."], ["no run folder"]),
        (["lecture", "--agent", "x" * 300], ["--agent", "302 characters"]),
        (["lecture", "--agent", HEURISTIC, "--exact"], ["--exact and --agent"]),
        (["lecture", "--map", "gone/map.png"], ["gone/map.png", "no folder gone"]),
        (["lecture", "--map", "a_file/map.png"], ["a_file/map.png", "no folder a_file"]),
        (["lecture", "--map", "map.jpg"], [".png", ".pdf", "map.jpg"]),
        (["lecture", "--seconds", "nan"], ["--seconds", "nan"]),
        (["lecture", "--seed", "-1"], ["--seed", "-1"]),
        (["lecture", "--colour", "red"], ["--colour"]),
        (["--csv", "huts.csv", "--matrix", "one_way.csv"], ["--csv and --matrix exclude"]),
        (["--csv", "huts.csv", "--tsplib", "square.tsp"], ["--csv and --tsplib exclude"]),
        (["Akureyri", "--csv", "huts.csv"], ["places and --csv exclude"]),
        (["--csv", "huts.csv", "--season", "winter"], ["--season", "--csv"]),
        (["--csv", "huts.csv", "--start", "Hut"], ["none of the 5 places", "'Hut'"]),
        (["--csv", "gone.csv"], ["cannot read gone.csv"]),
        (["--csv", "no_lon.csv"], ["no_lon.csv", "'lon' is missing"]),
        (["--csv", "latin.csv"], ["latin.csv, line 2", "UTF-8"]),
        (["--csv", "nan_place.csv"], ["nan_place.csv, line 2", "nan"]),
        (["--csv", "twice.csv"], ["'A' is named twice"]),
        (["--csv", "single.csv"], ["at least 2 places, got 1"]),
        (["--matrix", "nan.csv"], ["nan.csv, line 2, column 3", "finite"]),
        (["--matrix", "negative.csv"], ["negative.csv, line 2, column 3", ">= 0", "-3"]),
        (["--matrix", "endless.csv"], ["endless.csv: distances are too large to be added up"]),
        (["--tsplib", "tour.hcp"], ["TSP, ATSP", "'HCP'"]),
        (["--tsplib", "three_d.tsp"], ["EDGE_WEIGHT_TYPE", "'EUC_3D'"]),
        (["--matrix", "one_way.csv", "--agent", HEURISTIC], [HEURISTIC, "differ by direction"]),
        (["--matrix", "one_way.csv", "--agent", "christofides"], ["'christofides'"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_is_refused_in_one_line(capsys, folder, arguments, words):
    check_refused(capsys, folder, arguments, words)


def test_an_agent_refuses_distances_that_differ_by_direction(capsys, folder, agent_file):
    arguments = ["--matrix", "one_way.csv", "--agent", agent_file]
    check_refused(capsys, folder, arguments, [str(agent_file), "both directions", "--exact"])


def test_damaged_and_foreign_agents(capsys, folder, agent_file, run_folder):
    whole = agent_file.read_bytes()
    (folder / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    checkpoint.save(folder / "foreign.safetensors", {"weights": {"w": torch.ones(2)}})
    run = folder / "run"
    (run / "checkpoints").mkdir(parents=True)
    config = (run_folder / "config.json").read_text()
    (run / "config.json").write_text(config)
    for arguments, words in (
        (["lecture", "--agent", "cut.safetensors"], ["cut.safetensors", "cut off"]),
        (["lecture", "--agent", "foreign.safetensors"], ["foreign.safetensors", "neither a saved"]),
        (["lecture", "--agent", "run"], ["run has no checkpoint"]),
    ):
        check_refused(capsys, folder, arguments, words)
    (saved,) = (run_folder / "checkpoints").iterdir()
    (run / "checkpoints" / saved.name).write_bytes(saved.read_bytes()[:-9])
    check_refused(capsys, folder, ["lecture", "--agent", "run"], [saved.name, "cut off"])
    (run / "checkpoints" / saved.name).write_bytes(saved.read_bytes())
    (run / "config.json").write_text(config.replace('"width": 16', '"width": 32'))
    check_refused(capsys, folder, ["lecture", "--agent", "run"], ["another architecture"])
    (run / "config.json").write_text('{"learner": "attention-model"}')
    check_refused(capsys, folder, ["lecture", "--agent", "run"], ["config.json", "missing"])
    (run / "config.json").write_text("{")
    check_refused(capsys, folder, ["lecture", "--agent", "run"], ["config.json"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("agent", [[], ["--exact"]])
def test_a_gpu_that_is_not_there(capsys, folder, agent):
    check_refused(capsys, folder, ["lecture", "--device", "cuda", *agent], ["cuda", "offers 0"])


def test_a_map_that_is_a_folder(capsys, folder):
    (folder / "tour.png").mkdir()
    check_refused(capsys, folder, ["lecture"], ["cannot write tour.png: it is a folder"])


def test_a_folder_without_write_permission(capsys, folder, monkeypatch):
    locked = folder / "locked"
    locked.mkdir()

    def refused(dir):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refused)  # root may write anywhere
    check_refused(capsys, folder, ["lecture", "--map", "locked/map.png"], ["locked", "denied"])


@pytest.mark.parametrize(
    "arguments, kept_out",
    [
        (["--help"], ["torch", "networkx", "ortools", "matplotlib"]),
        (["lecture", "--agent", HEURISTIC], ["torch"]),
        (["towns", "--exact", "--json"], ["torch", "matplotlib"]),
    ],
)
def test_nothing_heavy_is_imported_without_need(arguments, kept_out):
    program = (
        "import sys; from hringur.cli import main; code = main(sys.argv[1:]); "
        f"print(code, [m for m in {kept_out!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "tour", *arguments], capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "0 []", done.stderr


def test_every_place_can_be_typed_by_its_id():
    assert all(resolve_place(place_id) == n for place_id, n in place_numbers().items())
