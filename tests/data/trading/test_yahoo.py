"""Prices from Yahoo, without the network: a module that answers as yfinance does."""

import sys
import types

import numpy as np
import pytest

from hringur.data.trading.yahoo import read_yahoo
from hringur.types import MissingExtra, UserError


class Table:
    """As much of a pandas table as is read."""

    def __init__(self, columns, dates):
        self.columns = columns
        self.index = types.SimpleNamespace(values=np.array(dates, dtype="datetime64[ns]"))

    def __len__(self):
        return len(self.index.values)

    def __getitem__(self, name):
        return self.columns[name]


DAYS = ["2020-01-02", "2020-01-03", "2020-01-06"]
GOOD = Table({"Open": [1.0, 1.1, 1 / 3], "Close": [1.05, 1.15, 0.1 + 0.2]}, DAYS)


@pytest.fixture
def yahoo(monkeypatch):
    """The fake module; ``answer`` is what it gives, ``asked`` what it was asked."""
    fake = types.ModuleType("yfinance")
    fake.answer, fake.asked = GOOD, []

    def download(ticker, **options):
        fake.asked.append((ticker, options))
        if isinstance(fake.answer, Exception):
            raise fake.answer
        return fake.answer

    fake.download = download
    monkeypatch.setitem(sys.modules, "yfinance", fake)
    return fake


def test_it_asks_once_for_adjusted_prices_and_reads_the_file_ever_after(yahoo, tmp_path):
    folder = tmp_path / "made" / "here"
    first = read_yahoo("brk-b", folder)
    ((ticker, options),) = yahoo.asked
    assert ticker == "brk-b" and options["auto_adjust"] is True and options["interval"] == "1d"
    assert options["end"] <= str(np.datetime64("today"))  # today's close is not known yet
    again = read_yahoo("BRK-B", folder)
    assert len(yahoo.asked) == 1 and [path.name for path in folder.iterdir()] == ["BRK-B.csv"]
    for prices in (first, again):  # to the last bit
        assert prices.open[0].tolist() == GOOD["Open"]
        assert prices.close[0].tolist() == GOOD["Close"]
        assert [str(day) for day in prices.dates] == DAYS


def test_the_users_cache_folder_is_the_default(yahoo, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    read_yahoo("^GSPC")
    assert (tmp_path / "hringur" / "yahoo" / "^GSPC.csv").exists()


@pytest.mark.parametrize(
    "answer, told",
    [
        (None, "no such ticker, no network"),
        (Table({"Open": [], "Close": []}, []), "Yahoo gave no prices of AAPL"),
        (ConnectionError("no route to host\nmore"), "gave no prices of AAPL: no route to host$"),
        (RuntimeError(), "gave no prices of AAPL: RuntimeError"),
        (Table({"Close": [1.0, 1.0, 1.0]}, DAYS), "lacks the column Open"),
        (
            Table({"Open": [1.0, np.nan, 1.0], "Close": [1.0, 1.0, 1.0]}, DAYS),
            "2020-01-03: open must be above 0, got nan",
        ),
        (Table({"Open": [1.0], "Close": [1.0]}, DAYS[:1]), "at least 2 days"),
    ],
)
def test_a_failure_is_told_plainly_and_leaves_no_file(yahoo, tmp_path, answer, told):
    yahoo.answer = answer
    with pytest.raises(UserError, match=told):
        read_yahoo("AAPL", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ticker", ["", "../../etc/passwd", "A/B", "a b", ".hidden", "A" * 30])
def test_only_a_ticker_becomes_a_file(yahoo, tmp_path, ticker):
    with pytest.raises(UserError, match="a ticker such as AAPL was expected"):
        read_yahoo(ticker, tmp_path)
    assert yahoo.asked == []


def test_the_extra_is_named_where_it_is_missing_but_a_file_needs_none(yahoo, tmp_path, monkeypatch):
    read_yahoo("AAPL", tmp_path)
    monkeypatch.setitem(sys.modules, "yfinance", None)
    assert read_yahoo("AAPL", tmp_path).days == 3
    with pytest.raises(MissingExtra, match="'yahoo'"):
        read_yahoo("IBM", tmp_path)
