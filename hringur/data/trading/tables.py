"""Tables of prices as they stand in a CSV or Parquet file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hringur.data.files import MAX_CELLS, check_file, csv_columns, csv_rows, read_text, reading
from hringur.types import MissingExtra, UserError

MAX_ROWS, MAX_COLUMNS = 3_000_000, 1_000


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
