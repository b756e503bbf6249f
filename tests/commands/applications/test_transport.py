"""``hringur transport``."""

import json

import pytest

from hringur.cli import main
from hringur.generative.applications.transport import SOLVERS

SMALL = ["transport", "--samples=200", "--steps=20"]


def test_errors_a_picture_and_a_film(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("hringur.evaluation.generative.transport.FRAMES", 2)
    monkeypatch.setattr("hringur.evaluation.generative.transport.PAUSE", 1)
    figure, film = tmp_path / "plan.pdf", tmp_path / "plan.gif"
    assert main([*SMALL, f"--figure={figure}", f"--film={film}", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    found = {row["solver"]: row["error_percent"] for row in record["plans"]}
    assert list(found) == list(SOLVERS)
    assert found["independent"] > found["gaussian"] > found["sinkhorn"] > 0
    assert figure.read_bytes().startswith(b"%PDF")
    assert figure.stat().st_size > 10_000 and film.stat().st_size > 10_000


def test_intervals_over_seeds(capsys):
    assert main([*SMALL, "--solver", "gaussian", "--seeds=3", "--markdown"]) == 0
    assert "| gaussian | 0.1 | 2 | " in (out := capsys.readouterr().out) and "[" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--solver", "magic"], "solver must be one of independent"),
        (["--dimensions", "0"], "dimensions must be in 1..1024, got 0"),
        (["--epsilon", "0"], "epsilon must be in 0.001..1000, got 0"),
        (["--samples", "5"], "samples must be in 100.."),
        (["--dimensions", "3", "--figure", "a.png"], "add --dimensions 2"),
        (["--figure", "a.jpg"], "--figure must name a .png, .svg or .pdf file"),
        (["--film", "nowhere/a.gif"], "nowhere"),
    ],
)
def test_bad_options_are_refused(arguments, words, capsys):
    assert main(["transport", *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1
