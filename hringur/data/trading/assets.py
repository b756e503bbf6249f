"""One asset of a table of prices that may hold several, side by side or one below the other.

Which asset a row is of may be told by a column of any name, so such columns are known by what they
hold: values that come in blocks or take turns, or that part rows whose dates repeat. What a
calendar, a flag or a measure has is no asset.
"""

import re
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import date
from operator import ge, ne
from typing import Any

import numpy as np

from hringur.data.trading.columns import is_measure, is_symbol, prefixes_of, roles_of
from hringur.data.trading.prices import Prices
from hringur.data.trading.tables import Table
from hringur.types import UserError

SHOWN = 6
"""Names of assets, or of columns, that a message lists."""

MOST_LOOKED_AT = 10_000

FLAGS = {"", "0", "1", "true", "false", "yes", "no", "y", "n"}
FLAGS |= {"train", "training", "val", "valid", "validation", "test"}
QUANTITY = re.compile(
    r"[-+]?[\d.,]*\d(e[-+]?\d+)?%?|\d{1,4}[-/.:]\d{1,2}([-/.:]\d{1,4})?(\D.*)?", re.I | re.ASCII
)
"""A number, a day or a time: no name, unless it is a whole number."""

Rows = dict[str, list[int]]
"""Numbers of the rows of each asset."""


def one_asset(table: Table, where: str, symbol: str | None) -> Table:
    """The rows and columns of one asset; ``symbol`` chooses it where there are several.

    Raises:
        UserError: there are several and no ``symbol``, or none of that name.
    """
    beside = prefixes_of(table.names)
    if beside:
        asset = _choice(list(beside), symbol, where)
        left_out = {at for name in beside if name != asset for at in beside[name]}
        kept = [at for at in range(len(table.names)) if at not in left_out]
        names = [table.names[at].removeprefix(f"{asset}.") for at in kept]
        return replace(table, names=names, columns=[table.columns[at] for at in kept])
    found = _candidates(table, where, symbol)
    most = max(found, key=lambda at: (symbol in found[at], len(found[at])), default=-1)
    chosen = found.get(most, {})
    if symbol is None and len(chosen) < 2:
        return table
    hint = "" if most < 0 else f", or leave out the column {table.names[most]!r} if these are one"
    kept = chosen[_choice(list(chosen), symbol, where, hint)]
    columns = [[cells[k] for k in kept] for cells in table.columns]
    return Table(table.names, columns, lambda k: table.row(kept[k]))


def _candidates(table: Table, where: str, symbol: str | None) -> dict[int, Rows]:
    """By column, the rows of each asset that it may tell apart; all that have the ``symbol``."""
    roles = roles_of(table.names, where)
    others = [at for at in range(len(table.names)) if at not in roles.values()]
    days = table.columns[roles["date"]] if "date" in roles else []
    found = {at: rows for at in others if (rows := _assets(table, at, days))}
    if all(len(rows) < 2 for rows in found.values()) and not _rise(days):
        found |= _of_repeated_days(table, others, days)
    if symbol is not None and not any(symbol in rows for rows in found.values()):
        every = {at: _rows(table.columns[at]) for at in others if not is_measure(table.names[at])}
        found |= {at: rows for at, rows in every.items() if symbol in rows}
    return found


def parting(table: Table, used: list[int], prices: Prices, most: float) -> str | None:
    """The column, if there is one, whose values part prices so that none moves by a factor.

    For prices that do move more than ``most`` times from one close to the next: between two assets.
    """
    for at, name in enumerate(table.names):
        if at in used or is_measure(name):
            continue
        _, of, sizes = np.unique(
            [str(cell) for cell in table.columns[at]], return_inverse=True, return_counts=True
        )
        if 1 < len(sizes) and sizes.min() > 1:
            order = np.argsort(of, kind="stable")
            moves = np.diff(np.log(prices.close[0, order]))[np.diff(of[order]) == 0]
            if abs(moves).max() <= np.log(most) and not _is_calendar(
                table.columns[at], table.columns[used[0]]
            ):
                return name
    return None


def _choice(assets: list[str], symbol: str | None, where: str, hint: str = "") -> str:
    """The asset to read, else a refusal that lists what there is."""
    if symbol in assets or (symbol is None and len(assets) == 1):
        return symbol or assets[0]
    more = f" and {len(assets) - SHOWN:,} more" if len(assets) > SHOWN else ""
    listed = (", ".join(assets[:SHOWN]) or "no column that names one") + more
    if symbol is None:
        several = f"{where}: {len(assets):,} assets ({listed})"
        raise UserError(f"{several}; choose one with symbol=...{hint}")
    raise UserError(f"{where}: there is no asset {symbol!r}; there is {listed}")


def _rows(cells: list[Any]) -> Rows:
    rows: Rows = {}
    for k, cell in enumerate(cells):
        rows.setdefault(str(cell).strip(), []).append(k)
    return rows


def _assets(table: Table, at: int, days: list[Any]) -> Rows:
    """The rows of each asset, if this column says which asset a row is of."""
    name, cells = table.names[at], table.columns[at]
    if is_symbol(name):
        rows = _rows(cells)
        counts = len(rows) == len(cells) and all(asset.isdecimal() for asset in rows)
        return {} if counts else rows  # a running number is no asset
    changes = sum(map(ne, cells, cells[1:]))
    turns = cells.index(cells[0], 1) if cells and cells[0] in cells[1:] else 1
    in_turns = turns > 1 and cells[turns:] == cells[:-turns]
    in_blocks = 0 < 2 * changes <= len(cells) - 2
    if is_measure(name) or not (in_turns or in_blocks):
        return {}
    rows = _rows(cells)
    sizes = [len(of) for of in rows.values()]
    whole = all(_may_name(asset) for asset in rows)
    if not whole or FLAGS.issuperset(map(str.lower, rows)) or _is_calendar(cells, days):
        return {}
    if len(rows) != (turns if in_turns else changes + 1) or 2 * len(rows) > len(cells):
        return {}
    return rows if min(sizes) > 1 or not any(map(_is_whole, rows)) else {}


def _of_repeated_days(table: Table, others: list[int], days: list[Any]) -> dict[int, Rows]:
    """The column with the fewest values whose rows of a value have rising days, if there is one."""
    found = {}
    for at in others:
        rows = {} if is_measure(table.names[at]) else _rows(table.columns[at])
        if 1 < len(rows) <= len(days) / 2 and all(map(_may_name, rows)):
            if all(_rise([days[k] for k in of]) for of in rows.values()):
                found[at] = rows
    fewest = min(found, key=lambda at: len(found[at]), default=-1)
    return {fewest: found[fewest]} if found else {}


def _rise(days: list[Any]) -> bool:
    with suppress(TypeError):  # dates and nothing, which is refused later
        return not any(map(ge, days, days[1:]))
    return True


def _is_whole(text: str) -> bool:
    return bool(re.fullmatch(r"[-+]?\d+(\.0*)?", text, re.ASCII))


def _may_name(text: str) -> bool:
    return bool(text) and (_is_whole(text) or not QUANTITY.fullmatch(text))


def _is_calendar(cells: list[Any], days: list[Any]) -> bool:
    """Whether cells are years, months, weeks, weekdays or days, however they are written."""
    at = [0, *(k for k in range(1, len(cells)) if cells[k] != cells[k - 1]), len(cells) - 1]
    at = at[:MOST_LOOKED_AT]
    try:
        known = [date.fromisoformat(str(days[k])[:10]) for k in at]
    except (ValueError, IndexError):
        return False
    texts = [re.sub(r"\.0*$|[\W_]", "", str(cells[k]).lower().removeprefix("fy")) for k in at]
    texts = [re.sub(r"(?<!\d)0+(?=\d)", "", text) for text in texts]
    if any(list(column) == texts for column in zip(*map(_labels, known), strict=True)):
        return True
    weekdays = Counter((day.weekday(), text) for day, text in zip(known, texts, strict=True))
    if len(weekdays) == len({day.weekday() for day in known}) and min(weekdays.values()) > 1:
        return True
    if not all(text.isdecimal() and len(text) < 10 for text in texts):
        return False
    counts = np.array([_counts(day) for day in known])
    since = np.array(list(map(int, texts)))[:, None] - counts
    if abs(since[:, 0]).max() < 2 or all(map(_is_day, texts)):
        return True  # of fiscal years too
    return len(set(texts)) > 2 and bool((since == since[0]).all(axis=0).any())


def _is_day(text: str) -> bool:
    with suppress(ValueError):
        return len(text) == 8 and date.fromisoformat(text).year > 1700
    return False


def _counts(day: date) -> tuple[int, int, int, int]:
    """Years, quarters, months and weeks up to a day."""
    year, month = day.year, day.month - 1
    return year, 4 * year + month // 3, 12 * year + month, (day.toordinal() - 1) // 7


def _labels(day: date) -> list[str]:
    """What a calendar may call a day, its week, month, quarter or year."""
    year, quarter, half = day.year, f"q{(day.month + 2) // 3}", f"h{(day.month + 5) // 6}"
    of_week, week, weekday = day.isocalendar()
    names = [day.strftime(form).lower() for form in ("%b", "%B", "%a", "%A", "%b%Y", "%b%y")]
    numbers = [year, year % 100, day.month, week, int(day.strftime("%U")), day.day, weekday]
    numbers += [weekday - 1, weekday % 7, weekday % 7 + 1, day.timetuple().tm_yday]
    numbers += [100 * year + day.month, 100 * of_week + week]
    parts = [quarter, half, f"w{week}"]
    parts += [f"{year}{quarter}", f"{quarter}{year}", f"{year}{half}", f"{of_week}w{week}"]
    parts += [quarter[1:], half[1:], f"{year}{quarter[1:]}"]
    return names + parts + list(map(str, numbers))
