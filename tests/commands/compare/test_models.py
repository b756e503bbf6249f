"""Comparisons of generative models: one table, one figure, continued after a stop."""

import json
import shutil
import signal
import sys

import numpy as np
import pytest

from hringur.cli import main
from hringur.commands.compare import cells
from hringur.commands.compare.models import CompareModels, ModelTask
from hringur.generative.model import ImageModel
from hringur.registry import EXPERIMENTS
from hringur.trained import RunSettings
from hringur.training.run_folder import RunFolder

ARGUMENTS = ["compare", "--dataset", "digits", "--count", "60", "--jobs", "1"]


def compare(folder, models="exp0 exp3", seeds="2", budget="256images", *more) -> int:
    arguments = [*ARGUMENTS, "--models", *models.split(), "--seeds", seeds, "--budget", budget]
    return main([*arguments, "--folder", str(folder), *more])


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A comparison of two experiments and two seeds that is finished."""
    folder = tmp_path_factory.mktemp("compare") / "done"
    assert compare(folder) == 0
    return folder


def test_every_figure_stands_beside_both_references(done, capsys):
    assert compare(done, "exp0 exp3", "2", "256images", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    gan, wae = found["models"]
    assert (gan["model"], wae["model"]) == ("exp0", "exp3") and gan["seeds"] == [0, 1]
    assert set(gan["figures"]) == {"samples", "untrained"}  # a GAN has no codes to fit to
    assert set(wae["figures"]) == {"samples", "fitted density", "untrained"}
    distances = wae["figures"]["samples"]["evaluation/frechet_distance"]
    cells = [ModelTask.read(done / "cells" / f"exp3-{seed}.json") for seed in (0, 1)]
    assert distances == [cell.rows["samples"]["evaluation/frechet_distance"] for cell in cells]
    assert found["halves"]["evaluation/frechet_distance"] > 0
    assert gan["commands"][1] == (
        "scripts/run_models.py --xp_id exp0 --dataset digits --samples 256 --device cpu"
        " --threads 1 --seed 1"
    )
    table = (done / "results.md").read_text()
    mean = np.mean(distances)
    half = 12.706205 * np.std(distances, ddof=1) / 2**0.5  # Student's t with one degree of freedom
    assert f"| exp3 | samples | {mean:.1f} [{mean - half:.1f}, {mean + half:.1f}] |" in table
    assert "the data's halves" in table and "hringur compare" in table
    assert (done / "samples.png").read_bytes().startswith(b"\x89PNG")


def test_finished_cells_are_not_run_again_and_models_may_be_added(done, monkeypatch):
    ran, run = [], cells.run

    def noted(settings, *rest, **more):
        ran.append((settings.learner, settings.seed))
        return run(settings, *rest, **more)

    monkeypatch.setattr(cells, "run", noted)
    assert compare(done) == 0 and ran == []
    assert compare(done, "exp0 exp3 exp6", "1") == 0 and ran == [("discrete-autoencoder", 0)]


def test_a_half_done_run_goes_on_from_its_checkpoint(done, tmp_path):
    """As left by a kill: a budget that is not used up, a checkpoint, and no cell file."""
    folder = tmp_path / "half"
    shutil.copytree(done, folder)
    shutil.rmtree(folder / "cells")
    for file in (folder / "comparison.json", folder / "exp3-0" / "config.json"):
        text = file.read_text().replace("256images", "512images")
        file.write_text(text.replace('"samples": 256', '"samples": 512'))
    before = RunFolder.open(folder / "exp3-0").read_history()
    assert compare(folder, "exp3", "1", "512images") == 0
    after = RunFolder.open(folder / "exp3-0").read_history()
    assert after[: len(before)] == before and after[-1]["step"] > before[-1]["step"]
    assert compare(tmp_path / "whole", "exp3", "1", "512images") == 0
    halved, whole = (
        ModelTask.read(path / "cells" / "exp3-0.json") for path in (folder, tmp_path / "whole")
    )
    assert halved.samples == whole.samples


@pytest.mark.parametrize(
    "owner, method",
    [(RunSettings, "build"), (ImageModel, "evaluate"), (ModelTask, "measure")],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_sigterm_ends_a_cell_at_once_and_the_same_command_goes_on(
    tmp_path, capsys, monkeypatch, owner, method
):
    """While a model is built or measured, for training saves by itself, and the last evaluation."""
    folder, work = tmp_path / "c", getattr(owner, method)

    def told(*given):
        if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:  # else pytest would end
            signal.raise_signal(signal.SIGTERM)
        return work(*given)

    monkeypatch.setattr(owner, method, told)
    assert compare(folder, "exp0") == 130
    assert capsys.readouterr().err.endswith("hringur: stopped\n")
    assert not (folder / "cells" / "exp0-0.json").exists() and not (folder / "exp0-1").exists()
    if method != "build":
        assert RunFolder.open(folder / "exp0-0").read_history()[-1]["samples"] == 256
    monkeypatch.undo()
    assert compare(folder, "exp0", "1") == 0
    assert ModelTask.read(folder / "cells" / "exp0-0.json").samples == 256


def test_one_failure_is_told_and_loses_nothing(tmp_path, capsys, monkeypatch):
    folder, run = tmp_path / "c", cells.run

    def lost(settings, *rest, **more):
        if settings.learner == "gan":
            raise FloatingPointError("step 3: train/loss is nan")
        return run(settings, *rest, **more)

    monkeypatch.setattr(cells, "run", lost)
    assert compare(folder, "exp0 exp3", "1") == 1
    told = capsys.readouterr()
    assert "failed: exp0-0: FloatingPointError: step 3" in told.err and "exp3" in told.out
    monkeypatch.undo()
    assert compare(folder, "exp0 exp3", "1") == 0
    assert "[2/2] exp0-0" in capsys.readouterr().err


@pytest.mark.parametrize("broken", ["", "{}", '{"model": "exp3"', '{"rows": []}'])
def test_a_broken_cell_file_is_named_and_kept(done, tmp_path, capsys, broken):
    folder = tmp_path / "c"
    shutil.copytree(done, folder)
    file = folder / "cells" / "exp3-0.json"
    file.write_text(broken)
    assert compare(folder) == 2
    assert f"the cell file {file} is broken" in capsys.readouterr().err
    assert file.read_text() == broken


@pytest.mark.parametrize(
    "change, told",
    [
        ({"--models": "exp9"}, [f"{name} (" for name in EXPERIMENTS]),
        ({"--models": "exp3 text-style"}, ["the model text-style is of strings: train it"]),
        ({"--models": "exp0 exp0"}, ["the model exp0 is given twice"]),
        ({"--seeds": "0"}, ["--seeds must be at least 1, got 0"]),
        ({"--count": "0"}, ["--count must be at least 1, got 0"]),
        ({"--budget": "soon"}, ["--budget must be such as 60s, 2m, 300000images or usual"]),
        ({"--budget": "0images"}, ["--budget must be such as"]),
        ({"--dataset": "nowhere"}, ["'nowhere'", "mnist"]),
        ({"--figure": "x.jpg"}, ["--figure must name a .png, .svg or .pdf file"]),
    ],
    ids=lambda value: next(iter(value.values())) if isinstance(value, dict) else "",
)
def test_bad_input_is_one_line_and_leaves_nothing(tmp_path, capsys, change, told):
    options = {"--models": "exp3", "--dataset": "digits", "--folder": str(tmp_path / "c")} | change
    arguments = [part for name, value in options.items() for part in (name, *value.split())]
    assert main(["compare", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert all(part in line for part in told)
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("package", ["ot", "sklearn.mixture"])
def test_what_measuring_needs_is_asked_for_before_training(tmp_path, capsys, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    assert compare(tmp_path / "c", "exp0 exp3", "1") == 2
    assert "needs the extra 'generative'" in capsys.readouterr().err
    assert not (tmp_path / "c").exists()


def test_another_comparisons_folder_is_refused(done, capsys):
    assert compare(done, "exp0", "1", "999images") == 2
    assert "holds a comparison with budget 256images, not 999images" in capsys.readouterr().err


def test_budgets():
    def amount(budget: str) -> tuple[str, float]:
        return CompareModels(models=("exp0",), budget=budget).amount("exp0")

    assert amount("60s") == ("seconds", 60.0)
    assert amount("1.5m") == ("seconds", 90.0)
    assert amount("4000images") == ("samples", 4000.0)
    name, images = amount("usual")
    assert name == "samples" and images > 100_000
