"""What an evaluation of episodes tells beside their returns: further tables, chosen by domain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import RenderableType

from hringur.evaluation.agents.scores import EpisodeScore
from hringur.types import Decide


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """An agent whose held-out episodes have been played, with all that a report may ask."""

    env_id: str
    env_options: Mapping[str, Any]
    """as they were played"""

    decide: Decide
    """the agent's policy"""

    actions: str
    """how actions were chosen: likeliest or sampled"""

    score: EpisodeScore
    by_chance: EpisodeScore
    """random actions on the same episodes"""

    samples: int | None = None
    """steps of the environment that it was trained for, where that is known"""


@dataclass(frozen=True, kw_only=True)
class Report:
    """Tables for a reader, and the same for a program."""

    tables: Sequence[RenderableType]
    record: Mapping[str, Any]
    instead: bool = field(default=False)
    """whether the tables stand in place of the table of returns"""
