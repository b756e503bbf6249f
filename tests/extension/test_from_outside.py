"""Another package's environment, learner, model and heuristic: one file and one line each.

``bags`` beside this file stands for it. It is copied to a folder of its own and given the entry
points that an installed package has; nothing of Hringur is changed. Every command runs in a child
of a process that found the package there when it started.
"""

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
ENTRY_POINTS = """
[hringur.environments]
bags = bags

[hringur.learners]
nearest = bags.nearest:NearestConfig
mute = bags.nearest:MuteConfig
lost = bags.nowhere:LostConfig

[hringur.models]
mean-image = bags.mean_image:MeanImageConfig

[hringur.heuristics]
in-order = bags.heuristics:in_order
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A folder with the package, as pip would have laid it out."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(Path(__file__).with_name("bags"), folder / "bags")
    about = folder / "bags-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: bags\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    return folder


class Ran(NamedTuple):
    """How a command ended, under the names of ``subprocess``."""

    returncode: int
    stdout: str
    stderr: str


@functools.cache
def server(site: Path | None) -> subprocess.Popen[str]:
    """A process in whose children commands run; with ``site``, where the package is installed."""
    paths = [str(ROOT), *([str(site)] if site else [])]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.extension.serve"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module", autouse=True)
def servers_end(site):
    yield
    for one in (site, None):
        with server(one) as started:  # closes its input, at whose end it ends
            assert started.stdin is not None
    server.cache_clear()


def hringur(site: Path | None, *arguments: str, cwd: Path | None = None) -> Ran:
    """Run a command; with ``site``, where the package is installed."""
    started = server(site)
    assert started.stdin is not None and started.stdout is not None
    print(json.dumps([arguments, str(cwd or site or ROOT)]), file=started.stdin, flush=True)
    return Ran(*json.loads(started.stdout.readline()))


def told(ran) -> dict:
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def refused(ran) -> str:
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr and "Warning" not in ran.stderr, ran.stderr
    last = ran.stderr.splitlines()[-1]
    assert last.startswith("hringur: "), ran.stderr
    return last


def test_an_environment_of_its_own(site, tmp_path):
    run = str(tmp_path / "run")
    tiny = ["--steps=2", "--n-envs=2", "--n-steps=8", "--width=8", "--device=cpu", "--json"]
    trained = told(hringur(site, "train", "reinforce", "--env=Bag-v0", *tiny, f"--folder={run}"))
    assert 0 < trained["metrics"]["evaluation/return_mean"] < 10
    shown = told(hringur(site, "evaluate", run, "--episodes=5", "--json"))
    rows = {row["name"]: row for row in shown["scores"]}
    assert shown["env"] == "Bag-v0" and rows["reinforce"]["gap"] is None
    assert rows.keys() == {"reinforce", "random actions"}
    compared = told(
        hringur(
            site,
            "compare",
            "--env=Bag-v0",
            "--agents",
            "reinforce",
            "a2c",
            "--seeds=1",
            "--budget=64steps",
            "--episodes=4",
            "--jobs=1",
            f"--folder={tmp_path / 'c'}",
            "--json",
        )
    )
    assert {row["agent"] for row in compared["agents"]} == {"reinforce", "a2c"}
    assert "draws no pictures" in refused(hringur(site, "evaluate", run, "--video=film.gif"))


def test_a_module_that_is_typed_is_imported_and_one_in_a_file_is_not(site, tmp_path):
    """The package lies in the present folder and is not installed."""
    for part in (site / "bags").iterdir():
        if part.is_file():
            (tmp_path / "bags").mkdir(exist_ok=True)
            shutil.copy(part, tmp_path / "bags" / part.name)
    tiny = ["--steps=1", "--n-envs=2", "--n-steps=8", "--width=8", "--device=cpu", "--json"]
    ran = hringur(
        None, "train", "reinforce", "--env=bags:Bag-v0", *tiny, "--folder=run", cwd=tmp_path
    )
    assert told(ran)["steps"] == 1
    said = refused(hringur(None, "evaluate", "run", "--episodes=2", "--json", cwd=tmp_path))
    assert "--import bags" in said and "bags:Bag-v0" in said
    allowed = ["evaluate", "run", "--episodes=2", "--json", "--import", "bags"]
    assert told(hringur(None, *allowed, cwd=tmp_path))["env"] == "bags:Bag-v0"
    resumed = ["train", "--resume", "run", "--steps=2", "--json"]
    assert "--import bags" in refused(hringur(None, *resumed, cwd=tmp_path))
    assert told(hringur(None, *resumed, "--import", "bags", cwd=tmp_path))["steps"] == 2
    assert "nonsense" in refused(
        hringur(None, "evaluate", "run", "--import=nonsense", cwd=tmp_path)
    )


def test_tours_of_its_own_are_measured_on_their_own_instances(site, tmp_path):
    """Not on points of the unit square, although the numbers of places are the same."""
    run = str(tmp_path / "run")
    tiny = ["--batch=4", "--width=16", "--layers=1", "--heads=2", "--steps=2", "--device=cpu"]
    arguments = ["--env=ClusterTSP-v0", *tiny, f"--folder={run}", "--json"]
    told(hringur(site, "train", "attention-model", *arguments))
    shown = told(hringur(site, "evaluate", run, "--count=6", "--json"))
    assert shown["held_out"] == "ClusterTSP-v0, 20 places" and shown["instances"] == 6
    assert all(row["mean_gap"] > 0 for row in shown["scores"])
    table = told(
        hringur(site, "compare", run, "--count=6", "--exact", "--heuristics=all", "--json")
    )
    gaps = {row["name"]: row["mean_gap"] for row in table["scores"]}
    assert abs(gaps["exact solver"]) < 1e-9 < gaps["nearest neighbour"]
    check = (
        "import bags, numpy as np\n"
        "from hringur.evaluators.choice import evaluator_for\n"
        "from bags.clusters import CENTRES\n"
        "held_out = evaluator_for('ClusterTSP-v0', {}, 8).held_out\n"
        "points = held_out.instances.coordinates\n"
        "away = np.abs(points[:, :, None] - CENTRES).max(axis=3).min(axis=2)\n"
        "assert away.max() <= 0.1 + 1e-9, away.max()\n"
        "from hringur.references.tours.heuristics import farthest_insertion, two_opt\n"
        "table = held_out.instances.distance\n"
        "tours = two_opt(table, farthest_insertion(table))\n"
        "ways = np.take_along_axis(table, tours[:, :, None], 1)\n"
        "ways = np.take_along_axis(ways, np.roll(tours, -1, 1)[:, :, None], 2).sum((1, 2))\n"
        "assert (ways >= held_out.optimal - 1e-9).all() and (ways < 1.1 * held_out.optimal).all()\n"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(site)])}
    subprocess.run([sys.executable, "-c", check], env=env, check=True, timeout=120)


def test_its_search_space_is_what_tune_seeks(site, tmp_path):
    arguments = ["--option", "places=6", "--budget=0.2s", "--trials=3", "--jobs=1", "--json"]
    folder = f"--folder={tmp_path / 'study'}"
    record = told(hringur(site, "tune", "nearest", *arguments, folder))
    given = [trial["params"] for trial in record["trials"]]
    assert record["ended"]["COMPLETE"] == 3 and given.count({}) == 1  # the defaults
    for proposed in filter(None, given):
        assert proposed.keys() == {"lr", "batch"}
        assert 0.05 <= proposed["lr"] <= 5 and proposed["batch"] in (8, 16)


def test_a_learner_of_its_own(site, tmp_path):
    run = str(tmp_path / "run")
    arguments = ["--places=6", "--steps=30", "--device=cpu", f"--folder={run}", "--json"]
    trained = told(hringur(site, "train", "nearest", *arguments))
    shown = told(hringur(site, "evaluate", run, "--count=20", "--json"))
    (row,) = shown["scores"]
    assert row["name"] == "nearest" and 0 <= row["mean_gap"] < 0.3
    assert trained["metrics"]["evaluation/gap_percent"] < 30
    again = ["train", "--resume", run, "--steps=31", "--json"]
    assert told(hringur(site, *again))["steps"] == 31
    compared = told(
        hringur(
            site,
            "compare",
            "--env=IcelandTSP-v0",
            "--option",
            "places=6",
            "--agents",
            "nearest",
            "--seeds=1",
            "--budget=1s",
            "--jobs=1",
            f"--folder={tmp_path / 'c'}",
            "--json",
        )
    )
    assert compared["agents"][0]["agent"] == "nearest"
    listed = told(hringur(site, "list", "learners", "heuristics", "models", "--json"))
    assert {"nearest"} <= {row["name"] for row in listed["learners"]}
    assert {"in-order"} <= {row["name"] for row in listed["heuristics"]}
    assert {"mean-image"} <= {row["name"] for row in listed["models"]}


def test_the_contract_tests_take_it_up(site):
    paths = os.pathsep.join([str(ROOT), str(site)])
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "tests/test_registry.py", "-k", "nearest"],
        env=os.environ | {"PYTHONPATH": paths},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stdout
    assert "4 passed" in ran.stdout


def test_what_is_missing_is_one_line(site, tmp_path):
    run = str(tmp_path / "mute")
    arguments = ["--places=6", "--steps=1", "--device=cpu", f"--folder={run}", "--json"]
    told(hringur(site, "train", "mute", *arguments))
    assert "no predict" in refused(hringur(site, "evaluate", run, "--count=4"))
    assert "bags.nowhere" in refused(hringur(site, "train", "lost", "--steps=1"))


def test_a_heuristic_of_its_own(site, tmp_path):
    arguments = ["compare", "--heuristics", "in-order", "christofides", "--count=5", "--json"]
    gaps = {row["name"]: row["mean_gap"] for row in told(hringur(site, *arguments))["scores"]}
    assert gaps["in order"] > gaps["Christofides"]
    tour = told(hringur(site, "tour", "lecture", "--agent=in-order", "--json", cwd=tmp_path))
    assert np.isfinite(tour["length"] if "length" in tour else tour["tour_km"])


def test_a_model_of_its_own(site, tmp_path):
    run = str(tmp_path / "run")
    arguments = ["--dataset=digits", "--steps=3", "--device=cpu", f"--folder={run}", "--json"]
    trained = told(hringur(site, "train", "mean-image", *arguments))
    assert trained["steps"] == 3
    shown = told(hringur(site, "evaluate", run, "--count=100", "--json"))
    assert "samples" in json.dumps(shown)
    compared = told(
        hringur(
            site,
            "compare",
            "--models",
            "mean-image",
            "--dataset=digits",
            "--seeds=1",
            "--budget=1000images",
            "--count=100",
            "--jobs=1",
            f"--folder={tmp_path / 'c'}",
            "--json",
        )
    )
    assert compared["models"][0]["model"] == "mean-image"
