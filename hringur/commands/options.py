"""Options of environments on the command line.

Any option of any environment is an ``--option KEY=VALUE``. An environment whose row in the registry
names a dataclass of this file has options of its own names beside that, such as ``--places``.
"""

import ast
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from pkgutil import resolve_name
from typing import Annotated, Any, Literal

import tyro

from hringur.checks import largest
from hringur.data.files import check_writable
from hringur.evaluators.environments import check_options, gym_spec
from hringur.registry import environment_row
from hringur.types import Season, UserError

Options = Annotated[tuple[str, ...], tyro.conf.arg(metavar="KEY=VALUE ...")]

Imports = Annotated[
    tuple[str, ...],
    tyro.conf.arg(
        name="import",
        metavar="MODULE ...",
        help="modules that register environments: they are imported, and so run",
    ),
]

DataSet = Annotated[
    str,
    tyro.conf.arg(
        help="images: mnist, digits, fashion-mnist, faces, glyphs, emoji, coats, fruits, a folder,"
        " a .zip or an .npz; strings: molecules, expressions;"
        " trajectories: springs, charged; scenes: digit-scenes, digit-scenes-3, sprite-scenes"
    ),
]
Size = Annotated[
    int | None,
    tyro.conf.arg(
        help="bring the images to so many pixels, high and wide; as they are when not given"
    ),
]


@dataclass(frozen=True, kw_only=True)
class Printed:
    """Forms in which a command prints its tables."""

    markdown: bool = False
    """print tables for a document"""

    json: bool = False
    """print JSON"""

    def __post_init__(self) -> None:
        if self.markdown and self.json:
            raise UserError("--markdown and --json exclude each other: give one")


def parse_options(given: Sequence[str]) -> dict[str, Any]:
    """Each KEY=VALUE; a VALUE that is no Python literal (3, 0.5, True, None, [1, 2]) is text."""
    options: dict[str, Any] = {}
    for one in given:
        key, equals, value = one.partition("=")
        if not (equals and key.isidentifier()):
            raise UserError(f"--option must be KEY=VALUE, got {one!r}")
        if key in options:
            raise UserError(f"--option {key} is given twice")
        options[key] = _literal(value)
    check_options(options)
    return options


def _literal(text: str) -> Any:
    """The value that the text stands for, if JSON can hold it; "true" and "false" as there."""
    try:
        value = ast.literal_eval({"true": "True", "false": "False"}.get(text, text))
        json.dumps(value)  # as a run's config.json will have it
        return value
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return text


FIGURES = (".png", ".svg", ".pdf")
"""What the name of a figure may end in."""

OF_TOURS = (
    "held_out",
    "method",
    "samples",
    "beam_width",
    "symmetries",
    "reconstructions",
    "two_opt",
)
"""Options of ``hringur evaluate`` that say how tours are decoded, and on which instances."""


@dataclass(frozen=True, kw_only=True)
class NoOptions:
    """An environment whose options are all given by ``--option``."""


@dataclass(frozen=True, kw_only=True)
class PointsOptions:
    """Tours of points."""

    places: int | str = 20
    """number of places of each instance"""


@dataclass(frozen=True, kw_only=True)
class IcelandOptions:
    """Tours in Iceland."""

    places: int | str = 20
    """number of places of each instance; or lecture, towns, all: always those"""

    season: Season = "summer"
    """roads of summer, those that need no four-wheel drive, or those of winter"""

    distance: Literal["road", "great_circle"] = "road"
    """by road, or as the crow flies"""


def options_class(env_id: str) -> type[Any]:
    """The dataclass of the options that this environment has by name."""
    row = environment_row(gym_spec(env_id).id)
    return NoOptions if row is None or row.options is None else resolve_name(row.options)


def named_options(env_id: str) -> dict[str, Any]:
    """The options that this environment has by name, with their defaults."""
    return asdict(options_class(env_id)())


def typed_value(arguments: Sequence[str], option: str, default: str) -> str:
    """What ``option`` is given among ``arguments``, before they can be parsed as a whole."""
    for argument, following in zip(arguments, [*arguments[1:], default], strict=True):
        name, equals, value = argument.partition("=")
        if name == option:
            default = value if equals else following
    return default


def check_seed(seed: int) -> None:
    """Refuse what torch and NumPy take for no seed."""
    if not 0 <= seed < 2**32:
        raise UserError(f"--seed must be in 0..{2**32 - 1}, got {seed}")


def check_counts(options: Any, *names: str) -> None:
    """Refuse an option that is given and below one, or larger than anything of its name may be."""
    for name in names:
        value = getattr(options, name)
        if value is not None and not 1 <= value <= largest(name, value):
            bound = "at least 1" if value < 1 else f"at most {largest(name, value):,}"
            raise UserError(f"--{name.replace('_', '-')} must be {bound}, got {value}")


def check_figure(path: Path, option: str = "--figure") -> None:
    """Refuse a figure that could not be written, before any work is done."""
    if path.suffix.lower() not in FIGURES:
        raise UserError(f"{option} must name a .png, .svg or .pdf file, got {path}")
    check_writable(path)


def check_without_tours(trained: Any, options: Any) -> None:
    """Refuse an option of ``hringur evaluate`` that has a meaning for tours only."""
    check_only(trained, options, OF_TOURS, "tours")


def check_only(trained: Any, options: Any, names: Sequence[str], what: str) -> None:
    """Refuse options of ``hringur evaluate`` that are given though they are ``what`` alone has."""
    for field in fields(options):
        if field.name in names and getattr(options, field.name) != field.default:
            option = field.name.replace("_", "-")
            raise UserError(f"--{option} is of {what}; {trained.path} is of {trained.name}")
