"""Words and numbers from files: strictly read, and safely drawn."""

import re
from decimal import Decimal
from typing import Any

import numpy as np

_NUMBER = re.compile(
    r"[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|nan|inf|infinity)", re.ASCII | re.IGNORECASE
)
"""Each character can be matched in one way only, so that a long cell takes no longer than it is."""


def number(cell: Any) -> float:
    """What ``float`` makes of a cell, but of plain decimal numbers only.

    Raises:
        ValueError: it is something else, such as ``1_0``, full-width digits, true or nothing.
    """
    if isinstance(cell, str):
        plain = _NUMBER.fullmatch(cell.strip()) is not None
    else:
        plain = isinstance(cell, int | float | Decimal | np.number) and not isinstance(cell, bool)
    if not plain:
        raise ValueError(f"{cell!r} is no number")
    return float(cell)


def drawn(name: str) -> str:
    """A foreign name for matplotlib, which would set what stands between two $ as a formula."""
    return name.replace("$", r"\$")
