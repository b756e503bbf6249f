"""The record of prices, what is refused, and where prices come from."""

import numpy as np
import pytest

from hringur.data.trading.prices import Prices, checked
from hringur.data.trading.processes import PROCESSES
from hringur.data.trading.sources import Part, price_source
from hringur.types import UserError


def some(days=4, paths=2):
    grid = np.arange(1.0, 1.0 + days * paths).reshape(paths, days)
    return Prices(grid, grid + 0.5, np.arange(days).astype("datetime64[D]"), ("a", "b")[:paths])


def test_a_part_in_time_keeps_names_and_dates_together():
    part = some().between(1, 3)
    assert len(part) == 2 and part.days == 2 and part.names == ("a", "b")
    assert np.array_equal(part.open, [[2.0, 3.0], [6.0, 7.0]])
    assert part.dates.tolist() == some().dates[1:3].tolist()


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("column", ["open", "close"])
def test_the_first_bad_price_is_named(bad, column):
    prices = some()
    getattr(prices, column)[1, 2] = bad
    getattr(prices, column)[0, 3] = bad
    with pytest.raises(UserError, match=f"here, day 2: {column} must be above 0, got {bad:g}"):
        checked(prices, "here")


def test_two_days_are_needed():
    for prices in (some(1), Prices(np.ones((1, 0)), np.ones((1, 0)))):
        with pytest.raises(UserError, match="at least 2 days"):
            checked(prices, "here")


@pytest.mark.parametrize("name", PROCESSES)
def test_every_process_goes_by_its_name(name):
    assert price_source(name) == PROCESSES[name]()
    assert price_source(PROCESSES[name](sigma=0.03)).sigma == 0.03


def test_names_paths_and_prices_are_told_apart(tmp_path):
    prices = some()
    assert price_source(prices) is prices
    assert price_source("stocks", "IBM").names == ("IBM",)
    path = tmp_path / "own.csv"
    path.write_text("date,open,close\n2020-01-02,1,2\n2020-01-03,2,3\n", encoding="utf-8")
    assert price_source(path).days == price_source(str(path)).days == 2


@pytest.mark.parametrize(
    "prices, ticker, told",
    [
        ("ornstein", None, "unknown prices 'ornstein'; there are ornstein-uhlenbeck"),
        ("missing.csv", None, "cannot read missing.csv"),
        ("hidden-regime", "AAPL", "ticker is an option of prices='stocks' only"),
        (3, None, "got int"),
        ("yahoo:", None, "a ticker such as AAPL"),
    ],
)
def test_what_is_no_source_is_refused(prices, ticker, told):
    with pytest.raises(UserError, match=told):
        price_source(prices, ticker)


def test_a_part_of_the_history():
    prices = some(100, 1)
    assert Part().of(prices, 5) is prices
    for split, first, last in (("train", 0, 59), ("validation", 65, 79), ("test", 85, 99)):
        days = Part(split=split).of(prices, 5).dates.astype(int)
        assert (days[0], days[-1]) == (first, last)
    assert Part(split="test", embargo=9).of(prices, 5).dates[0].astype(int) == 89
    for part, told in (
        (Part(split="tests"), "split must be one of all, train, validation, test, got 'tests'"),
        (Part(split="test", embargo=4), "embargo must be at least the window of 5 days, got 4"),
        (Part(split="test", fold=1), "fold must be in 0..0, got 1"),
        (Part(fold=1), "fold, folds and embargo have a meaning with split only"),
        (Part(split="test", folds=0), "folds must be at least 1"),
        (Part(split="test", embargo=20), "leave nothing beside an embargo of 20"),
    ):
        with pytest.raises(UserError, match=told):
            part.of(prices, 5)
