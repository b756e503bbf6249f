"""``hringur signal``: what a trader would do after the last row of a file."""

import json

import gymnasium
import numpy as np
import pytest

from hringur.cli import main
from hringur.commands.signal import last_observation
from hringur.data.trading.market_files import shipped_stocks
from tests.commands.tiny_runs import refusal, train


def write(path, prices, rows):
    lines = zip(prices.dates[:rows], prices.open[0], prices.close[0], strict=False)
    path.write_text("date,open,close\n" + "".join(f"{d},{o},{c}\n" for d, o, c in lines))
    return path


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    options = ["--env=StockTrading-v0", "--option", "prices=stocks", "ticker=FB", "window=5"]
    for name in ("reinforce", "a2c", "dqn"):
        assert train(name, folder / name, *options, "--steps=1") == 0
    return folder


def test_what_is_asked_is_what_the_environment_shows():
    prices = shipped_stocks("IBM").between(0, 14)
    env = gymnasium.make("StockTrading-v0", prices=prices, window=5, episode_days=8)
    shown, _ = env.reset(seed=0)
    for action in (2, 1, 1):
        shown, *_ = env.step(action)
    known = prices.between(0, 9)  # no row of later days
    np.testing.assert_allclose(last_observation(known, 5, 1, 3)[0], shown, rtol=1e-6)


@pytest.mark.parametrize("name", ["reinforce", "a2c", "dqn"])
def test_an_order_with_its_probabilities(runs, tmp_path, capsys, name):
    file = write(tmp_path / "now.csv", shipped_stocks("AAPL"), 20)
    for position in ("flat", "long"):
        command = ["signal", str(runs / name), "--prices", str(file), "--position", position]
        assert main([*command, "--json"]) == 0
        (one,) = json.loads(capsys.readouterr().out)["signals"]
        assert one["after"] == str(shipped_stocks("AAPL").dates[19])
        useless = {"flat": "sell", "long": "buy"}[position]
        assert one["order"] == ("wait" if one["action"] == useless else one["action"])
        if name == "dqn":
            assert one["probabilities"] is None
        else:
            assert sum(one["probabilities"].values()) == pytest.approx(1, abs=1e-6)
            assert max(one["probabilities"], key=one["probabilities"].get) == one["action"]
        assert main(command) == 0
        assert one["order"] in capsys.readouterr().out


def test_a_run_that_sells_short_is_told_what_it_owes(tmp_path, capsys):
    options = ["--option", "prices=stocks", "ticker=FB", "window=5", "short=True"]
    assert train("a2c", tmp_path / "run", "--env=StockTrading-v0", *options, "--steps=1") == 0
    file = write(tmp_path / "now.csv", shipped_stocks("AAPL"), 20)
    capsys.readouterr()
    then = {
        "short": {"sell": "short", "wait": "short", "buy": "flat"},
        "flat": {"sell": "short", "wait": "flat", "buy": "long"},
        "long": {"sell": "flat", "wait": "long", "buy": "long"},
    }
    for position, after in then.items():
        command = ["signal", str(tmp_path / "run"), f"--prices={file}", f"--position={position}"]
        assert main([*command, "--json"]) == 0
        (one,) = json.loads(capsys.readouterr().out)["signals"]
        assert one["position"] == position and one["then"] == after[one["action"]]
        assert one["order"] == ("wait" if one["then"] == position else one["action"])
    seen = last_observation(shipped_stocks("IBM").between(0, 9), 5, -1, 3)
    assert seen[0, -2] == -1


def test_several_assets_are_a_row_each(runs, capsys):
    assert main(["signal", str(runs / "a2c"), "--prices=stocks", "--markdown"]) == 0
    shown = capsys.readouterr().out
    names = [line.split(" | ")[0] for line in shown.splitlines() if line]
    assert names[-4:] == ["| AAPL", "| GOOG", "| IBM", "| MSFT"]


def test_what_is_refused(runs, tmp_path, capsys):
    short = write(tmp_path / "short.csv", shipped_stocks("IBM"), 5)
    asked = ["signal", str(runs / "a2c")]
    for options, reason in (
        (["--prices", str(short)], "takes 6 rows, got 5"),
        (["--prices", "autoregressive"], "has no last day"),
        (["--prices", "stocks", "--days-held=-1"], "--days-held must be in 0..100,000, got -1"),
        (["--prices", "stocks", "--position=short"], "--position short: "),
    ):
        assert main([*asked, *options]) == 2
        assert reason in refusal(capsys)
    assert main(["signal", "attention-model", "--prices=stocks"]) == 2
    assert "trades nothing" in refusal(capsys)
    run = tmp_path / "with-state"
    assert train("reinforce", run, "--env=StockTrading-v0", "--steps=1") == 0
    capsys.readouterr()
    assert main(["signal", str(run), "--prices=stocks"]) == 2
    assert "sees the state of its price process" in refusal(capsys)
