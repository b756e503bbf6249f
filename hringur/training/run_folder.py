"""The folder of one run: settings, checkpoints, learning curve and final metrics.

=========================== =================================================================
``config.json``             the settings that the run was started with
``checkpoints/step-*``      the last few checkpoints; the newest is what ``--resume`` reads
``history.jsonl``           one line per evaluation: step, samples, seconds, metrics
``metrics.json``            the last evaluation, written when the budget is used up
``events.out.tfevents.*``   for TensorBoard
``.lock``                   locked by the operating system while a process trains here
=========================== =================================================================
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from hringur.data.files import plain, read_json, read_text, write_whole
from hringur.training import checkpoint
from hringur.training.fabric import rank
from hringur.types import State, UserError

LOCK = ".lock"


class RunFolder:
    """A run's folder that exists; ``create`` makes a new one, ``open`` finds an old one."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.checkpoints = self.path / "checkpoints"
        self.history = self.path / "history.jsonl"
        self._lock: FileLock | None = None

    @classmethod
    def create(cls, path: Path, settings: Any) -> "RunFolder":
        """A new run with ``settings`` (dataclasses, dictionaries, lists, plain values).

        Of several processes that create one folder at once, one succeeds.

        Raises:
            UserError: something is there already, or the folder cannot be written to, or the disk
                is full; nothing is left then.
        """
        folder = cls(path)
        text = json.dumps(plain(settings), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        try:
            folder._check_empty()
            folder.path.mkdir(parents=True, exist_ok=True)
            folder._check_writable()
            folder._acquire()
            folder._check_empty()  # another process may have been first
            try:
                write_whole(folder.path / "config.json", text)
                folder.checkpoints.mkdir()
            except (OSError, UserError):
                folder._discard()
                raise
        except OSError as error:
            raise UserError(f"cannot create the run folder {path}: {error.strerror}") from error
        return folder

    @classmethod
    def open(cls, path: Path, *, write: bool = False) -> "RunFolder":
        """The run at ``path``; with ``write``, to go on with it.

        Raises:
            UserError: there is no run; or it is to be written to and may not be, or another process
                is writing to it.
        """
        folder = cls(path)
        if not (folder.path / "config.json").is_file():
            raise UserError(f"{path} is no run folder: it has no config.json")
        if write and rank() == 0:
            folder._check_writable()
            for file in (folder.history, folder.path / "metrics.json"):
                if file.exists() and not file.is_file():
                    raise UserError(f"cannot write {file}: it is no file")
            try:
                folder._acquire()
                folder.checkpoints.mkdir(exist_ok=True)
                for partial in folder.path.rglob(".*.partial"):  # of a run killed in writing
                    partial.unlink()
            except OSError as error:
                raise UserError(f"cannot write to the run folder {path}: {error}") from error
        return folder

    def release(self) -> None:
        """Allow another process to go on with the run, as the end of this one does."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def settings(self) -> Any:
        """The settings that the run was started with, as plain values."""
        return read_json(self.path / "config.json")

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
        line = json.dumps(plain(entry), allow_nan=False) + "\n"
        try:
            with open(self.history, "a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            raise UserError(f"cannot write {self.history}: {error.strerror}") from error

    def read_history(self) -> list[dict[str, Any]]:
        """The learning curve; a last line that a kill has cut off is left out."""
        if not self.history.is_file():
            return []
        entries = []
        for number, line in enumerate(read_text(self.history).split("\n")[:-1], start=1):
            try:
                entry = json.loads(line)
                known = type(entry["step"]) is int and isinstance(entry["metrics"], dict)
            except (ValueError, TypeError, KeyError, RecursionError):
                known = False
            if not known:
                raise UserError(f"{self.history}, line {number} is no evaluation: {line[:60]!r}")
            entries.append(entry)
        return entries

    def cut_history(self, step: int) -> None:
        """Drop what comes after ``step``, where a resumed run goes on."""
        if self.history.is_file():
            kept = [entry for entry in self.read_history() if entry["step"] <= step]
            write_whole(self.history, "".join(json.dumps(entry) + "\n" for entry in kept))

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write metrics.json, whole."""
        text = json.dumps(plain(metrics), indent=2, allow_nan=False)
        write_whole(self.path / "metrics.json", text + "\n")

    def _all_checkpoints(self) -> list[Path]:
        """Oldest first."""
        return sorted(self.checkpoints.glob("step-*.safetensors"))

    def _check_empty(self) -> None:
        """Refuse a folder with anything but what a kill right after the start has left."""
        if not self.path.exists():
            return
        names = [file.name for file in self.path.iterdir()] if self.path.is_dir() else ["a file"]
        if not all(name == LOCK or name.endswith(".partial") for name in names):
            raise UserError(
                f"the run folder {self.path} exists already: choose another, or resume that run"
            )

    def _check_writable(self) -> None:
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise UserError(f"the run folder {self.path} may not be written to")

    def _discard(self) -> None:
        """Take away what a start that failed has made."""
        for name in ("config.json", LOCK):
            (self.path / name).unlink(missing_ok=True)
        self.release()
        with suppress(OSError):  # leftovers of another start
            self.path.rmdir()

    def _acquire(self) -> None:
        """Lock the folder until ``release``, or until this process ends."""
        lock = FileLock(self.path / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise UserError(f"another process is training in {self.path}: wait for it") from error
        except NotImplementedError:
            return  # a file system without locks
        self._lock = lock


def learner_state(path: Path) -> State:
    """What a learner kept: in the newest checkpoint of a run folder, or in a saved file."""
    file = RunFolder.open(path).latest_checkpoint() if path.is_dir() else path
    if file is None:
        raise UserError(f"the run {path} has no checkpoint yet")
    state = checkpoint.load(file)
    learner = state.get("learner", state)
    if not isinstance(learner, dict):
        raise UserError(f"{file} holds no learner but a {type(learner).__name__}")
    return learner
