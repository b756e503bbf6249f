"""Prices from files: what is read, and every bad file refused in one line naming the row."""

import csv
import gzip
import os
import re
from pathlib import Path

import numpy as np
import pytest

from hringur.data.trading import market_files, tables
from hringur.data.trading.market_files import read_prices, shipped_stocks
from hringur.types import UserError

GOOD = "Date,Open,High,Low,Close,Volume\n2020-01-02,1.0,2,1,1.5,9\n2020-01-03,1.6,2,1,1.7,9\n"


def write(tmp_path: Path, text: str, name: str = "own.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_csv_is_read_as_it_stands(tmp_path):
    prices = read_prices(write(tmp_path, GOOD))
    assert np.array_equal(prices.open, [[1.0, 1.6]]) and np.array_equal(prices.close, [[1.5, 1.7]])
    assert prices.dates.tolist() == np.array(["2020-01-02", "2020-01-03"], "datetime64[D]").tolist()
    assert prices.names == ("own",) and prices.days == 2 and len(prices) == 1


def test_order_and_case_of_columns_blank_lines_and_midnight_do_not_matter(tmp_path):
    text = "CLOSE, date ,oPen\n\n1.5,2020-01-02 00:00:00,1\n1.7,2020-01-03T00:00:00,1.6\n"
    prices = read_prices(write(tmp_path, text))
    assert np.array_equal(prices.open, [[1.0, 1.6]]) and np.array_equal(prices.close, [[1.5, 1.7]])


def test_adj_close_adjusts_the_open_too(tmp_path):
    """A split of two for one: 100 becomes 50 overnight, and nobody lost anything."""
    text = "date,open,close,Adj Close\n2020-01-02,98,100,50\n2020-01-03,50,51,51\n"
    prices = read_prices(write(tmp_path, text))
    assert np.allclose(prices.open, [[49.0, 50.0]]) and np.array_equal(prices.close, [[50.0, 51.0]])


@pytest.mark.parametrize(
    "text, told",
    [
        ("", "the file is empty"),
        ("date,open,close\n", "at least 2 rows"),
        ("date,open,close\n2020-01-02,1,1\n", "at least 2 rows"),
        ("date,close\n2020-01-02,1\n2020-01-03,1\n", "column 'open' is missing.*found: date"),
        ("date,open,open,close\n", "'open' is there twice"),
        ("date,open,close\n2020-01-02,1,1\n2020-01-03,1\n", "line 3: 3 cells expected, got 2"),
        ("date,open,close\n2020-01-02,1,1\n2020-01-03,0,1\n", "line 3: open must be above 0"),
        ("date,open,close\n2020-01-02,1,1\n2020-01-03,1,-2\n", "line 3: close .* got -2"),
        ("date,open,close\n2020-01-02,1,1\n\n2020-01-03,nan,1\n", "line 4: open .* got nan"),
        ("date,open,close\n2020-01-02,inf,1\n2020-01-03,1,1\n", "line 2: open .* got inf"),
        ("date,open,close\n2020-01-02,1,\n2020-01-03,1,1\n", "line 2: close must be a number"),
        ("date,open,close\n2020-01-02,1,1\n2020-01-02,1,1\n", "line 3: .*2020-01-02 comes twice"),
        ("date,open,close\n2020-01-03,1,1\n2020-01-02,1,1\n", "line 3: .*comes after 2020-01-03"),
        (
            "date,open,close\n2020-01-02,1,1\n2020-01-20,1,1\n",
            "line 3: 18 days without.* max_gap_days=14 ",
        ),
        ("date,open,close\n2020-01-02 00:00:00-05:00,1,1\n2020-01-03,1,1\n", "line 2.*time zone"),
        ("date,open,close\n2020-01-02T00:00:00Z,1,1\n2020-01-03,1,1\n", "line 2.*time zone"),
        ("date,open,close\n2020-01-02 09:30:00,1,1\n2020-01-03,1,1\n", "line 2.*time of day"),
        ("date,open,close\n02/01/2020,1,1\n2020-01-03,1,1\n", "line 2: a date such as 2020-01-31"),
        ("date,open,close\n2020-02-30,1,1\n2020-03-01,1,1\n", "line 2: a date such as"),
        ("date,open,close,adj close\n2020-01-02,1,1,0\n2020-01-03,1,1,1\n", "line 2: .*above 0"),
        ('date,open,close\n"2020-01-02,1,1\n', "not a CSV file"),
    ],
)
def test_a_bad_csv_is_refused_by_row(tmp_path, text, told):
    path = write(tmp_path, text)
    with pytest.raises(UserError, match=told) as refusal:
        read_prices(path)
    assert str(path) in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_hole_may_be_as_long_as_it_is_allowed_to_be(tmp_path):
    path = write(tmp_path, "date,open,close\n2020-01-02,1,1\n2020-01-20,1,1\n")
    assert read_prices(path, max_gap_days=18).days == 2
    with pytest.raises(UserError, match="18 days"):
        read_prices(path, max_gap_days=17)


def test_a_long_history_is_read_as_a_whole_and_says_the_same(tmp_path, monkeypatch):
    """Oracle: the same file read cell by cell."""
    days = np.datetime64("1950-01-01") + np.arange(5_000)
    price = np.exp(np.random.default_rng(0).normal(0, 0.01, 5_000).cumsum())
    rows = [f"{day},{a:.4f},{b:.6f}" for day, a, b in zip(days, price, 1.01 * price, strict=True)]
    path = write(tmp_path, "\n".join(["Date,Open,Close", *rows]))
    found = read_prices(path)
    monkeypatch.setattr(tables, "csv_columns", lambda *_: None)
    monkeypatch.setattr(market_files, "PLAIN_NUMBERS", b"")
    by_cell = read_prices(path)
    assert found.days == 5_000 and found.dates.tolist() == by_cell.dates.tolist() == days.tolist()
    np.testing.assert_array_equal(found.open, by_cell.open)
    np.testing.assert_array_equal(found.close, by_cell.close)


def test_a_missing_file_is_refused(tmp_path):
    for name in ("none.csv", "none.parquet"):
        with pytest.raises(UserError, match=f"cannot read .*{name}"):
            read_prices(tmp_path / name)


def parquet(tmp_path, columns) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow.parquet import write_table

    path = tmp_path / "own.parquet"
    write_table(pyarrow.table(columns), path)
    return path


def test_parquet_says_the_same_as_csv(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    csv_prices = read_prices(write(tmp_path, GOOD))
    for kind in (pyarrow.date32(), pyarrow.timestamp("ns"), pyarrow.timestamp("us")):
        dates = pyarrow.array(["2020-01-02", "2020-01-03"]).cast(pyarrow.timestamp("s")).cast(kind)
        path = parquet(tmp_path, {"Close": [1.5, 1.7], "Date": dates, "open": [1.0, 1.6]})
        prices = read_prices(path)
        assert np.array_equal(prices.open, csv_prices.open)
        assert np.array_equal(prices.close, csv_prices.close)
        assert np.array_equal(prices.dates, csv_prices.dates)


def test_bad_parquet_is_refused_by_row(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    days = pyarrow.array(["2020-01-02", "2020-01-03"]).cast(pyarrow.timestamp("s"))
    zoned = days.cast(pyarrow.timestamp("s", tz="America/New_York"))
    for columns, told in (
        ({"date": zoned, "open": [1.0, 1.0], "close": [1.0, 1.0]}, "row 1: .*time zone"),
        ({"date": days, "open": [1.0, None], "close": [1.0, 1.0]}, "row 2: open must be a number"),
        ({"date": days, "open": [True, True], "close": [1.0, 1.0]}, "row 1: open .* got True"),
        ({"date": days, "open": ["1_0", "1"], "close": [1.0, 1.0]}, "row 1: open .* got '1_0'"),
        (
            {"date": days, "open": [1.0, 2.0], "close": [1.0, 2.0], "name": ["A", "B"]},
            r"2 assets \(A, B\); choose one with symbol=",
        ),
        ({"date": days, "open": [1.0, 1.0], "close": [1.0, 0.0]}, "row 2: close must be above 0"),
        ({"date": days, "open": [1.0, 1.0]}, "column 'close' is missing"),
    ):
        with pytest.raises(UserError, match=told):
            read_prices(parquet(tmp_path, columns))
    with pytest.raises(UserError, match="cannot read .* as Parquet"):
        read_prices(write(tmp_path, GOOD, "no.parquet"))


def test_a_parquet_file_is_measured_before_it_is_read(tmp_path, monkeypatch):
    path = parquet(tmp_path, {"date": ["2020-01-02"] * 3, "open": [1.0] * 3, "close": [1.0] * 3})
    monkeypatch.setattr(tables, "MAX_ROWS", 2)
    with pytest.raises(UserError, match="at most 2 rows are read, it has 3"):
        read_prices(path)
    os.mkfifo(tmp_path / "pipe.parquet")
    with pytest.raises(UserError, match="it is a pipe or a device"):
        read_prices(tmp_path / "pipe.parquet")


@pytest.mark.parametrize(
    "column, one, two",
    [
        ("symbol", "A", "B"),
        ("gvkey", "1690", "6066"),
        ("stockid", "1", "2"),
        ("wkn", "865985", "870747"),
        ("Stkcd", "1", "2"),
        ("no such name", "Fund A", "Fund B"),
    ],
)
def test_assets_stacked_without_a_jump_are_told_by_their_column(tmp_path, column, one, two):
    """One ends on the day and at the price where the next begins."""
    days = np.arange(np.datetime64("2015-12-01"), np.datetime64("2016-02-01"))
    lines = [
        f"{day},{one if k < 31 else two},{100 + k / 10},{100 + k / 10}"
        for k, day in enumerate(days)
    ]
    text = f"date,{column},open,close\n" + "\n".join(lines)
    with pytest.raises(UserError, match=rf"2 assets \({one}, {two}\); choose one with symbol="):
        read_prices(write(tmp_path, text))
    assert read_prices(write(tmp_path, text), symbol=two).days == 31


def raw_rows(ticker: str) -> list[dict[str, str]]:
    path = Path(market_files.__file__).parent / "markets" / "stocks.csv.gz"
    with gzip.open(path, "rt") as file:
        return [row for row in csv.DictReader(file) if row["Ticker"] == ticker]


@pytest.mark.parametrize("ticker", ["AAPL", "GOOG", "IBM", "MSFT", "FB"])
def test_shipped_stocks_are_the_adjusted_rows_of_the_file(ticker):
    prices, rows = shipped_stocks(ticker), raw_rows(ticker)
    assert prices.days == len(rows) and prices.names == (ticker,)
    assert [str(day) for day in prices.dates] == [row["Date"] for row in rows]
    for day in (0, len(rows) // 2, len(rows) - 1):
        row = {name: float(rows[day][name]) for name in ("Open", "Close", "Adj Close")}
        assert prices.close[0, day] == row["Adj Close"]
        assert np.isclose(prices.open[0, day], row["Open"] * row["Adj Close"] / row["Close"])


def test_a_split_leaves_no_jump():
    """Apple's two for one of 21 June 2000: the raw close of 101.25 is followed by 55.63."""
    raw = {row["Date"]: float(row["Close"]) for row in raw_rows("AAPL")}
    assert raw["2000-06-21"] / raw["2000-06-20"] < 0.6
    prices = shipped_stocks("AAPL")
    day = int(prices.dates.searchsorted(np.datetime64("2000-06-21")))
    assert abs(np.log(prices.close[0, day] / prices.close[0, day - 1])) < 0.15
    assert abs(np.log(prices.open[0, day] / prices.close[0, day - 1])) < 0.15


def test_without_a_ticker_the_four_long_series_on_their_common_days():
    four = shipped_stocks()
    assert four.names == ("AAPL", "GOOG", "IBM", "MSFT") and four.close.shape == (4, 2148)
    assert str(four.dates[0]) == "2004-08-19" and str(four.dates[-1]) == "2013-03-01"
    for row, ticker in enumerate(four.names):
        own = shipped_stocks(ticker)
        assert np.array_equal(own.dates[-2148:], four.dates)
        assert np.array_equal(own.close[0, -2148:], four.close[row])


def test_an_unknown_ticker_and_a_damaged_file_are_refused(monkeypatch):
    with pytest.raises(UserError, match="one of AAPL, .*got 'TSLA'"):
        shipped_stocks("TSLA")
    market_files._stocks.cache_clear()
    monkeypatch.setattr(market_files, "STOCKS_SHA256", "0" * 64)
    with pytest.raises(UserError, match=re.escape("stocks.csv.gz is damaged")):
        shipped_stocks("AAPL")
