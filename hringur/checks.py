"""Settings out of range, refused in one line that names the value and what is allowed."""

import math
from collections.abc import Sequence
from typing import Any

from hringur.types import UserError


def check_positive(settings: Any, *names: str) -> None:
    """Refuse what is not above zero, or endless; None is not given, and passes."""
    for name in names:
        value = getattr(settings, name)
        if value is not None and not 0 < value < math.inf:
            raise UserError(f"{name} must be positive and finite, got {value}")


def check_not_negative(settings: Any, *names: str) -> None:
    """Refuse what is below zero, or endless; None is not given, and passes."""
    for name in names:
        value = getattr(settings, name)
        if value is not None and not 0 <= value < math.inf:
            raise UserError(f"{name} must be 0 or more and finite, got {value}")


def check_share(settings: Any, *names: str) -> None:
    """Refuse what is not in 0..1."""
    for name in names:
        value = getattr(settings, name)
        if not 0 <= value <= 1:
            raise UserError(f"{name} must be in 0..1, got {value}")


def check_choice(settings: Any, name: str, allowed: Sequence[str]) -> None:
    """Refuse a word that is none of those allowed."""
    value = getattr(settings, name)
    if value not in allowed:
        raise UserError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")
