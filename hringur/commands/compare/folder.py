"""The folder of a comparison: what all its cells have in common stands in ``comparison.json``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hringur.data.files import write_whole
from hringur.types import UserError

NAME = "comparison.json"


def check_same(folder: Path, settings: Mapping[str, Any]) -> None:
    """See that the folder holds nothing yet, or the same comparison.

    Raises:
        UserError: it holds something else, or cannot be read.
    """
    path = folder / NAME
    try:
        if not path.exists():
            if folder.exists() and any(folder.iterdir()):
                raise UserError(f"{folder} exists and holds no comparison: choose another --folder")
            return
        found = json.loads(path.read_text(encoding="utf-8"))
        for name, value in settings.items():
            if found[name] != value:
                raise UserError(
                    f"{folder} holds a comparison with {name} {found[name]}, not {value}:"
                    " choose another --folder"
                )
    except UserError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is no comparison's: {type(error).__name__}: {error}") from error


def keep_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Make the folder, and write down what all its cells have in common.

    Raises:
        UserError: it may not be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / NAME, json.dumps(settings, indent=2) + "\n")
    except OSError as error:
        raise UserError(f"cannot keep a comparison in {folder}: {error.strerror}") from error
