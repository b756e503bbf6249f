"""Cells of a comparison of agents: each played on the same held-out episodes."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hringur.commands.compare.cells import CellTask
from hringur.data.files import plain, write_whole
from hringur.evaluation.agents.comparison import Cell, CurvePoint
from hringur.evaluators.choice import evaluator_for
from hringur.evaluators.episodes import EpisodeReturns
from hringur.registry import learner_config
from hringur.trained import RunSettings, latest_state
from hringur.training.random_state import seed_everything
from hringur.training.run_folder import RunFolder
from hringur.training.trainer import make_fabric
from hringur.types import Metrics, UserError

CURVE_TAGS = ("evaluation/gap_percent", "evaluation/return_mean")


@dataclass(frozen=True, kw_only=True)
class AgentTask(CellTask):
    """An agent to be trained on an environment."""

    env: str
    env_options: dict[str, Any]
    episodes: int

    def settings(self) -> RunSettings:
        """Those of a fresh run, with the agent's defaults."""
        return RunSettings(
            learner=self.contender,
            config=learner_config(self.contender)(),
            env=self.env,
            env_options=self.env_options,
            trainer=self.trainer,
            seed=self.seed,
        )

    def train_words(self) -> list[str]:
        """``hringur train`` with the environment."""
        words = ["hringur", "train", self.contender, "--env", self.env]
        if self.env_options:
            words += ["--option", *(f"{key}={value}" for key, value in self.env_options.items())]
        return words

    def measure(self, settings: RunSettings) -> None:
        """Let the trained agent play, and write the cell's file, whole.

        Raises:
            FloatingPointError: it returned what is not finite.
        """
        run = RunFolder.open(self.run)
        state = latest_state(run)
        assert state is not None, "training ends with a checkpoint"
        seed_everything(self.seed)
        learner, _ = settings.without_initial().build(make_fabric(settings.trainer))
        untrained = learner.evaluate()
        learner.load_state_dict(state["learner"])
        played = evaluator_for(self.env, self.env_options, self.episodes).play(learner)
        if not np.isfinite(played.returns).all():
            raise FloatingPointError("a held-out episode returned what is not finite")
        history = run.read_history()
        record = {
            "agent": self.contender,
            "seed": self.seed,
            "samples": history[-1]["samples"],
            "seconds": history[-1]["seconds"],
            "returns": played.returns.tolist(),
            "lengths": played.lengths.tolist(),
            "optimal": None if played.optimal is None else played.optimal.tolist(),
            "reference": None if played.reference is None else played.reference.tolist(),
            "figures": {tag: values.tolist() for tag, values in played.figures.items()},
            "curve": [asdict(point) for point in curve_of(untrained, history)],
            "command": self.command,
        }
        write_whole(self.file, json.dumps(plain(record), indent=1) + "\n")


def curve_of(untrained: Metrics, history: list[dict[str, Any]]) -> list[CurvePoint]:
    """The gap where it is known, else the mean return: before training, then at each evaluation."""
    begin = {"samples": 0, "seconds": 0.0, "metrics": untrained}
    tags = [tag for tag in CURVE_TAGS if math.isfinite(untrained.get(tag, math.nan))]
    return [
        CurvePoint(
            samples=entry["samples"],
            seconds=entry["seconds"],
            value=float(entry["metrics"][tags[0]]),
        )
        for entry in [begin, *history]
        if tags and entry["metrics"].get(tags[0]) is not None
    ]


def read_cell(path: Path) -> Cell:
    """The cell in a file.

    Raises:
        UserError: it is no such file, or not whole.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        cell = Cell(
            agent=record["agent"],
            seed=int(record["seed"]),
            played=EpisodeReturns(
                np.array(record["returns"], dtype=float),
                np.array(record["lengths"], dtype=np.int64),
                _column(record["optimal"]),
                _column(record["reference"]),
                {
                    tag: np.array(values, dtype=float)  # null as NaN
                    for tag, values in record.get("figures", {}).items()
                },
            ),
            samples=int(record["samples"]),
            seconds=float(record["seconds"]),
            curve=tuple(
                CurvePoint(
                    samples=int(point["samples"]),
                    seconds=float(point["seconds"]),
                    value=float(point["value"]),
                )
                for point in record["curve"]
            ),
            command=str(record["command"]),
        )
        check_cell(cell, path.stem)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"the cell file {path} is broken ({type(error).__name__}: {error});"
            " delete it to have the cell done again"
        ) from error
    return cell


def check_cell(cell: Cell, name: str) -> None:
    """Refuse what cannot be the record of the cell of this name.

    Raises:
        ValueError: it is of another one, or its columns do not fit.
    """
    if name != f"{cell.agent}-{cell.seed}":
        raise ValueError(f"it is of {cell.agent}-{cell.seed}")
    played = cell.played
    columns = [played.returns, played.lengths, played.optimal, played.reference]
    columns += played.figures.values()
    if len({column.shape for column in columns if column is not None}) > 1:
        raise ValueError("columns of different lengths")
    if not np.isfinite(played.returns).all() or played.returns.ndim != 1 or not len(played.returns):
        raise ValueError("no finite returns")


def _column(values: list[float] | None) -> np.ndarray | None:
    return None if values is None else np.array(values, dtype=float)
