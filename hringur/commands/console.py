"""What every command shares: reading options, printing tables or JSON."""

import dataclasses
import io
import os
import re
import sys
import time
import typing
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any, TypeVar

import tyro
from rich.console import Console, RenderableType

from hringur.checks import shortened
from hringur.data.files import json_text, write_whole
from hringur.settings import renamed_options
from hringur.types import UserError, printable

Options = TypeVar("Options")

SECONDS_BETWEEN_NOTES = 10.0

LONGEST_NAME = 255
"""Bytes of a part of a path."""

WRITTEN = (
    *("map", "gpx", "geojson", "figure", "neighbours", "winners"),
    *("output", "report", "video", "film"),
)
"""Options that name a file to write."""

NO_PATHS = ("option", "sentences")
"""Options of free text."""


def parse(options: Callable[..., Options], arguments: Sequence[str], command: str) -> Options:
    """Read ``arguments`` into the dataclass ``options``; bad ones are a UserError in one line."""
    message, (written, notes) = io.StringIO(), with_new_names(options, arguments)
    written = joined(options, written)
    try:
        with redirect_stderr(message):
            found = tyro.cli(
                options,
                prog=f"hringur {command}",
                args=written,
                config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff),
            )
    except SystemExit as stopped:
        if stopped.code:
            raise UserError(
                f"{first_paragraph(message.getvalue())} (see hringur {command} --help)"
            ) from None
        raise
    check_names(found)
    check_outputs(found)
    for line in notes:
        note(line)
    return found


def check_names(options: Any) -> None:
    """Refuse what is no file's name on any system, in any option that may be one.

    Raises:
        UserError: a part of a path is longer than 255 bytes, or there is a null character in it.
    """
    for name in (field.name for field in dataclasses.fields(options)):
        value = getattr(options, name)
        if dataclasses.is_dataclass(value):
            check_names(value)
            continue
        texts = value if isinstance(value, tuple) else (value,)
        for text in map(str, () if name in NO_PATHS else texts):
            parts = text.encode(errors="replace").split(b"/")
            if "\0" in text or max(map(len, parts)) > LONGEST_NAME:
                raise UserError(f"--{name.replace('_', '-')} is no name: {shortened(text)}")


def check_outputs(options: Any) -> None:
    """Refuse a file to write that is another one, or one that is read: neither would be left.

    Raises:
        UserError: two options name one file, however they spell it, or a run's own file.
    """
    seen: dict[str, str] = {}
    fields = sorted(dataclasses.fields(options), key=lambda field: field.name in WRITTEN)
    for name in (field.name for field in fields if field.name not in NO_PATHS):
        value, option = getattr(options, name), f"--{name.replace('_', '-')}"
        for text in value if isinstance(value, tuple) else (value,):
            if not isinstance(text, str | Path) or not os.fspath(text):
                continue
            try:
                path = os.path.realpath(text)
            except (ValueError, OSError):  # no path in this system
                continue
            if name in WRITTEN and os.path.isfile(path) and is_of_run(path):
                raise UserError(f"{option}: {text} is a file of a run")
            if name in WRITTEN and path in seen:
                raise UserError(f"{option}: {text} is what {seen[path]} names, too")
            if name in WRITTEN or os.path.isfile(path):
                seen[path] = option


def is_of_run(path: str) -> bool:
    """Whether a file belongs to a run folder, or lies in its folder of checkpoints."""
    folder, name = os.path.split(path)
    own = name in ("config.json", "history.jsonl", "metrics.json")
    checkpoint = name.endswith(".safetensors") and os.path.basename(folder) == "checkpoints"
    return (own and os.path.isdir(os.path.join(folder, "checkpoints"))) or checkpoint


def with_new_names(options: Any, arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """``arguments`` with the present names of renamed options, and a warning for each."""
    renamed, written, notes = renamed_options(options), [], []
    for argument in arguments:
        option, equals, value = argument.partition("=")
        old = option.removeprefix("--").replace("-", "_")
        if option.startswith("--") and old in renamed:
            new = "--" + renamed[old].replace("_", "-")
            line = f"{option} is now called {new}; the old name goes with the next release"
            notes.append(f"hringur: {line}")
            argument = new + equals + value
        written.append(argument)
    return written, notes


def joined(options: Any, arguments: Sequence[str]) -> list[str]:
    """Options of several values that come twice as one: --option a=1 --option b=2.

    Of any other option that comes twice, the last counts.
    """
    several = options_of_several(options)
    given = [argument.partition("=")[0] for argument in arguments]
    if all(given.count(option) < 2 for option in several):
        return list(arguments)
    rest: list[str] = []
    values: dict[str, list[str]] = {}
    now = rest
    for argument, option in zip(arguments, given, strict=True):
        if option in several:
            now = values.setdefault(option, [])
            now += [argument.partition("=")[2]] if "=" in argument else []
        else:
            now = rest if argument.startswith("--") else now
            now.append(argument)
    return rest + [word for option, words in values.items() for word in (option, *words)]


def options_of_several(options: Any) -> set[str]:
    """Options whose values are a tuple of any length, of a dataclass and of those nested in it."""
    origin, found = typing.get_origin(options) or options, set[str]()
    hints = typing.get_type_hints(origin, include_extras=True)
    fields = dataclasses.fields(origin) if dataclasses.is_dataclass(origin) else ()
    for field in fields:
        kind, extras = hints[field.name], []
        if hasattr(kind, "__metadata__"):
            kind, *extras = typing.get_args(kind)
        if dataclasses.is_dataclass(kind):
            found |= options_of_several(kind)
        elif typing.get_origin(kind) is tuple and typing.get_args(kind)[-1] is Ellipsis:
            names = [name for one in extras if (name := getattr(one, "name", None))]
            positional = tyro.conf.Positional in extras
            found |= set() if positional else {f"--{[*names, field.name][0].replace('_', '-')}"}
    return found


def first_paragraph(boxed: str) -> str:
    """The first part of a message that tyro drew a frame around, in one line.

    Where standard output takes ASCII only, the frame is no more than a rule below the title.
    """
    lines, titled = list[str](), "╭" in boxed
    for line in boxed.splitlines():
        text = line.strip("│╭╮╰╯┃ ")
        if set(text) in ({"─"}, {"-"}):  # a rule: what follows is help
            if titled:
                break
            lines, titled = [], True
        elif text and not line.startswith(("╭", "╰")):
            lines.append(text)
    # What a dataclass refused by itself needs no more than its own words.
    return re.sub(r"^Error parsing [^-\s]\S*: ", "", " ".join(lines))


def show(renderable: RenderableType) -> None:
    """Print a table or text, in colour on a terminal."""
    Console(soft_wrap=isinstance(renderable, str), highlight=False).print(renderable)


def note(line: str) -> None:
    """A remark for the reader that must not get into piped output."""
    print(printable(line), file=sys.stderr)


class ProgressNotes:
    """Says every ten seconds how far long work is."""

    def __init__(self, what: str, total: int) -> None:
        """``what`` is counted up to ``total``."""
        self.what, self.total = what, total
        self.said_at = time.monotonic()

    def __call__(self, done: int, decisions: int) -> None:
        """Say that ``done`` are over after ``decisions``, unless something was said just before."""
        if time.monotonic() - self.said_at >= SECONDS_BETWEEN_NOTES:
            self.said_at = time.monotonic()
            note(f"{done:,} of {self.total:,} {self.what} over after {decisions:,} decisions")


def print_json(record: Any) -> None:
    """One JSON document; what has no value (NaN, infinity) is null."""
    print(json_text(record))


def present(
    options: Any, record: dict[str, Any], tables: Sequence[Any], each: dict[str, Any] | None = None
) -> None:
    """Print the record with ``--json``, else the tables, in Markdown with ``--markdown``.

    With ``--output`` the record is also written there, with the figures of ``each`` instance.
    """
    if getattr(options, "output", None) is not None:
        write_whole(options.output, json_text(record | (each or {})) + "\n")
    if options.json:
        print_json(record)
    else:
        for table in tables:
            if getattr(options, "markdown", False):
                print(f"{table}\n" if isinstance(table, str) else table.markdown())
            else:
                show(table)
