"""Comparisons of agents: continued after a stop, never undone by one failure, refused in a line."""

import json
import math
import os
import shutil
import signal
import sys
import threading
import time
from functools import partial

import numpy as np
import pytest

from hringur.cli import main
from hringur.commands.compare import cells
from hringur.commands.compare.agents import AgentTask, CompareAgents
from hringur.commands.compare.cells import guarded, run_cells
from hringur.commands.console import check_names
from hringur.training.config import TrainerConfig
from hringur.training.run_folder import RunFolder
from hringur.training.trainer import Interruption
from hringur.types import UserError

ARGUMENTS = ["compare", "--env", "CartPole-v1", "--episodes", "4", "--jobs", "1"]


def compare(folder, agents="a2c", seeds="2", budget="0.2s", *more) -> int:
    arguments = [*ARGUMENTS, "--agents", *agents.split(), "--seeds", seeds, "--budget", budget]
    return main([*arguments, "--folder", str(folder), *more])


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A comparison of two seeds that is finished."""
    folder = tmp_path_factory.mktemp("compare") / "done"
    assert compare(folder) == 0
    return folder


def test_every_figure_has_its_seeds_and_its_command(done, capsys):
    assert compare(done, "a2c", "2", "0.2s", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    (agent,) = found["agents"]
    assert agent["agent"] == "a2c" and agent["seeds"] == [0, 1] and not found["failed"]
    assert agent["commands"][1] == (
        "hringur train a2c --env CartPole-v1 --seconds 0.2 --device cpu --threads 1 --seed 1"
    )
    returns = [AgentTask.read(done / "cells" / f"a2c-{seed}.json").score for seed in (0, 1)]
    assert agent["returns"] == returns
    assert agent["gap"] == pytest.approx(np.mean([(500 - one) / 500 for one in returns]))
    assert (done / "comparison.png").read_bytes().startswith(b"\x89PNG")
    assert "hringur compare" in (done / "results.md").read_text()


def test_finished_cells_are_not_run_again_and_seeds_may_be_added(done, monkeypatch, capsys):
    ran = []
    run = cells.run
    monkeypatch.setattr(
        cells,
        "run",
        lambda settings, *a, **k: ran.append(settings.seed) or run(settings, *a, **k),
    )
    assert compare(done) == 0 and ran == []
    assert compare(done, "a2c", "3") == 0 and ran == [2]
    assert "seeds 0-2" in " ".join(capsys.readouterr().out.split())


def test_a_run_that_was_stopped_goes_on_where_it_was(done, tmp_path):
    """Without its cell file, a finished run is only measured again: the same figures."""
    file = done / "cells" / "a2c-0.json"
    before, steps = AgentTask.read(file), RunFolder.open(done / "a2c-0").read_history()[-1]["step"]
    file.unlink()
    assert compare(done, "a2c", "1") == 0
    np.testing.assert_array_equal(AgentTask.read(file).played.returns, before.played.returns)
    assert RunFolder.open(done / "a2c-0").read_history()[-1]["step"] == steps


def test_a_half_done_run_goes_on_from_its_checkpoint(tmp_path):
    """As left by a kill: a budget that is not used up, a checkpoint, and no cell file."""
    folder = tmp_path / "half"
    assert compare(folder, "a2c", "1", "1000steps") == 0
    shutil.rmtree(folder / "cells")
    for file in (folder / "comparison.json", folder / "a2c-0" / "config.json"):
        text = file.read_text().replace('"1000steps"', '"3000steps"')
        file.write_text(text.replace('"samples": 1000', '"samples": 3000'))
    before = RunFolder.open(folder / "a2c-0").read_history()
    assert compare(folder, "a2c", "1", "3000steps") == 0
    after = RunFolder.open(folder / "a2c-0").read_history()
    assert after[: len(before)] == before and after[-1]["step"] > before[-1]["step"]
    cell = AgentTask.read(folder / "cells" / "a2c-0.json")
    assert cell.samples >= 3000 and len(cell.curve) == len(after) + 1


def test_curves_begin_before_training(done):
    first, *later = AgentTask.read(done / "cells" / "a2c-0.json").curve
    assert (first.samples, first.seconds) == (0, 0.0) and 0 < first.value <= 100
    assert [point.samples for point in later] == sorted(point.samples for point in later)


def test_a_budget_in_steps_is_evaluated_along_the_way(tmp_path):
    folder = tmp_path / "c"
    assert compare(folder, "a2c", "1", "4000steps") == 0
    cell = AgentTask.read(folder / "cells" / "a2c-0.json")
    assert [point.samples for point in cell.curve] == [0, 1000, 2000, 3000, 4000]
    assert cell.command.split()[5:7] == ["--samples", "4000"]


def test_one_failure_is_told_and_loses_nothing(tmp_path, capsys, monkeypatch):
    folder, run = tmp_path / "c", cells.run

    def lost(settings, *rest, **more):
        if settings.learner == "ppo":
            raise OSError("the disk\nis full")
        return run(settings, *rest, **more)

    monkeypatch.setattr(cells, "run", lost)
    assert compare(folder, "ppo a2c", "1") == 1
    told = capsys.readouterr()
    assert "failed: ppo-0: OSError: the disk is full; again with: hringur train ppo" in told.err
    assert "a2c" in told.out and AgentTask.read(folder / "cells" / "a2c-0.json").agent == "a2c"
    (failed,) = json.loads((folder / "results.json").read_text())["failed"]
    assert failed == {"cell": "ppo-0", "reason": "OSError: the disk is full"}
    monkeypatch.undo()
    assert compare(folder, "ppo a2c", "1") == 0  # only what is missing, and nothing failed
    assert "[2/2] ppo-0" in capsys.readouterr().err


def test_if_all_fail_their_reasons_are_told(tmp_path, capsys, monkeypatch):
    def diverge(*_, **__):
        raise FloatingPointError("step 3: train/loss is nan")

    monkeypatch.setattr(cells, "run", diverge)
    assert compare(tmp_path / "c", "a2c", "1") == 1
    assert "a2c-0: FloatingPointError: step 3: train/loss is nan" in capsys.readouterr().err


def dying(task: AgentTask, started_by: int) -> None:
    """In place of a cell: the process of one agent is killed in the midst of its work."""
    if task.contender == "ppo":
        os.kill(os.getpid(), signal.SIGKILL)


def tasks_of(folder, *agents) -> list[AgentTask]:
    """Cells whose work is replaced by one of the functions above."""
    shared = {
        "seed": 0,
        "options": CompareAgents(env="CartPole-v1", agents=agents, episodes=1),
        "trainer": TrainerConfig(device="cpu", steps=1),
        "folder": folder,
    }
    return [AgentTask(contender=agent, **shared) for agent in agents]


@pytest.mark.slow  # several processes, each of which imports torch
def test_a_killed_process_is_one_failed_cell(tmp_path):
    tasks = tasks_of(tmp_path, "ppo", "a2c", "dqn")
    found = {task.contender: failed for task, failed in run_cells(tasks, 2, "joblib", dying)}
    assert found["a2c"] is None and found["dqn"] is None and len(found) == 3
    assert found["ppo"].reason.startswith("its process was killed")


def saving(task: AgentTask) -> None:
    """In place of a cell: one that trains until it is told to end, and then writes a file."""
    with Interruption() as stop:
        (task.folder / f"{task.contender}-begun").touch()
        while not stop.requested:
            time.sleep(0.02)
    (task.folder / f"{task.contender}-saved").touch()
    raise KeyboardInterrupt


def begun_of_three(folder, cell):
    """The cells of three that had begun in two workers when SIGTERM came, after the second did."""

    def end() -> None:
        while len(list(folder.glob("*-begun"))) < 2:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=end, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        list(run_cells(tasks_of(folder, "ppo", "a2c", "dqn"), 2, "joblib", partial(guarded, cell)))
    return list(folder.glob("*-begun"))


@pytest.mark.slow  # several processes, each of which imports torch
def test_sigterm_ends_workers_that_measure(tmp_path):
    began = time.monotonic()
    assert len(begun_of_three(tmp_path, measuring)) == 2 and time.monotonic() - began < 60


@pytest.mark.slow  # several processes, each of which imports torch
def test_sigterm_lets_the_workers_save(tmp_path):
    begun = begun_of_three(tmp_path, saving)
    assert len(begun) == len(list(tmp_path.glob("*-saved"))) == 2  # and the third was not begun


def measuring(task: AgentTask) -> None:
    """In place of a cell: one that is measured for longer than anyone waits."""
    (task.folder / f"{task.contender}-begun").touch()
    time.sleep(60)


@pytest.mark.skipif(sys.platform != "linux", reason="children of a process with threads")
def test_sigterm_ends_a_measurement_at_once(tmp_path):
    """What ``--jobs 2`` has in each worker: a measurement is given up, as it can be made again."""
    (task,), began = tasks_of(tmp_path, "a2c"), time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            failed = guarded(measuring, task, os.getppid())
            (tmp_path / "reason").write_text(f"{failed.reason} {cells.STOPPED}")
        finally:
            os._exit(0)
    while not (tmp_path / "a2c-begun").exists():
        time.sleep(0.01)
    os.kill(child, signal.SIGTERM)
    os.waitpid(child, 0)
    assert time.monotonic() - began < 30
    assert (tmp_path / "reason").read_text() == "stopped [True]"  # and it begins no other


def test_ray_is_an_extra(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert compare(tmp_path / "c", "a2c", "1", "0.2s", "--backend", "ray") == 2
    assert "--backend ray needs the extra 'ray'" in capsys.readouterr().err


WHOLE = {
    "agent": "a2c",
    "seed": 0,
    "samples": 9,
    "seconds": 1.0,
    "returns": [1.0, 2.0],
    "lengths": [1, 2],
    "optimal": None,
    "reference": None,
    "curve": [],
    "command": "",
}


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "{}",
        '{"agent": "a2c"',
        json.dumps(WHOLE | {"seed": "x"}),
        json.dumps(WHOLE | {"agent": "ppo"}),
        json.dumps(WHOLE | {"optimal": [1.0]}),
        json.dumps(WHOLE | {"returns": [1.0, math.nan]}),
        json.dumps(WHOLE | {"curve": [{"samples": 1}]}),
    ],
)
def test_a_broken_cell_file_is_named_and_kept(tmp_path, capsys, broken):
    folder = tmp_path / "c"
    (folder / "cells").mkdir(parents=True)
    settings = {"env": "CartPole-v1", "env_options": {}, "budget": "0.2s", "episodes": 4}
    settings["device"] = "cpu"
    (folder / "comparison.json").write_text(json.dumps(settings))
    file = folder / "cells" / "a2c-0.json"
    file.write_text(broken)
    assert compare(folder, "a2c", "1") == 2
    assert f"the cell file {file} is broken" in capsys.readouterr().err
    assert file.read_text() == broken


@pytest.mark.parametrize(
    "change, told",
    [
        ({"--agents": "reinforse"}, "unknown learner 'reinforse'"),
        ({"--agents": "a2c a2c"}, "the agent a2c is given twice"),
        ({"--seeds": "five"}, "five"),
        ({"--seeds": "-1"}, "--seeds must be at least 1, got -1"),
        ({"--seeds": "0"}, "--seeds must be at least 1, got 0"),
        ({"--budget": "soon"}, "--budget must be such as 60s, 2m or 200000steps, got 'soon'"),
        ({"--budget": "0s"}, "--budget must be such as"),
        ({"--budget": "1.5steps"}, "--budget must be such as"),
        ({"--jobs": "0"}, "--jobs must be at least 1, got 0"),
        ({"--agents": "maskable-ppo"}, "MaskablePPO needs action masks, CartPole-v1 has none"),
        ({"--env": "Pendulum-v1"}, "the agent a2c: A2C takes actions Discrete, Multi"),
        ({"--env": "Nope-v3"}, "unknown environment Nope-v3"),
        ({"--option": "mass=3"}, "CartPole-v1 has no option 'mass'"),
        ({"--figure": "x.jpg"}, "--figure must name a .png, .svg or .pdf file"),
    ],
    ids=lambda value: next(iter(value.values())) if isinstance(value, dict) else "",
)
def test_bad_input_is_one_line_and_leaves_nothing(tmp_path, capsys, change, told):
    options = {"--env": "CartPole-v1", "--agents": "a2c", "--folder": str(tmp_path / "c")} | change
    arguments = [part for name, value in options.items() for part in (name, *value.split())]
    assert main(["compare", *arguments]) == 2
    message = capsys.readouterr().err
    assert told in message and message.count("\n") == 1
    assert not (tmp_path / "c").exists()


def test_another_comparisons_folder_is_refused(done, tmp_path, capsys):
    assert compare(done, "a2c", "2", "3s") == 2
    assert "holds a comparison with budget 0.2s, not 3s" in capsys.readouterr().err
    (tmp_path / "x").write_text("mine")
    assert compare(tmp_path) == 2
    assert "holds no comparison" in capsys.readouterr().err


def test_tours_are_compared_by_their_gap(tmp_path, capsys):
    folder = tmp_path / "t"
    arguments = ["compare", "--env", "IcelandTSP-v0", "--option", "places=5", "--seeds", "1"]
    arguments += ["--agents", "attention-model", "--jobs", "1", "--folder", str(folder)]
    assert main([*arguments, "--budget", "0.3s", "--json"]) == 0
    (agent,) = json.loads(capsys.readouterr().out)["agents"]
    assert agent["gap"] == pytest.approx(-agent["returns"][0] - 1) and agent["gap"] >= -1e-9
    assert main([*arguments, "--budget", "500steps"]) == 2
    assert "count training instances, not steps" in capsys.readouterr().err


def test_budgets():
    def amount(budget: str) -> tuple[str, float]:
        return CompareAgents(env="CartPole-v1", agents=("a2c",), budget=budget).amount("a2c")

    assert amount("60s") == ("seconds", 60.0)
    assert amount("1.5 m") == ("seconds", 90.0)
    assert amount("200000steps") == ("samples", 200000.0)
    with pytest.raises(UserError, match="got '3h'"):
        amount("3h")


def test_settings_of_many_digits_are_no_name_of_a_file(monkeypatch):
    """What is computed of options is not looked at as if it were one of them."""
    many = {f"a{k}": {"lr": 0.0012635598137381} for k in range(9)}
    monkeypatch.setattr("hringur.commands.compare.agents.tuned_settings", lambda *_: many)
    options = CompareAgents(env="CartPole-v1", agents=("a2c",))
    assert len(str(options.settings_of)) > 255
    check_names(options)


def test_tuned_settings_stand_in_for_the_defaults(tmp_path, capsys):
    best = {
        "learner": "a2c",
        "settings": {"n_envs": 4, "lr": 0.003},
        "objective": "evaluation/gap_percent",
        "value": 1.0,
        "trial": 3,
        "train": "hringur train a2c",
    }
    for name, learner in (("one", "a2c"), ("two", "a2c"), ("other", "ppo")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "best.json").write_text(json.dumps(best | {"learner": learner}))
    tuned = ["--tuned", str(tmp_path / "one")]
    assert compare(tmp_path / "runs", "a2c", "1", "0.2s", *tuned, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert "--n-envs=4 --lr=0.003" in found["agents"][0]["commands"][0]
    config = json.loads(next((tmp_path / "runs").rglob("config.json")).read_text())
    assert config["config"]["n_envs"] == 4 and config["config"]["lr"] == 0.003
    for more, reason in (
        (["--tuned", str(tmp_path / "two"), str(tmp_path / "one")], "a2c is given twice"),
        (["--tuned", str(tmp_path / "other")], "ppo is none of a2c"),
        (["--tuned", str(tmp_path)], "best.json"),
        ([], "holds a comparison with tuned"),
    ):
        assert compare(tmp_path / "runs", "a2c", "1", "0.2s", *more) == 2
        assert reason in capsys.readouterr().err
