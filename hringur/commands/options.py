"""Options of environments on the command line: ``--option window=30 prices=hidden-regime``."""

import ast
import json
from collections.abc import Sequence
from typing import Annotated, Any

import tyro

from hringur.evaluators.tours import gym_spec, refusals, takes
from hringur.types import UserError

Options = Annotated[tuple[str, ...], tyro.conf.arg(metavar="KEY=VALUE ...")]


def parse_options(given: Sequence[str]) -> dict[str, Any]:
    """Each KEY=VALUE; a VALUE that is no Python literal (3, 0.5, True, None, [1, 2]) is text.

    Raises:
        UserError: one is not of this form, or a key is given twice.
    """
    options: dict[str, Any] = {}
    for one in given:
        key, equals, value = one.partition("=")
        if not (equals and key.isidentifier()):
            raise UserError(f"--option must be KEY=VALUE, got {one!r}")
        if key in options:
            raise UserError(f"--option {key} is given twice")
        options[key] = _literal(value)
    return options


def _literal(text: str) -> Any:
    """The value that the text stands for, if JSON can hold it; "true" and "false" as there."""
    try:
        value = ast.literal_eval({"true": "True", "false": "False"}.get(text, text))
        json.dumps(value)  # as a run's config.json will have it
        return value
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return text


def has_places(env_id: str) -> bool:
    """Whether it is an environment whose number of places may be chosen.

    Raises:
        UserError: there is no such environment, or what it needs is not installed.
    """
    with refusals(env_id):
        return takes(gym_spec(env_id).entry_point, "places")
