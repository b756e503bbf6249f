import json
from pathlib import Path

import numpy as np
import pytest

from hringur.cli import main
from hringur.commands.compare import command as compare
from hringur.data.tours.held_out import held_out
from hringur.evaluation.tours.scores import evaluate_plan, over_seeds
from hringur.references.tours.heuristics import HEURISTICS, nearest_neighbour
from hringur.trained import load_run
from tests.commands.tiny_runs import refusal, train

COUNT = "--count=6"


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    for seed in (0, 1):
        path = folder / f"seed-{seed}"
        assert train("attention-model", path, "--steps=1", f"--seed={seed}") == 0
    assert train("attention-model", folder / "longer", "--steps=2", "--seed=2") == 0
    assert train("maskable-ppo", folder / "ppo", "--steps=1") == 0
    assert train("ppo", folder / "euclid", "--steps=1", "--env=EuclideanTSP-v0") == 0
    return {path.name: path for path in folder.iterdir()}


def compared(capsys, *arguments: str) -> dict:
    assert main(["compare", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_heuristics_are_what_the_evaluation_says(capsys):
    """Oracle: the function itself, scored by the library."""
    record = compared(capsys, "--heuristics", "nearest-neighbour", "--held-out=iceland-50", COUNT)
    problem = held_out("iceland-50").first(6)
    score = evaluate_plan(
        lambda instances: nearest_neighbour(instances.distance), problem, name="", kind="heuristic"
    )
    (row,) = record["scores"]
    assert row["mean_gap"] == score.mean_gap.value
    assert (row["name"], row["kind"]) == ("nearest neighbour", "heuristic")
    assert record["held_out"] == "iceland-50" and record["over_seeds"] == []


def test_with_nothing_named_everything_is_measured(capsys, monkeypatch, tmp_path, runs):
    monkeypatch.setattr(compare, "ATTENTION_MODEL", tmp_path / "none.safetensors")
    rows = compared(capsys, COUNT)["scores"]
    assert len(rows) == len(HEURISTICS) + 1
    assert rows[0]["kind"] == "exact" and rows[0]["mean_gap"] == 0
    assert rows == sorted(rows, key=lambda row: row["mean_gap"])

    load_run(runs["seed-0"], "cpu")[1].save(compare.ATTENTION_MODEL)
    rows = compared(capsys, COUNT)["scores"]
    assert [row["name"] for row in rows].count("attention-model (shipped)") == 2
    assert len(rows) == len(HEURISTICS) + 3


def test_what_is_named_is_all_that_is_measured(capsys, runs):
    rows = compared(capsys, runs["seed-0"], COUNT)["scores"]
    assert {row["name"] for row in rows} == {"attention-model"} and len(rows) == 2
    (row,) = compared(capsys, "--exact", COUNT)["scores"]
    assert row["kind"] == "exact"
    names = ["christofides", "nearest-neighbour"]
    assert len(compared(capsys, "--heuristics", *names, COUNT)["scores"]) == 2
    assert len(compared(capsys, "--heuristics", "all", COUNT)["scores"]) == len(HEURISTICS)


def test_seeds_of_one_recipe_are_put_together(capsys, runs):
    """Oracle: the gaps of each run, pooled by hand."""
    both = [runs["seed-0"], runs["seed-1"]]
    record = compared(capsys, *both, runs["longer"], runs["ppo"], COUNT)
    assert len(record["scores"]) == 3 * 2 + 1
    pooled = {row["label"]: row for row in record["over_seeds"]}
    assert set(pooled) == {"attention-model, greedy", "attention-model, greedy from all starts"}
    row = pooled["attention-model, greedy"]
    problem = held_out("iceland-20").first(6)
    scores = [
        compare.measure(
            compare.load_trained(path, "cpu"), "x", problem, compare.DECODINGS, 0, command=""
        )[0]
        for path in both
    ]
    assert row["runs"] == 2
    assert row["mean_gap"] == pytest.approx(np.mean([score.gap for score in scores]))
    expected = over_seeds(scores).interquartile_mean
    assert row["interquartile_mean_gap"] == pytest.approx(expected.value)
    assert row["interquartile_mean_gap_interval"] == pytest.approx([expected.low, expected.high])


def test_tables_for_terminal_and_document(capsys, runs):
    both = [str(runs["seed-0"]), str(runs["seed-1"])]
    assert main(["compare", *both, COUNT]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "iceland-20, 6 instances" in shown and "over seeds" in shown
    assert main(["compare", *both, COUNT, "--markdown"]) == 0
    shown = capsys.readouterr().out
    assert "| over seeds | runs |" in shown and "| attention-model, greedy | 2 |" in shown
    assert shown.count("| learned |") == 4


def test_figure(capsys, tmp_path):
    figure = tmp_path / "gaps.svg"
    assert main(["compare", "--heuristics", "all", COUNT, f"--figure={figure}"]) == 0
    assert "</svg>" in figure.read_text()


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--heuristics", "nearest-neighbor"], "unknown heuristic 'nearest-neighbor'; there are"),
        (["--held-out=iceland-30"], "got 'iceland-30'"),
        (["--count=0"], "--count must be in 1..1000"),
        (["no-such-run"], "nothing is there"),
        (["--markdown", "--json"], "exclude each other"),
        (["--figure=gaps.jpg"], ".png"),
        (["--figure=no/such/gaps.png"], "no folder"),
        (["--precise"], "--precise"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(
    arguments, said, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert main(["compare", *arguments]) == 2
    assert said in refusal(capsys)
    assert list(tmp_path.iterdir()) == []


def test_runs_of_different_problems_or_twice_the_same(runs, capsys):
    assert main(["compare", str(runs["ppo"]), str(runs["euclid"])]) == 2
    said = refusal(capsys)
    assert "different problems" in said and "euclid is not of iceland-20" in said
    assert main(["compare", str(runs["ppo"]), str(runs["ppo"])]) == 2
    assert "given twice" in refusal(capsys)


def test_help_tells_defaults(capsys):
    assert main(["compare", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "[RUN ...]" in shown and "the first of the set; all when not given" in shown


def test_a_run_without_tours_is_refused(capsys, tmp_path):
    options = ["--steps=1", "--env=CallFunction-v0"]
    assert train("reinforce", tmp_path / "calls", *options) == 0
    capsys.readouterr()
    assert main(["compare", str(tmp_path / "calls")]) == 2
    assert "calls is of CallFunction-v0, which has no tours" in refusal(capsys)
