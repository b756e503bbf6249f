"""``hringur compare --agents ... --tuned``: with the best settings that ``hringur tune`` found."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hringur.data.files import read_json
from hringur.registry import learner_config
from hringur.settings import read
from hringur.types import UserError

BEST = "best.json"


@dataclass(frozen=True, kw_only=True)
class Best:
    """What ``hringur tune`` writes at its end."""

    learner: str
    settings: dict[str, int | float | str | bool | None]
    objective: str
    value: float
    trial: int
    train: str


def tuned_settings(folders: Sequence[Path], agents: Sequence[str]) -> dict[str, Any]:
    """Settings of each agent that was tuned, by its name; the others keep their defaults.

    Raises:
        UserError: a folder holds no finished search, one of another agent, or one of the same.
    """
    found: dict[str, Any] = {}
    for folder in folders:
        best = read(Best, read_json(folder / BEST), folder / BEST)
        if best.learner not in agents:
            raise UserError(f"--tuned {folder}: {best.learner} is none of {', '.join(agents)}")
        if best.learner in found:
            raise UserError(f"--tuned {folder}: {best.learner} is given twice")
        read(learner_config(best.learner), best.settings, folder / BEST)
        found[best.learner] = best.settings
    return found
