"""Columns as vendors name them: one history under every name, several assets, odd numbers."""

from pathlib import Path

import numpy as np
import pytest

from hringur.data.trading.columns import roles_of
from hringur.data.trading.market_files import read_prices
from hringur.data.trading.prices import _say_once
from hringur.data.trading.sources import price_source
from hringur.envs.trading.stock_trading import trading_problem
from hringur.types import UserError

DAYS = ["2014-06-05", "2014-06-06", "2014-06-09", "2014-06-10"]
RAW = {"open": [646.2, 649.9, 92.7, 94.73], "close": [647.35, 645.57, 93.7, 94.25]}
FACTOR = np.array([1 / 7, 1 / 7, 1, 1])
"""Seven new shares for an old one on 2014-06-09."""

CELLS = {
    "d": DAYS,
    "o": RAW["open"],
    "c": RAW["close"],
    "ao": np.multiply(RAW["open"], FACTOR).tolist(),
    "ac": np.multiply(RAW["close"], FACTOR).tolist(),
    "s": [1.0, 1.0, 7.0, 1.0],
    "s0": [0.0, 0.0, 7.0, 0.0],
    "f": (1 / FACTOR).tolist(),
    "-": [1, 1, 1, 1],
    "n": ["AAPL"] * 4,
}

VENDORS = {
    "Yahoo": "Date,Open,High,Low,Close,Adj Close,Volume d,o,-,-,c,ac,-",
    "Yahoo's page": "Date,Open,High,Low,Close*,Adj Close**,Volume d,o,-,-,c,ac,-",
    "Yahoo's page with help": "Date,Open,Close Close price adjusted for splits.,Adj Close Adjusted "
    "close price adjusted for splits and dividend and/or capital gain distributions. d,o,c,ac",
    "Quandl WIKI": "Date,Open,High,Low,Close,Volume,Ex-Dividend,Split Ratio,Adj. Open,Adj. High,"
    "Adj. Low,Adj. Close,Adj. Volume d,o,-,-,c,-,-,s,ao,-,-,ac,-",
    "Nasdaq Data Link EOD": "Date,Open,Close,Dividend,Split,Adj_Open,Adj_Close d,o,c,-,s,ao,ac",
    "Sharadar": "ticker,date,open,high,low,close,volume,closeadj,closeunadj n,d,o,-,-,c,-,ac,c",
    "EODHD": "Date,Open,High,Low,Close,Adjusted_close,Volume d,o,-,-,c,ac,-",
    "Alpha Vantage": "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,"
    "split_coefficient d,o,-,-,c,ac,-,-,s",
    "Alpha Vantage, Python": "date,1. open,2. high,3. low,4. close,5. adjusted close,6. volume,"
    "7. dividend amount,8. split coefficient d,o,-,-,c,ac,-,-,s",
    "Tiingo": "date,close,open,adjClose,adjOpen,divCash,splitFactor d,c,o,ac,ao,-,s",
    "marketstack": "open,close,adj_close,adj_open,split_factor,dividend,symbol,exchange,date "
    "o,c,ac,ao,s,-,n,-,d",
    "quantmod": ",SPY.Open,SPY.High,SPY.Low,SPY.Close,SPY.Volume,SPY.Adjusted d,o,-,-,c,-,ac",
    "quantmod, dotted symbol": '"Index","BRK.B.Open","BRK.B.Close","BRK.B.Adjusted" d,o,c,ac',
    "R's make.names": "Date,Open,Close,Adj.Close d,o,c,ac",
    "J-Quants": "Date,Code,Open,Close,AdjustmentFactor,AdjustmentOpen,AdjustmentClose "
    "d,n,o,c,f,ao,ac",
    "tidyquant": "symbol,date,open,close,adjusted n,d,o,c,ac",
    "yahoofinancer": "date,open,close,adj_close d,o,c,ac",
    "Parquet by pandas": "Unnamed: 0,Open,Close,Adjusted Close Price d,o,c,ac",
    "stooq, adjusted by itself": "Date,Open,High,Low,Close,Volume d,ao,-,-,ac,-",
    "stooq's archive": "<TICKER>,<PER>,<DATE>,<OPEN>,<CLOSE>,<OPENINT> n,-,d,ao,ac,-",
    "yfinance, adjusted by itself": "Date,Open,Close,Dividends,Stock Splits d,ao,ac,-,s0",
    "adjusted only": "date,adj_open,adj_close d,ao,ac",
    "splits only": "date,open,close,split_factor d,o,c,s",
    "splits as 0 on other days": "date,open,close,Stock Splits d,o,c,s0",
}


def written(tmp_path: Path, names: str, keys: list[str], **cells) -> Path:
    columns = [(CELLS | cells)[key] for key in keys]
    rows = [",".join(map(str, row)) for row in zip(*columns, strict=True)]
    path = tmp_path / "own.csv"
    path.write_text("\n".join([names, *rows]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("vendor", VENDORS)
def test_one_history_has_equal_returns_under_every_name(tmp_path, vendor):
    names, _, keys = VENDORS[vendor].rpartition(" ")
    prices = read_prices(written(tmp_path, names, keys.split(",")))
    np.testing.assert_allclose(prices.open[0], CELLS["ao"], rtol=1e-12)
    np.testing.assert_allclose(prices.close[0], CELLS["ac"], rtol=1e-12)


@pytest.mark.parametrize(
    "name, cells",
    [
        ("adj_factor", CELLS["f"]),
        ("Factor", CELLS["f"]),
        ("Adjusted close (EUR)", CELLS["ac"]),
        ("adjustflag", [1, 1, 2, 2]),
        ("Price adjusted for splits", CELLS["ac"]),
    ],
)
def test_a_column_about_adjusting_is_refused_or_named(tmp_path, capsys, name, cells):
    _say_once.cache_clear()
    path = written(tmp_path, f"date,open,close,{name}", ["d", "o", "c", "x"], x=cells)
    with pytest.raises(UserError, match="is about adjusting prices") as refusal:
        read_prices(path)
    assert repr(name) in str(refusal.value)
    for x in (cells, CELLS["-"]):  # beside adjusted prices, or without effect
        keys = ["d", "o", "c", "x", *["ac"] * (x is cells)]
        more = ",adj close" * (x is cells)
        read_prices(written(tmp_path, f"date,open,close,{name}{more}", keys, x=x))
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and f"not used: {name}" in said


def test_what_was_used_is_said_once(tmp_path, capsys):
    _say_once.cache_clear()
    path = written(tmp_path, "Date,Open,Close,Dividend,Adj Close", ["d", "o", "c", "-", "ac"])
    for _ in range(3):
        read_prices(path)
    assert capsys.readouterr().err == (
        f"hringur: {path}: 4 days of Open and Close, adjusted by Adj Close; not used: Dividend\n"
    )


def test_a_jump_of_the_prices_is_said_with_its_row(tmp_path, capsys):
    _say_once.cache_clear()
    closes = [10, 10, 1000, 1010]  # in cents from the third day on
    read_prices(written(tmp_path, "date,open,close", ["d", "j", "j"], j=closes))
    assert "open and close; check line 4: its price is 100 times the one before\n" in (
        capsys.readouterr().err
    )
    read_prices(written(tmp_path, "date,open,close", ["d", "j", "j"], j=[8, 8, 2, 2]))
    assert "check line 4: its price is 0.25 times" in capsys.readouterr().err
    read_prices(written(tmp_path, "date,open,close", ["d", "j", "j"], j=[8, 14, 10, 6]))
    assert "check" not in capsys.readouterr().err


def of_a_split(heading, other, tmp_path):
    """Sixteen days, of which the ninth is after a split of 2:1; ``other`` makes one more column."""
    close = [100.0 + k % 5 + 0.01 * k for k in range(16)]
    lines = []
    for k, one in enumerate(close):
        price = one * (1 + (k < 8))
        lines.append(f"2020-01-{k + 1:02d},{price:.2f},{price:.2f},{other(k, one):.3f}")
    path = tmp_path / "prices.csv"
    path.write_text("\n".join([f"date,open,close,{heading}", *lines]) + "\n")
    return path


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("fClose", lambda k, close: close),
        ("Total Return Close", lambda k, close: close * 0.998 ** (k < 4)),  # a dividend, too
        ("TRI", lambda k, close: 7 * close),
    ],
)
def test_a_column_that_leaves_out_the_move_is_not_passed_over(name, other, tmp_path):
    with pytest.raises(UserError) as refusal:
        read_prices(of_a_split(name, other, tmp_path))
    assert str(refusal.value).endswith(
        f"line 10: the price is 0.505 times the one before, that in {name!r} is not: if it is"
        " an adjusted price, call it 'adj close', else remove it"
    )


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("vwap", lambda k, close: close * (1 + (k < 8))),
        ("turnover", lambda k, close: 1000.0 + 97 * (k * k % 11)),
        ("average", lambda k, close: 150.0 - k),
    ],
)
def test_other_columns_go_with_the_move_or_with_nothing(name, other, tmp_path, capsys):
    read_prices(of_a_split(name, other, tmp_path))
    assert "check line 10: its price is 0.505 times" in capsys.readouterr().err


def test_nothing_is_said_of_prices_that_are_then_refused(tmp_path, capsys):
    _say_once.cache_clear()
    path = str(written(tmp_path, "date,open,close", ["d", "o", "c"]))
    for options, told in (({"window": 3}, "needs at least 5 days"), ({"fee": -1.0}, "fee must be")):
        with pytest.raises(UserError, match=told):
            trading_problem(path, **{"window": 1} | options)
    assert capsys.readouterr().err == ""
    trading_problem(path, window=1)
    with pytest.raises(UserError, match="there is no asset '2330'"):
        trading_problem(path, window=1, symbol=2330)  # as --option symbol=2330 gives it
    assert capsys.readouterr().err.count("\n") == 1


def test_splits_that_do_not_fit_the_prices_are_refused(tmp_path):
    for split, told in (
        ([1, 1, 2, 1], "line 4: prices neither all follow nor all ignore the splits, here of 2"),
        ([1, 2, 7, 1], "line 3: prices neither"),
        ([1, -1, 7, 1], "line 3: a split must be 0 or above, got -1"),
        ([1, "x", 7, 1], "line 3: split must be a ratio such as 2 or 3:1, got 'x'"),
        ([1, "1:0", 7, 1], "line 3: split must be a ratio"),
    ):
        with pytest.raises(UserError, match=told):
            read_prices(written(tmp_path, "date,open,close,split", ["d", "o", "c", "s"], s=split))
    path = written(tmp_path, "date,open,close,split", ["d", "o", "c", "s"], s=["", "", "7/1", ""])
    np.testing.assert_allclose(read_prices(path).close[0], CELLS["ac"], rtol=1e-12)


def test_two_columns_of_one_role_are_refused():
    with pytest.raises(UserError, match="'adj close' is there twice: 'Adj Close' and 'adjusted'"):
        roles_of(["date", "open", "close", "Adj Close", "adjusted"], "x.csv")
    with pytest.raises(UserError, match="'date' is there twice"):
        roles_of(["date", "Date", "open", "close"], "x.csv")


TWO = {
    "below, by name": ("date,open,close,Name", ["A", "A", "B", "B"]),
    "below, by an odd name": ("date,open,close,what", ["A", "A", "B", "B"]),
    "below, by number": ("date,open,close,PERMNO", [1, 1, 2, 2]),
    "below, one row each": ("date,open,close,ticker", ["A", "B", "C", "D"]),
    "beside a constant column": ("date,open,close,ts_code", ["000001.SZ"] * 2 + ["2.SZ"] * 2),
}


@pytest.mark.parametrize("case", TWO)
def test_several_assets_are_refused_or_one_is_chosen(tmp_path, case):
    names, assets = TWO[case]
    path = written(tmp_path, names, ["d", "o", "c", "x"], x=assets)
    listed = ", ".join(dict.fromkeys(map(str, assets)))
    with pytest.raises(UserError, match=rf"assets \({listed}\); choose one with symbol="):
        read_prices(path)
    with pytest.raises(UserError, match="there is no asset 'Z'; there is"):
        read_prices(path, symbol="Z")
    if len(set(assets)) == 2:
        prices = price_source(path, symbol=str(assets[-1]))
        assert prices.close.tolist() == [CELLS["c"][2:]] and prices.names == (str(assets[-1]),)


def test_assets_side_by_side_are_refused_or_one_is_chosen(tmp_path):
    names = '"",SPY.Open,SPY.Close,SPY.Adjusted,QQQ.Open,QQQ.Close,QQQ.Adjusted'
    path = written(tmp_path, names, ["d", "o", "c", "ac", "ao", "ac", "ac"])
    with pytest.raises(UserError, match=r"2 assets \(SPY, QQQ\)"):
        read_prices(path)
    assert read_prices(path, symbol="QQQ").open.tolist() == [CELLS["ao"]]
    assert read_prices(path, symbol="SPY").close.tolist() == [CELLS["ac"]]


def test_rows_of_a_chosen_asset_keep_their_line_numbers(tmp_path):
    path = written(tmp_path, "date,open,close,Name", ["d", "o", "x", "n"], x=[1, 1, 1, 0])
    path.write_text(path.read_text().replace("AAPL", "B", 2))
    with pytest.raises(UserError, match="line 5: close must be above 0"):
        read_prices(path, symbol="AAPL")


def test_words_that_are_no_assets_do_not_matter(tmp_path):
    for name, cells in (
        ("weekday", ["Thu", "Fri", "Mon", "Tue"]),
        ("note", ["", "", "split", ""]),
        ("currency", ["USD"] * 4),
        ("id", [1, 2, 3, 4]),
    ):
        path = written(tmp_path, f"date,open,close,{name}", ["d", "ao", "ac", "x"], x=cells)
        assert read_prices(path).days == 4


@pytest.mark.parametrize("cell", ["1_0", "１０", "True", "1,5", "0x10", "$12"])
def test_what_only_looks_like_a_number_is_refused(tmp_path, cell):
    quoted = f'"{cell}"'
    path = written(tmp_path, "date,open,close", ["d", "o", "x"], x=[1, quoted, 1, 1])
    with pytest.raises(UserError, match="line 3: close must be a number above 0, got"):
        read_prices(path)


@pytest.mark.parametrize(
    "before, after",
    [
        ("2023-01-17", "2023-01-30"),  # Taipei, Lunar New Year
        ("2020-01-23", "2020-02-03"),  # Shanghai
        ("2023-09-28", "2023-10-09"),
        ("2019-04-26", "2019-05-07"),  # Tokyo, Golden Week
        ("2017-09-29", "2017-10-10"),  # Seoul, Chuseok
        ("2025-03-27", "2025-04-08"),  # Jakarta, Eid
        ("2001-09-10", "2001-09-17"),  # New York
    ],
)
def test_regular_closures_are_no_holes(tmp_path, before, after):
    days = [before, after, "2026-01-05", "2026-01-06"]
    path = written(tmp_path, "date,open,close", ["d", "o", "c"], d=days)
    path.write_text("\n".join(path.read_text().splitlines()[:3]))
    assert read_prices(path).days == 2
    with pytest.raises(UserError, match="at most max_gap_days=6 are taken"):
        read_prices(path, max_gap_days=6)


@pytest.mark.parametrize("days", [0, -1, True])
def test_odd_limits_are_refused(tmp_path, days):
    path = written(tmp_path, "date,open,close", ["d", "ao", "ac"])
    with pytest.raises(UserError, match="max_gap_days must be a whole number from 1"):
        price_source(path, max_gap_days=days)


def test_options_of_files_are_refused_elsewhere():
    for prices in ("stocks", "ornstein-uhlenbeck"):
        for options in ({"symbol": "A"}, {"max_gap_days": 20}):
            with pytest.raises(UserError, match="options of prices in a file only"):
                price_source(prices, **options)
    with pytest.raises(UserError, match="unknown prices 'xxx"):
        price_source("x" * 300)
