"""``hringur compare --walk-forward``: trained on each past, tested on the days that follow."""

import io
import json
import re

import numpy as np
import pytest
from rich.console import Console

from hringur.cli import main
from hringur.data.trading.market_files import shipped_stocks
from hringur.data.trading.walk_forward import walk_forward
from hringur.evaluation.agents.walk_forward import Walk, table
from tests.commands.tiny_runs import refusal

MARKET = ["--env=StockTrading-v0", "--option", "prices=stocks", "ticker=FB", "window=5"]
ASKED = ["compare", *MARKET, "--agents", "reinforce", "--seeds=2", "--budget=10steps", "--jobs=1"]
ASKED += ["--episodes=2", "--walk-forward=2"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("walk") / "forward"
    assert main([*ASKED, f"--folder={where}"]) == 0
    return where


def test_the_days_and_gains_are_those_of_the_history(folder):
    prices = shipped_stocks("FB")
    record = json.loads((folder / "results.json").read_text())
    folds, totals = walk_forward(prices.days, embargo=5, folds=2), []
    for fold, told in zip(folds, record["folds"], strict=True):
        first, last = fold.test[0] + 5, fold.test[1] - 1  # the last close is the last gain
        assert told["first"] == str(prices.dates[first + 1])
        assert told["last"] == str(prices.dates[last])
        bought, sold = prices.open[0, first + 1] * 1.001, prices.close[0, last] * 0.999
        totals.append(sold / bought)
    rows = {row["name"]: row for row in record["walk_forward"]}
    assert list(rows) == ["reinforce", "buy and hold", "hindsight"]
    held = rows["buy and hold"]
    np.testing.assert_allclose(held["gain_percent_of_folds"], 100 * (np.array(totals) - 1))
    assert held["gain"] == pytest.approx(np.prod(totals) - 1)
    assert rows["reinforce"]["seeds"] == 2
    assert rows["hindsight"]["gain"] >= max(held["gain"], rows["reinforce"]["gain"])
    for fold, days in zip((1, 2), folds, strict=True):
        settings = json.loads((folder / f"fold-{fold}" / "reinforce-1" / "config.json").read_text())
        assert settings["env_options"]["split"] == "train"
        assert days.train[1] < days.test[0]


def test_the_same_command_trains_nothing_twice(folder, capsys):
    capsys.readouterr()
    assert main([*ASKED, f"--folder={folder}"]) == 0
    said = capsys.readouterr()
    assert "to train" not in said.err
    assert "fold 1 %" in said.out and "all folds" in said.out
    assert (folder / "comparison.png").read_bytes().startswith(b"\x89PNG")


def test_no_word_is_broken_at_80_columns():
    """Twelve folds of three agents beside both references."""
    rng = np.random.default_rng(0)
    names = ["reinforce", "maskable-ppo", "a2c", "buy and hold", "hindsight"]
    found = [Walk(name=name, folds=tuple(0.01 * rng.normal(size=(12, 3, 20)))) for name in names]
    printed = io.StringIO()
    Console(width=80, file=printed).print(table(found, "walk-forward"))
    seen = re.findall(r"[^\s│┃]+", printed.getvalue())
    for one in found:
        figures = [f"{one.percent(fold):.1f}" for fold in range(12)]
        assert {*one.name.split(), *figures, *one.total.percent(1).split()} <= {*seen}
    assert {"drawdown", "Sharpe", "12"} <= {*seen}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--walk-forward=0"], "--walk-forward must be in 1..50, got 0"),
        (["--option", "split=train"], "--option split is chosen by --walk-forward"),
        (["--walk-forward=40"], "leave nothing beside an embargo of 5 days"),
    ],
)
def test_what_cannot_be_walked_is_refused(tmp_path, capsys, options, reason):
    assert main([*ASKED, *options, f"--folder={tmp_path / 'new'}"]) == 2
    assert reason in refusal(capsys).replace("\n", " ")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("env", [["CartPole-v1"], ["StockTrading-v0"]])
def test_only_a_history_is_walked(tmp_path, capsys, env):
    asked = ["compare", "--env", *env, "--agents", "reinforce", "--walk-forward=2"]
    assert main([*asked, f"--folder={tmp_path / 'new'}"]) == 2
    assert "--walk-forward" in refusal(capsys)
