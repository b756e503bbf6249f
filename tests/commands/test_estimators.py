import json

import pytest

from hringur.cli import main
from hringur.evaluation.estimators import bench as estimator_bench
from tests.commands.tiny_runs import refusal

FEW = ["--estimates=200", "--samples=2"]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(estimator_bench, "TIMED_SECONDS", 0.0)
    monkeypatch.setattr(estimator_bench, "TIMED_LEAST", 2)
    monkeypatch.setattr(estimator_bench, "WARM_UP", 3)


def test_json_has_a_record_for_each_estimator_of_each_problem(capsys):
    assert main(["estimators", "--problem", "gaussian", "tour", *FEW, "--json"]) == 0
    output = capsys.readouterr()
    record = json.loads(output.out)
    rows = record["measurements"]
    assert {row["problem"] for row in rows} == {"gaussian", "tour"}
    assert [row["estimator"] for row in rows].count("reinforce-greedy-rollout") == 2
    assert record["settings"]["samples"] == 2 and record["settings"]["folder"] is None
    assert record["settings"]["command"].startswith("hringur estimators --problem gaussian tour")
    assert output.err.count("measuring") == 2


def test_a_table_and_its_caption_for_a_person(capsys):
    assert main(["estimators", "--problem", "gaussian", *FEW]) == 0
    out = capsys.readouterr().out
    assert "pathwise" in out and "gain: REINFORCE's variance over this one" in out


def test_the_folder_gets_everything_and_is_not_overwritten(capsys, tmp_path):
    folder = tmp_path / "bench"
    arguments = ["estimators", "--problem", "lecture", *FEW, "--folder", str(folder)]
    assert main([*arguments, "--markdown"]) == 0
    assert "| estimator | bias % |" in capsys.readouterr().out
    assert (folder / "estimators.png").is_file() and (folder / "results.json").is_file()
    assert list((folder / "relax").glob("events.out.tfevents.*"))
    assert main(arguments) == 2
    assert "exists already" in refusal(capsys)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--problem", "lectur"], "unknown problem 'lectur'; there are lecture, tucker"),
        (["--problem", "tour", "tour"], "the problem tour is given twice"),
        (["--samples", "1"], "samples must be in 2..1,024, got 1"),
        (["--estimates", "3"], "estimates must be in 100..1,000,000, got 3"),
        (["--seed", "-1"], "--seed must be in 0..4294967295, got -1"),
        (["--seed", "one"], "seed"),
        (["--json", "--markdown"], "exclude each other"),
        (["--folder", "/proc/none/here"], "cannot create the folder /proc/none/here"),
    ],
)
def test_bad_input_is_refused_in_one_line(capsys, arguments, words):
    assert main(["estimators", *arguments]) == 2
    assert words in refusal(capsys)


def test_help_tells_units_and_defaults(capsys):
    assert main(["estimators", "--help"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    for words in ("--samples", "at least 2", "20000", "--folder", "tucker"):
        assert words in out.replace("20_000", "20000")
