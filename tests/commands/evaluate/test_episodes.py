"""``hringur evaluate`` of runs without tours, as it is typed."""

import json
import shutil

import pytest

from hringur.cli import main
from hringur.data.trading.market_files import shipped_stocks
from hringur.evaluation.agents.trading import RATIOS
from tests.commands.tiny_runs import refusal, train


@pytest.fixture(scope="module")
def trader(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "trader"
    options = ["--env=StockTrading-v0", "--option", "episode_days=20", "--steps=2"]
    assert train("a2c", folder, *options) == 0
    return folder


def test_a_trader_is_told_by_a_second_table(trader, capsys):
    assert main(["evaluate", str(trader), "--episodes=5"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.index("mean return, 95 % bootstrap interval") < shown.index(
        "Sharpe Sortino drawdown"
    )
    assert "different episodes of a2c: 5 of 5" in shown
    for name in ("a2c", "optimum", "buy & hold", "random"):
        assert name in shown[shown.index("Sharpe") :]


def test_a_number_of_instances_is_of_other_runs(trader, capsys):
    assert main(["evaluate", str(trader), "--count=5"]) == 2
    assert "--count is of instances and images, agents have --episodes" in refusal(capsys)


def test_a_programs_record_has_the_ratios(trader, capsys):
    assert main(["evaluate", str(trader), "--episodes=5", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in record["trading"]][:2] == ["a2c", "optimum"]
    assert all(record["trading"][1][tag] is not None for tag in RATIOS)


def test_a_damaged_curve_is_refused_before_anything_is_played(trader, tmp_path, capsys):
    shutil.copytree(trader, tmp_path / "run")
    (tmp_path / "run" / "history.jsonl").write_text("{}\n")
    assert main(["evaluate", str(tmp_path / "run"), "--episodes=5"]) == 2
    assert "history.jsonl, line 1 is no evaluation" in refusal(capsys)


def test_traders_are_compared_by_the_same_columns(tmp_path, capsys):
    arguments = ["compare", "--env=StockTrading-v0", "--option", "episode_days=20", "--jobs=1"]
    arguments += ["--agents", "a2c", "--seeds=2", "--budget=10steps", "--episodes=3"]
    arguments += [f"--folder={tmp_path / 'traders'}"]
    assert main(arguments) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "policy Sharpe Sortino drawdown % turnover invested %" in shown
    assert main([*arguments, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["trading"]
    assert [row["name"] for row in rows] == ["a2c", "optimum", "buy & hold"]
    cell = json.loads((tmp_path / "traders" / "cells" / "a2c-0.json").read_text())
    assert set(cell["figures"]) == set(RATIOS)


FB_DAYS = shipped_stocks("FB").days  # a short history
BORDERS = [round(share * FB_DAYS) for share in (0.5, 0.6, 0.625)]
FOLDS_SHARE = round(100 * (BORDERS[1] - BORDERS[0] - 5) / (BORDERS[2] - BORDERS[0] - 5))

OPTIONS = ["prices=stocks", "ticker=FB", "window=5"]
STOCKS = ["--env=StockTrading-v0", "--steps=2", "--option", *OPTIONS]


@pytest.mark.parametrize(
    ("trained", "asked", "said", "history"),
    [
        (["split=train"], [], "4 episodes on the test split:", "the test split"),
        (
            ["split=train"],
            ["--option", "split=train"],
            "4 episodes on the train split, which it was trained on:",
            "the train split",
        ),
        (
            [],
            [],
            "4 episodes on all of the prices, which it was trained on:",
            "all of the prices",
        ),
        (
            ["split=train", "folds=3", "fold=2"],
            ["--option", "split=test", "fold=0"],
            "4 episodes on the test split, which it was trained on:",
            "the test split",
        ),
        (
            ["split=train"],  # days up to 60 %, and from 50 % to 62.5 % less the window of 5
            ["--option", "split=test", "folds=4", "fold=0"],
            f"4 episodes on the test split, {FOLDS_SHARE} % of which it was trained on:",
            "the test split",
        ),
    ],
)
def test_the_part_of_a_history_that_is_played_is_named(
    tmp_path, capsys, trained, asked, said, history
):
    assert train("a2c", tmp_path / "run", *STOCKS, "episode_days=None", *trained) == 0
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "run"), "--episodes=4", *asked]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"StockTrading-v0, {said}" in shown
    assert f"of 4, cut from {history}: no intervals" in shown


def test_a_comparison_names_the_split_and_counts_its_paths(tmp_path, capsys):
    arguments = ["compare", STOCKS[0], "--option", *OPTIONS]
    arguments += ["split=train", "episode_days=None", "--jobs=1", "--agents", "a2c", "--seeds=2"]
    arguments += ["--budget=10steps", "--episodes=3", f"--folder={tmp_path / 'traders'}"]
    assert main(arguments) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "3 episodes on the test split, as few as 1 of them different" in shown


def test_a_page_tells_what_was_in_the_sample_and_what_was_not(tmp_path, capsys):
    run, page = tmp_path / "run", tmp_path / "page"
    options = ["prices=stocks", "ticker=FB", "window=5", "split=train"]
    assert train("a2c", run, "--env=StockTrading-v0", "--steps=1", "--option", *options) == 0
    capsys.readouterr()
    assert main(["evaluate", str(run), "--episodes=2", "--json", f"--report={page}"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["written"] == [str(page / "index.html")]
    text = (page / "index.html").read_text()
    assert text.index(">0 % of these days were in") < text.index(">100 % of these days were in")
    assert main(["evaluate", str(run), "--episodes=2", f"--report={page}"]) == 2
    assert f"--report {page} exists already" in capsys.readouterr().err


def test_a_page_is_of_traders_only(tmp_path, capsys):
    assert main(["evaluate", "attention-model", f"--report={tmp_path / 'page'}"]) == 2
    assert "trades nothing" in refusal(capsys)
    assert not (tmp_path / "page").exists()
