"""Files written whole or not at all, so that a kill leaves a good one; text; JSON."""

import dataclasses
import json
import math
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from hringur.types import UserError


def write_whole(path: str | Path, content: bytes | str) -> None:
    """Write ``content`` (text as UTF-8) beside ``path``, then rename it into place.

    Readers see the old file or the new one, never a part of either.

    Raises:
        UserError: the folder is missing or may not be written to, or the disk is full.
    """
    path = Path(path)
    data = content.encode("utf-8") if isinstance(content, str) else content
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with open(partial, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # before the rename: else a power cut may leave it empty
        os.replace(partial, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # nothing to clear away, or a name too long to ask for
            partial.unlink()


def read_text(path: str | Path) -> str:
    """The text of a UTF-8 file, with or without a byte order mark.

    Raises:
        UserError: no such file, a folder, no permission, or not UTF-8.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path}, line {line}: the text must be UTF-8, got the byte {content[error.start]:#04x}"
        ) from error


def json_text(record: Any) -> str:
    """``record`` as a JSON document; what has no value (NaN, infinity) is null."""
    return json.dumps(plain(record), ensure_ascii=False, indent=2, allow_nan=False)


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
