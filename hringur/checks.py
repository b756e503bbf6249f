"""Settings out of range, refused in one line that names the value and what is allowed."""

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hringur.types import UserError

LARGEST_COUNT = 10**12
"""Largest whole number without an entry in ``LARGEST``."""

LARGEST = {
    **dict.fromkeys(("width", "attention_width", "critic_width", "hidden", "latent"), 16_384),
    **dict.fromkeys(("channels", "critic_channels", "heads", "decoder_heads"), 1024),
    "feed_forward": 65_536,
    **dict.fromkeys(("layers", "depth"), 256),
    "frequencies": 64,
    **dict.fromkeys(("batch", "n_steps", "replay_megabytes", "tours_per_update"), 2**20),
    **dict.fromkeys(("n_envs", "minibatches", "tours", "draws"), 2**16),
    **dict.fromkeys(("epochs", "critic_steps", "penalty_every", "refining_steps"), 10_000),
    **dict.fromkeys(("directions", "iterations", "max_places", "jobs", "seeds"), 2**16),
    **dict.fromkeys(("threads", "keep_checkpoints"), 1024),
    **dict.fromkeys(("beam_width", "noop_max", "parts", "pieces", "posterior_pieces"), 4096),
    "trials": 100_000,
    **dict.fromkeys(("estimates", "count", "episodes", "video_steps"), 10**7),
}
"""Largest values of settings that take memory or time before the first result, by name."""


def check_positive(settings: Any, *names: str) -> None:
    """Refuse what is not above zero, or too large; None is not given, and passes.

    Subnormal numbers are zero where a library has set the processor so, and are refused everywhere.
    """
    for name in names:
        value = getattr(settings, name)
        if value is not None and not sys.float_info.min <= value <= largest(name, value):
            raise UserError(_words(name, value, "positive"))


def check_not_negative(settings: Any, *names: str) -> None:
    """Refuse what is below zero, or too large; None is not given, and passes."""
    for name in names:
        value = getattr(settings, name)
        if value is not None and not 0 <= value <= largest(name, value):
            raise UserError(_words(name, value, "0 or more"))


def check_share(settings: Any, *names: str, below_one: bool = False) -> None:
    """Refuse what is not in 0..1, or is 1 where that is not allowed."""
    for name in names:
        value = getattr(settings, name)
        if not 0 <= value <= 1 or (below_one and value == 1):
            raise UserError(f"{name} must be in 0..1{', below 1' * below_one}, got {value}")


def check_between(settings: Any, name: str, low: float, high: float) -> None:
    """Refuse what is outside of ``low`` to ``high``."""
    if not low <= (value := getattr(settings, name)) <= high:
        raise UserError(f"{name} must be in {low:g}..{high:g}, got {value:g}")


def check_choice(settings: Any, name: str, allowed: Sequence[str]) -> None:
    """Refuse a word that is none of those allowed."""
    value = getattr(settings, name)
    if value not in allowed:
        raise UserError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")


def check_observed(observation: Any, mask: Any = None) -> None:
    """Refuse to decide on an observation that is not finite, or where nothing is allowed.

    Args:
        observation: arrays of one or of a batch, in dictionaries and tuples.
        mask: 1 where an action is allowed, a row for each of a batch; None: all are.
    """
    if isinstance(observation, Mapping | tuple):
        parts = observation.values() if isinstance(observation, Mapping) else observation
        for part in parts:
            check_observed(part)
    elif np.asarray(observation).dtype.kind == "f" and not np.isfinite(observation).all():
        raise UserError("the observation holds numbers that are not finite")
    if mask is not None and not np.asarray(mask).any(axis=-1).all():
        raise UserError("the mask allows no action at all")


def largest(name: str, value: int | float) -> int | float:
    """The largest value that is allowed; a fraction needs only be finite."""
    return LARGEST.get(name, LARGEST_COUNT if isinstance(value, int) else sys.float_info.max)


def _words(name: str, value: int | float, least: str) -> str:
    """What is wrong: the end of the range that is nearer."""
    if 1 <= value < math.inf:
        return f"{name} must be at most {largest(name, value):,}, got {shortened(value)}"
    return f"{name} must be {least} and finite, got {shortened(value)}"


def shortened(value: Any) -> str:
    """A value as it is written, cut off where it would fill the line."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:50]}... ({len(text)} characters)"
