"""The folder of one run: settings, checkpoints, learning curve and final metrics.

=========================== =================================================================
``config.json``             the settings that the run was started with
``checkpoints/step-*``      the last few checkpoints; the newest is what ``--resume`` reads
``history.jsonl``           one line per evaluation: step, samples, seconds, metrics
``metrics.json``            the last evaluation, written when the budget is used up
``events.out.tfevents.*``   for TensorBoard
=========================== =================================================================
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hringur.data.files import plain, write_whole
from hringur.training import checkpoint
from hringur.types import State, UserError


class RunFolder:
    """A run's folder that exists; ``create`` makes a new one, ``open`` finds an old one."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.checkpoints = self.path / "checkpoints"
        self.history = self.path / "history.jsonl"

    @classmethod
    def create(cls, path: Path, settings: Any) -> "RunFolder":
        """A new run with ``settings`` (dataclasses, dictionaries, lists, plain values).

        Raises:
            UserError: something is there already, or the folder cannot be written to.
        """
        folder = cls(path)
        text = json.dumps(plain(settings), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        try:
            if folder.path.exists() and not folder._is_empty():
                raise UserError(
                    f"the run folder {path} exists already: choose another, or resume that run"
                )
            folder.path.mkdir(parents=True, exist_ok=True)
            folder._check_writable()
            write_whole(folder.path / "config.json", text)
            folder.checkpoints.mkdir()
        except OSError as error:
            raise UserError(f"cannot create the run folder {path}: {error.strerror}") from error
        return folder

    @classmethod
    def open(cls, path: Path, *, write: bool = False) -> "RunFolder":
        """The run at ``path``; with ``write``, to go on with it.

        Raises:
            UserError: there is no run, or it is to be written to and may not be.
        """
        folder = cls(path)
        if not (folder.path / "config.json").is_file():
            raise UserError(f"{path} is no run folder: it has no config.json")
        if write:
            folder._check_writable()
            folder.checkpoints.mkdir(exist_ok=True)
            for partial in folder.checkpoints.glob(".*.partial"):  # of a run killed in writing
                partial.unlink(missing_ok=True)  # another rank may have been first
        return folder

    def settings(self) -> Any:
        """The settings that the run was started with, as plain values."""
        path = self.path / "config.json"
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"cannot read the settings in {path}: {error}") from error

    def save_checkpoint(self, state: State, step: int, keep: int) -> Path:
        """Write the checkpoint of ``step``, then drop all but the last ``keep`` ones."""
        path = self.checkpoints / f"step-{step:010d}.safetensors"
        checkpoint.save(path, state)
        for old in self._all_checkpoints()[:-keep]:
            old.unlink()
        return path

    def latest_checkpoint(self) -> Path | None:
        """The newest checkpoint; None when the run was stopped before its first one."""
        return next(reversed(self._all_checkpoints()), None)

    def append_history(self, entry: Mapping[str, Any]) -> None:
        """Add one evaluation to the learning curve."""
        with open(self.history, "a", encoding="utf-8") as file:
            file.write(json.dumps(plain(entry), allow_nan=False) + "\n")

    def read_history(self) -> list[dict[str, Any]]:
        """The learning curve; a last line that a kill has cut off is left out."""
        if not self.history.exists():
            return []
        lines = self.history.read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def cut_history(self, step: int) -> None:
        """Drop what lies beyond ``step``, where a resumed run goes on."""
        if self.history.exists():
            kept = [entry for entry in self.read_history() if entry["step"] <= step]
            write_whole(self.history, "".join(json.dumps(entry) + "\n" for entry in kept))

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write metrics.json, whole."""
        text = json.dumps(plain(metrics), indent=2, allow_nan=False)
        write_whole(self.path / "metrics.json", text + "\n")

    def _all_checkpoints(self) -> list[Path]:
        """Oldest first."""
        return sorted(self.checkpoints.glob("step-*.safetensors"))

    def _is_empty(self) -> bool:
        """Whether nothing is there but, perhaps, what a kill right after the start has left."""
        names = [file.name for file in self.path.iterdir()] if self.path.is_dir() else ["a file"]
        return all(name.endswith(".partial") for name in names)

    def _check_writable(self) -> None:
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise UserError(f"the run folder {self.path} may not be written to")


def learner_state(path: Path) -> State:
    """What a learner kept: in the newest checkpoint of a run folder, or in a saved file.

    Raises:
        UserError: there is no such file, or the run has no checkpoint yet.
    """
    file = RunFolder.open(path).latest_checkpoint() if path.is_dir() else path
    if file is None:
        raise UserError(f"the run {path} has no checkpoint yet")
    state = checkpoint.load(file)
    return state.get("learner", state)
