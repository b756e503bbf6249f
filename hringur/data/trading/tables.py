"""Tables of prices as they stand in a CSV or Parquet file, cut down to one asset."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hringur.data.files import MAX_CELLS, check_file, csv_columns, csv_rows, read_text, reading
from hringur.data.trading.columns import is_symbol, prefixes_of, roles_of
from hringur.types import MissingExtra, UserError

MAX_ROWS, MAX_COLUMNS = 3_000_000, 1_000
SHOWN = 6
"""Names of assets that a message lists."""


@dataclass(frozen=True, eq=False)
class Table:
    """What a file holds, column by column; cells are text, or what Parquet has."""

    names: list[str]
    columns: list[list[Any]]
    row: Callable[[int], str]
    """how a message names the row with this number, counted from 0"""


def csv_table(path: str | Path) -> Table:
    """The table in a CSV file, with a row of names.

    Raises:
        UserError: it is no CSV, empty, too large, or a row has other cells than the first.
    """
    text = read_text(path)
    plain = csv_columns(text, MAX_ROWS, MAX_COLUMNS)
    if plain is not None:
        names, columns = [cells[0] for cells in plain], [cells[1:] for cells in plain]
        return Table(names, columns, lambda k: f"line {k + 2}")
    rows = csv_rows(text, path, MAX_ROWS, MAX_COLUMNS)
    if not rows:
        raise UserError(f"{path}: the file is empty")
    (_, header), *rows = rows
    for line, cells in rows:
        if len(cells) != len(header):
            raise UserError(f"{path}, line {line}: {len(header)} cells expected, got {len(cells)}")
    columns = [[cells[at] for _, cells in rows] for at in range(len(header))]
    return Table(header, columns, lambda k: f"line {rows[k][0]}")


def parquet_table(path: str | Path) -> Table:
    """The table in a Parquet file; equal texts share their memory.

    Raises:
        UserError: it cannot be read, or is too large.
        MissingExtra: pyarrow is not installed.
    """
    try:
        from pyarrow import types
        from pyarrow.parquet import ParquetFile
    except ImportError as missing:
        raise MissingExtra("reading Parquet", "parquet") from missing
    check_file(path)
    with reading(path, "Parquet"):
        schema = (file := ParquetFile(path)).schema_arrow
        texts = [f.name for f in schema if types.is_string(f.type) or types.is_binary(f.type)]
        flat = [f.name for f in schema if not types.is_nested(f.type)]
        rows = file.metadata.num_rows
        if rows > MAX_ROWS or rows * len(flat) > MAX_CELLS:
            raise UserError(f"{path}: at most {MAX_ROWS:,} rows are read, it has {rows:,}")
        table = ParquetFile(path, read_dictionary=texts).read(columns=flat)
        columns = [[cell for part in column.chunks for cell in _cells(part)] for column in table]
    return Table(table.column_names, columns, lambda k: f"row {k + 1}")


def _cells(part: Any) -> list[Any]:
    if not hasattr(part, "dictionary"):
        return part.to_pylist()
    values = part.dictionary.to_pylist()
    return [None if k is None else values[k] for k in part.indices.to_pylist()]


def one_asset(table: Table, where: str, symbol: str | None) -> Table:
    """The rows and columns of one asset; ``symbol`` chooses it where there are several.

    Assets may stand side by side (SPY.Close, QQQ.Close), or one below the other beside a column
    that says which asset a row is of: one with such a name, or any of words that come in blocks.

    Raises:
        UserError: there are several and no ``symbol``, or none of that name.
    """
    beside = prefixes_of(table.names)
    if beside:
        asset = _choice(list(beside), symbol, where)
        others = {at for name in beside if name != asset for at in beside[name]}
        kept = [at for at in range(len(table.names)) if at not in others]
        names = [table.names[at].removeprefix(f"{asset}.") for at in kept]
        return replace(table, names=names, columns=[table.columns[at] for at in kept])
    with_roles = roles_of(table.names, where).values()
    below = [
        assets
        for at, name in enumerate(table.names)
        if at not in with_roles and (assets := _assets(name, table.columns[at]))
    ]
    chosen = next((assets for assets in below if symbol in assets), None)
    chosen = chosen or max(below, key=len, default={})
    if symbol is None and len(chosen) < 2:
        return table
    rows = chosen[_choice(list(chosen), symbol, where)]
    columns = [[cells[k] for k in rows] for cells in table.columns]
    return Table(table.names, columns, lambda k: table.row(rows[k]))


def _choice(assets: list[str], symbol: str | None, where: str) -> str:
    """The asset to read, else a refusal that lists what there is."""
    if symbol in assets or (symbol is None and len(assets) == 1):
        return symbol or assets[0]
    more = f" and {len(assets) - SHOWN:,} more" if len(assets) > SHOWN else ""
    listed = (", ".join(assets[:SHOWN]) or "no column that names one") + more
    if symbol is None:
        raise UserError(f"{where}: {len(assets):,} assets ({listed}); choose one with symbol=...")
    raise UserError(f"{where}: there is no asset {symbol!r}; there is {listed}")


def _assets(name: str, cells: list[Any]) -> dict[str, list[int]]:
    """Numbers of the rows of each asset, if this column says which asset a row is of."""
    rows: dict[str, list[int]] = {}
    if not is_symbol(name) and str(next(iter(cells), "")).strip()[:1].isdecimal():
        return {}  # a column of numbers
    for k, cell in enumerate(cells):
        rows.setdefault(str(cell).strip(), []).append(k)
    if is_symbol(name):
        counts = len(rows) == len(cells) and all(asset.isdecimal() for asset in rows)
        return {} if counts else rows  # a running number is no asset
    words = all(asset and not asset[0].isdecimal() for asset in rows)
    in_blocks = all(of[-1] - of[0] == len(of) - 1 for of in rows.values())
    return rows if words and in_blocks and 2 * len(rows) <= len(cells) else {}
