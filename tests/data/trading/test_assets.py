"""Several assets in one file, told apart by what a column holds, whatever its name is."""

from pathlib import Path

import numpy as np
import pytest

from hringur.data.trading.market_files import read_prices
from hringur.types import UserError

N = 60
WEEKDAYS = np.arange(np.datetime64("2013-11-04"), np.datetime64("2014-03-01"))
DAYS = WEEKDAYS[np.is_busday(WEEKDAYS)][:N]
LEVEL = np.round(100 + np.sin(np.arange(N)), 2)
"""Prices on which two assets meet without a jump."""
JUMP = np.where(np.arange(N) < N // 2, LEVEL, 5 * LEVEL)
HALF = (np.arange(N) >= N // 2).astype(int)


def written(folder: Path, name: str, cells, days=DAYS, prices=LEVEL) -> Path:
    path = folder / "own.csv"
    rows = [f"{d},{p},{p},{c}" for d, p, c in zip(days, prices, cells, strict=True)]
    path.write_text("\n".join([f"date,open,close,{name}", *rows]) + "\n", encoding="utf-8")
    return path


def either(one, other, of=HALF) -> list:
    return [(one, other)[int(k)] for k in of]


TURNS = np.arange(N) % 2
TWICE = np.repeat(DAYS[: N // 2], 2)
AGAIN = np.tile(DAYS[: N // 2], 2)
APART = {
    "whole numbers": (either(10107, 14593), DAYS, LEVEL),
    "numbers from a table of floats": (either("10107.0", "14593.0"), DAYS, LEVEL),
    "leading zeros": (either("000001", "600000"), DAYS, LEVEL),
    "numbers and letters": (either("0700.HK", "0005.HK"), DAYS, LEVEL),
    "the new year is where they meet": (either(1, 2, DAYS > np.datetime64("2014")), DAYS, LEVEL),
    "turns": (either(7, 9, TURNS), DAYS, LEVEL),
    "turns of words": (either("A", "B", TURNS), DAYS, LEVEL),
    "0 and 1, the same days again": (HALF.tolist(), AGAIN, LEVEL),
    "0 and 1, each day twice": (TURNS.tolist(), TWICE, LEVEL),
    "no order, each day twice": ([1, 2, 2, 1] * (N // 4), TWICE, LEVEL),
}


@pytest.mark.parametrize("name", ["x", "kode", "papier no", "iid"])
@pytest.mark.parametrize("case", APART)
def test_a_column_of_any_name_tells_assets_apart(tmp_path, case, name):
    cells, days, prices = APART[case]
    path = written(tmp_path, name, cells, days, prices)
    first, second = dict.fromkeys(map(str, cells))
    with pytest.raises(UserError, match=rf"2 assets \({first}, {second}\); choose one with symbol"):
        read_prices(path)
    chosen = read_prices(path, max_gap_days=200, symbol=second)
    np.testing.assert_array_equal(chosen.close[0], prices[[str(c) == second for c in cells]])


@pytest.mark.parametrize(
    "cells",
    [
        HALF.tolist(),
        either("True", "False"),
        either("", "B"),
        either("1.5", "2.5"),
    ],
)
def test_what_changes_only_where_the_price_jumps_tells_assets_apart(tmp_path, cells):
    path = written(tmp_path, "x", cells, prices=JUMP)
    with pytest.raises(UserError, match="line 32: the price is 4.9.* where 'x' changes only"):
        read_prices(path)
    assert read_prices(written(tmp_path, "x", cells)).days == N


def of_days(function) -> list:
    return [function(day) for day in DAYS.tolist()]


HONEST = {
    "year": ("x", of_days(lambda day: day.year)),
    "fiscal year": ("x", of_days(lambda day: f"FY{day.year + (day.month > 11)}")),
    "month": ("x", of_days(lambda day: day.month)),
    "name of the month": ("x", of_days(lambda day: f"{day:%B}")),
    "year and month": ("x", of_days(lambda day: f"{day:%Y-%m}")),
    "months since the start": ("x", of_days(lambda day: 12 * day.year + day.month - 24_155)),
    "quarter": ("x", of_days(lambda day: f"Q{(day.month + 2) // 3}")),
    "week": ("x", of_days(lambda day: f"{day:%G-W%V}")),
    "weekday": ("x", of_days(lambda day: day.weekday() + 2)),
    "another language's weekday": (
        "x",
        of_days(lambda day: "Mo Di Mi Do Fr".split()[day.weekday()]),
    ),
    "day without dashes": ("x", of_days(lambda day: f"{day:%Y%m%d}")),
    "expiry": ("x", either("2014-03-21", "2014-06-20")),
    "running number": ("x", list(range(N))),
    "constant": ("x", [7] * N),
    "volume": ("Volume", either(1_000, 2_000)),
    "shares": ("shares outstanding", either(1_000, 2_000)),
    "dividends": ("x", [0] * 20 + [3] + [0] * 39),
    "flag": ("x", HALF.tolist()),
    "flag in words": ("x", either("no", "yes")),
    "train and test": ("x", either("train", "test")),
    "fiscal quarter": ("fiscal_quarter", either("FY2014Q2", "FY2014Q3")),
    "whole ratio": ("P/E ratio", either(20, 21)),
    "rate": ("x", either(0.25, 0.5)),
    "rows of two files of one asset": ("Unnamed: 0", list(range(N // 2)) * 2),
}


@pytest.mark.parametrize("case", HONEST)
def test_calendars_measures_and_flags_are_no_assets(tmp_path, case):
    assert read_prices(written(tmp_path, *HONEST[case])).days == N


@pytest.mark.parametrize("name", ["MSFT close", "TRI", "bereinigt", "total return", "unadjusted"])
def test_other_columns_that_change_are_named(tmp_path, capsys, name):
    read_prices(written(tmp_path, name, LEVEL))
    assert f"open and close; not used: {name}\n" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["cfacpr", "ajexdi", "stock dividend", "bonus ratio"])
def test_other_names_of_what_adjusts_are_refused(tmp_path, name):
    with pytest.raises(UserError, match=f"the column '{name}' is about adjusting prices"):
        read_prices(written(tmp_path, name, either(0, 0.1)))
