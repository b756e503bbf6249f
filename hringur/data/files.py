"""Files: read behind one door, and written whole or not at all, so that a kill leaves a good one.

Every reader of a file asks ``read_bytes``, or ``check_file`` before a library opens the path, and
calls libraries inside ``reading``.
"""

import csv
import dataclasses
import errno
import json
import math
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hringur.types import UserError

MAX_FILE_BYTES = 1 << 27
"""Text beyond that is no data of this package: 128 MiB."""

MAX_CELLS = 26_000_000
"""Cells of a table, each about 60 bytes in memory: the distances between 5,000 places."""

NOT_PLAIN = b'" \t\r\v\f\x1c\x1d\x1e\x1f'
"""A quote, and what ``str.strip`` takes away."""

OF_CELLS = bytes(set(range(128)) - {*NOT_PLAIN, *b",\n"})
"""Characters of plain cells."""

LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")

NO_FILE = "it is a pipe or a device, not a file"
OBJECT = re.compile(r" *<[^<>]* object at 0x[0-9a-f]+>")
"""What a library may call a file whose bytes it was given."""

SMALLEST_ROOM = 1 << 14
"""Bytes that a disk must have left for a file."""


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A file beside ``path`` to write to, which takes its name when all has been written.

    Readers see the old file or the new one, never a part of either; after a failure, the old one.

    Raises:
        UserError: the folder is missing or may not be written to, or the disk is full.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        if path.is_dir():  # before anything is made for it
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if path.exists() and not path.is_file():  # which a file would take the place of
            raise OSError(errno.EINVAL, NO_FILE)
        yield partial
        with open(partial, "rb+") as file:
            os.fsync(file.fileno())  # before the rename: else a power cut may leave it empty
        os.replace(partial, path)
    except OSError as error:
        reason = " ".join(str(error.strerror or error).split())
        raise UserError(f"cannot write {path}: {reason}") from error
    finally:
        with suppress(OSError):  # nothing to clear away, or a name too long to ask for
            partial.unlink()


def write_whole(path: str | Path, content: bytes | str) -> None:
    """Write ``content`` (text as UTF-8) to ``path``, whole or not at all (``replacing``)."""
    with replacing(path) as partial, open(partial, "xb") as file:
        file.write(content.encode("utf-8") if isinstance(content, str) else content)


def check_writable(path: str | Path) -> None:
    """Refuse, before any work is done, a file that could not be written: one beside it is tried.

    Raises:
        UserError: as ``replacing``.
    """
    path = Path(path)
    if not os.path.isdir(path.parent):  # Path's own would fail for names that are too long
        raise UserError(f"cannot write {path}: there is no folder {path.parent}")
    if os.path.isdir(path):
        raise UserError(f"cannot write {path}: it is a folder")
    if os.path.exists(path) and not os.path.isfile(path):
        raise UserError(f"cannot write {path}: {NO_FILE}")
    try:
        with tempfile.TemporaryFile(dir=path.parent) as file:
            file.write(bytes(SMALLEST_ROOM))
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error


@contextmanager
def reading(path: str | Path, what: str = "") -> Iterator[None]:
    """Turn whatever a library raises inside into one line that names the file and the reason.

    A damaged or hostile file makes libraries raise nearly any error, so all are caught. Nothing
    but their calls belongs inside.

    Args:
        path: the file, for the message.
        what: what it is read as, such as "Parquet".

    Raises:
        UserError: something was raised inside.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        what = f" as {what}" if what else ""
        raise UserError(f"cannot read {path}{what}: {reason_of(error)}") from error


def reason_of(error: Exception) -> str:
    """What an error says, in a few words."""
    text = (error.strerror if isinstance(error, OSError) else "") or " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return f"it needs more memory than there is{text and f' ({text})'}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, LookupError | TypeError | AttributeError) or not text:
        text = f"{type(error).__name__} {text}".strip()
    text = OBJECT.sub("", text)
    return text if len(text) <= 200 else f"{text[:200]} ..."


def check_file(path: str | Path, most: int = MAX_FILE_BYTES) -> int:
    """The size of a file [bytes], if it may be opened without waiting or flooding the memory.

    Raises:
        UserError: no such file, a folder, a pipe or device, or more than ``most`` bytes.
    """
    with reading(path):
        found = os.stat(path)
        if stat.S_ISDIR(found.st_mode):
            raise UserError(f"cannot read {path}: Is a directory")
        if not stat.S_ISREG(found.st_mode):
            raise UserError(f"cannot read {path}: {NO_FILE}")
        if found.st_size > most:
            raise UserError(
                f"cannot read {path}: at most {most >> 20:,} MiB are read, "
                f"it has {found.st_size >> 20:,}"
            )
    return found.st_size


def read_bytes(path: str | Path, most: int = MAX_FILE_BYTES) -> bytes:
    """The content of a file.

    Raises:
        UserError: as ``check_file``, or no permission.
    """
    size = check_file(path, most)
    with reading(path), open(path, "rb") as file:
        return file.read(size)


def read_text(path: str | Path) -> str:
    """The text of a UTF-8 file, with or without a byte order mark.

    Raises:
        UserError: as ``read_bytes``; or not UTF-8.
    """
    return decoded(read_bytes(path), path)


def decoded(content: bytes, where: str | Path) -> str:
    """Text in UTF-8; ``where`` begins the message."""
    start = content.find(b"\0")  # text in UTF-16 is full of them
    if start < 0:
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            start = error.start
    line = content.count(b"\n", 0, start) + 1
    raise UserError(
        f"{where}, line {line}: the text must be UTF-8, got the byte {content[start]:#04x}"
    )


def read_json(path: str | Path) -> Any:
    """What a JSON file holds.

    Raises:
        UserError: as ``read_text``; or it is no JSON.
    """
    text = read_text(path)
    with reading(path, "JSON"):
        return json.loads(text)


def csv_rows(
    text: str, where: str | Path, most_rows: int, most_columns: int
) -> list[tuple[int, list[str]]]:
    """Rows of a CSV that are not blank, cells stripped, each with the number of its last line.

    Raises:
        UserError: it is no CSV, or has more rows or columns than allowed; begins with ``where``.
    """
    rows, count = [], 0
    most = f"at most {most_rows:,} rows and {MAX_CELLS:,} cells are read, it has more"
    if text.count("\n") > 2 * most_rows or text.count(",") > MAX_CELLS:  # lines may be blank
        raise UserError(f"{where}: {most}")

    def lines() -> Iterator[str]:
        for number, line in enumerate(LINE.finditer(text), start=1):
            if line[0].count(",") >= most_columns:
                raise UserError(
                    f"{where}, line {number}: at most {most_columns:,} columns are read"
                )
            yield line[0]

    reader = csv.reader(lines(), strict=True)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                rows.append((reader.line_num, cells))
                count += len(cells)
            if len(rows) > most_rows or count > MAX_CELLS:
                raise UserError(f"{where}: {most}")
    except csv.Error as error:
        raise UserError(f"{where}, line {reader.line_num}: not a CSV file: {error}") from error
    return rows


def csv_columns(text: str, most_rows: int, most_columns: int) -> list[list[str]] | None:
    """The columns of a CSV in which every line is a row of equally many plain cells, else None.

    It is ``csv_rows`` for large files: without quotes, spaces and blank lines two splits find all
    cells, and prices of 1.5 million days are read four times as fast. None stands for too many
    rows, columns or cells too.
    """
    text = text.replace("\r\n", "\n").removesuffix("\n")
    width, height = text.partition("\n")[0].count(",") + 1, text.count("\n") + 1
    small = height <= most_rows + 1 and width <= most_columns and width * height <= MAX_CELLS
    if not small or not text.isascii():
        return None
    commas = "," * (width - 1)
    between = text.encode().translate(None, OF_CELLS)  # four times as fast as to count by lines
    if between + b"\n" != f"{commas}\n".encode() * height or f"\n{commas}\n" in f"\n{text}\n":
        return None
    cells = text.replace("\n", ",").split(",")
    return [cells[at::width] for at in range(width)]


def json_text(record: Any) -> str:
    """``record`` as a JSON document; what has no value (NaN, infinity) is null."""
    values = plain(record)
    text = json.dumps(values, ensure_ascii=False, indent=2, allow_nan=False)
    if text.replace("\n", "").isprintable():
        return text
    return json.dumps(values, indent=2, allow_nan=False)  # what a terminal would obey is escaped


def plain(value: Any) -> Any:
    """``value`` as JSON knows it: dataclasses as objects, paths as text, NaN as null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: plain(getattr(value, field.name)) for field in fields}
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"settings cannot hold a {type(value).__name__}")
