"""Where an agent's scalars go while it learns: a small protocol, and what stands behind it.

agent.set_logger([CSVLogger("curve.csv"), MLflowLogger(experiment="tours")])
"""

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from hringur.types import Metrics, optional


@runtime_checkable
class Logger(Protocol):
    """Takes scalars by tag; ``step`` counts steps of the environments."""

    def write(self, metrics: Metrics, step: int) -> None:
        """Keep them."""

    def close(self) -> None:
        """No more will come."""


class TensorBoardLogger:
    """Event files for TensorBoard in a folder."""

    def __init__(self, folder: str | Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder))

    def write(self, metrics: Metrics, step: int) -> None:
        """One point of each curve."""
        for tag, value in metrics.items():
            self._writer.add_scalar(tag, value, step)

    def close(self) -> None:
        """Write what is waiting."""
        self._writer.close()


class CSVLogger:
    """A table with the columns step, tag and value; an old file of that name is replaced."""

    def __init__(self, path: str | Path) -> None:
        self._file = Path(path).open("w", newline="", encoding="utf-8")
        self._rows = csv.writer(self._file)
        self._rows.writerow(["step", "tag", "value"])

    def write(self, metrics: Metrics, step: int) -> None:
        """A row for each tag, on the disk at once."""
        self._rows.writerows([step, tag, value] for tag, value in metrics.items())
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class ConsoleLogger:
    """Lines on standard error: what ``verbose=1`` shows."""

    def write(self, metrics: Metrics, step: int) -> None:
        """One line for each tag."""
        lines = [f"{tag:32} {value:.6g}" for tag, value in sorted(metrics.items())]
        print(f"after {step:,} steps:", *lines, sep="\n  ", file=sys.stderr)

    def close(self) -> None:
        """There is nothing to close."""


class MLflowLogger:
    """A run of MLflow (extra ``mlflow``)."""

    def __init__(
        self,
        experiment: str | None = None,
        run_name: str | None = None,
        tracking_uri: str | None = None,
    ) -> None:
        """The tracking server, and where it keeps the run, are MLflow's own unless given."""
        self._mlflow = optional("mlflow", "MLflowLogger", "mlflow")
        if tracking_uri is not None:
            self._mlflow.set_tracking_uri(tracking_uri)
        if experiment is not None:
            self._mlflow.set_experiment(experiment)
        self.run = self._mlflow.start_run(run_name=run_name)

    def write(self, metrics: Metrics, step: int) -> None:
        """Metrics of the run."""
        self._mlflow.log_metrics(metrics, step=step, run_id=self.run.info.run_id)

    def close(self) -> None:
        """End the run."""
        self._mlflow.end_run()


class WandbLogger:
    """A run of Weights & Biases (extra ``wandb``); ``mode="offline"`` needs no network."""

    def __init__(self, **options: Any) -> None:
        """``options`` are those of ``wandb.init``: project, name, mode, dir ..."""
        self.run = optional("wandb", "WandbLogger", "wandb").init(**options)

    def write(self, metrics: Metrics, step: int) -> None:
        """One point of each curve."""
        self.run.log(metrics, step=step)

    def close(self) -> None:
        """End the run."""
        self.run.finish()


class Loggers:
    """Several at once, with the names that callbacks of Stable-Baselines3 use."""

    def __init__(self, outputs: Sequence[Logger] = ()) -> None:
        self.outputs = list(outputs)
        self._waiting: Metrics = {}

    def write(self, metrics: Metrics, step: int) -> None:
        """Hand them to each."""
        for output in self.outputs:
            output.write(metrics, step)

    def record(self, key: str, value: Any, exclude: Any = None) -> None:
        """Keep a number until ``dump``; what is none is left out."""
        if isinstance(value, int | float):
            self._waiting[key] = float(value)

    def dump(self, step: int = 0) -> None:
        """Write what was recorded."""
        if self._waiting:
            self.write(self._waiting, step)
        self._waiting = {}
