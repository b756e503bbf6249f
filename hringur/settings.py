"""Settings read back from plain values, each one checked, under names of before too.

A dataclass of settings that has renamed an option says so::

    renamed: ClassVar[Mapping[str, str]] = {"old_name": "new_name"}

The old name is then still read from a ``config.json`` or a saved model, and the command line
accepts its spelling for one release, with a warning.
"""

import dataclasses
import functools
import inspect
import json
import typing
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar

import numpy as np

from hringur.types import UserError

Record = TypeVar("Record")
Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True)
class Interval:
    """Values that ``hringur tune`` tries of a setting: whole numbers if ``low`` is one."""

    low: int | float
    high: int | float
    log: bool = False
    """equal chances for equal ratios"""


Space = Mapping[str, Interval | tuple[Any, ...]]
"""Values to try by setting: an interval, or some to choose from. A class of settings that can be
tuned has one as ``search_space: ClassVar[Space]``."""

PLAIN = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "True or False",
    NoneType: "None",
    Path: "a path",
    Enum: "a member of its enumeration",
    Sequence: 'a list such as ["a", "b"]',
}
"""Types of arguments that ``typed`` looks at, in words."""


def read(record: type[Record], values: Any, where: Path | str) -> Record:
    """The dataclass ``record`` whose fields JSON or a checkpoint gave as ``values``.

    Fields are plain values, tuples and paths of them; a missing one takes its default. What is
    unknown, of another type or out of range is refused, with ``where`` as its origin.
    """
    from pydantic import TypeAdapter, ValidationError  # a tenth of a second, only where needed

    fields = check_fields(record, values, where)
    try:
        return TypeAdapter(record).validate_json(json.dumps(fields, default=str), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        about = f"{field} is {repr(first['input'])[:60]}: " if field else ""
        message = first["msg"].removeprefix("Value error, ")
        raise UserError(f"{where}: {about}{message}") from error


def typed(function: Callable[..., Result]) -> Callable[..., Result]:
    """``function`` with each argument held against the type in the signature.

    An integer serves where a float is asked for, and a NumPy scalar as what it holds; nothing else
    is converted. UserError: an argument is of another type.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def checked(*arguments: Any, **options: Any) -> Result:
        bound = signature.bind(*arguments, **options)
        for name, value in bound.arguments.items():
            bound.arguments[name] = value = value.item() if isinstance(value, np.generic) else value
            kind = typing.get_type_hints(function)[name]
            if not _is_of(kind, value):
                raise UserError(f"{name} must be {_words(kind)}, got {repr(value)[:60]}")
        return function(*bound.args, **bound.kwargs)

    return checked


def _parts(kind: Any) -> list[type]:
    """The types that a union is of; any other type alone."""
    union = typing.get_origin(kind) in (typing.Union, UnionType)
    return [
        typing.get_origin(part) or part for part in (typing.get_args(kind) if union else (kind,))
    ]


def _words(kind: Any) -> str:
    """What a type allows."""
    found = [words for part in _parts(kind) for plain, words in PLAIN.items() if part is plain]
    return " or ".join(found)


def _is_of(kind: Any, value: Any) -> bool:
    """Whether ``value`` is of the type ``kind``; what is no plain type is not looked at."""
    from pydantic import TypeAdapter, ValidationError

    if not all(issubclass(part, tuple(PLAIN)) for part in _parts(kind)):
        return True
    try:
        TypeAdapter(kind).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


def check_fields(record: type[Any], values: Any, where: Path | str) -> dict[str, Any]:
    """``values`` under the names that the fields of ``record`` have now; all must be known."""
    if not isinstance(values, Mapping):
        raise UserError(
            f"{where}: an object was expected for {record.__name__}, got {repr(values)[:60]}"
        )
    fields = dataclasses.fields(record)
    needed = {
        field.name
        for field in fields
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    renamed = renamed_fields(record)
    given: dict[str, Any] = {
        renamed[name] if name in renamed else name: value for name, value in values.items()
    }
    unknown = sorted(given.keys() - {field.name for field in fields})
    missing = sorted(needed - given.keys())
    if unknown or missing:
        what = f"unknown {', '.join(unknown)}" if unknown else f"missing {', '.join(missing)}"
        raise UserError(f"{where} is not of this version of Hringur: {what}")
    for field in fields:
        if dataclasses.is_dataclass(field.type) and field.name in given:
            given[field.name] = check_fields(field.type, given[field.name], where)  # type: ignore[arg-type]
    return given


def renamed_options(options: Any) -> dict[str, str]:
    """New name by old name, of a dataclass of options and of the dataclasses nested in it."""
    origin, given = typing.get_origin(options) or options, typing.get_args(options)
    names: dict[str, str] = {}
    if dataclasses.is_dataclass(origin):
        names |= renamed_fields(origin)  # type: ignore[arg-type]
        given = (*given, *typing.get_type_hints(origin).values())
    for part in given:
        if dataclasses.is_dataclass(part):
            names |= renamed_options(part)
    return names


def renamed_fields(record: type[Any]) -> dict[str, str]:
    """New name by old name, of the dataclass and of what it inherits from."""
    names: dict[str, str] = {}
    for parent in reversed(record.__mro__):
        names |= vars(parent).get("renamed", {})
    return names
