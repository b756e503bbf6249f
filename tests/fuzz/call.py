"""One command line in a child of this process, so that torch is imported only once."""

import functools
import gc
import importlib
import io
import json
import os
import pkgutil
import re
import resource
import select
import signal
import sys
import time
import traceback
import typing
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import hringur
from hringur.cli import COMMANDS, main
from hringur.data.tours.iceland import Season, roads
from hringur.registry import learners, models

SECONDS = 20.0
"""after which a command line counts as hung"""

MEMORY = 4 << 30
"""address space that a child may take beyond what it begins with [bytes]"""

NOTED = re.compile(r"hringur: [^:]+: [\d,]+ days of ")
"""Begins the line that says how a file of prices was read, which may stand before a refusal."""

IN_ONE_CHILD = 20
"""Command lines that a child of a ``Line`` answers."""

PRELOADED = (
    *("torch.utils.tensorboard", "stable_baselines3", "sb3_contrib", "sklearn.mixture", "joblib"),
    *("sklearn.datasets", "scipy.io", "pydantic.dataclasses", "pydantic.plugin", "torch.profiler"),
    *(
        "tensorboard.plugins.hparams.plugin_data_pb2",
        "gymnasium.envs.classic_control",
        "encodings.cp437",
    ),
    *("gymnasium.envs.toy_text", "encodings.utf_8_sig", "rich._emoji_codes", "annotated_types"),
)
"""Libraries that are imported where they are used; here once, before the children are made."""


def import_all() -> None:
    """The package and the libraries that it imports where it uses them."""
    for module in PRELOADED:
        importlib.import_module(module)
    for found in pkgutil.walk_packages(hringur.__path__, "hringur."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)


@functools.cache
def preload() -> None:
    """Import, read and build what children need, once for all of them."""
    import_all()
    for season in typing.get_args(Season):
        roads(season)
    for words in (*([name] for name in COMMANDS), *(["train", name] for name in registered())):
        with redirect_stdout(io.StringIO()):
            assert main([*words, "--help"]) == 0, words
    settle()


def settle() -> None:
    """Let children share the pages of what is there now: the collector leaves it alone."""
    gc.collect()
    gc.freeze()


def registered() -> list[str]:
    """Names of all learners and models."""
    return [*learners(), *models()]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a command line ended."""

    code: int | None
    """exit code; None: it was stopped after ``SECONDS``"""

    out: str
    err: str
    changed: tuple[str, ...]
    """files that are new, gone or different"""

    seconds: float

    def faults(self) -> list[str]:
        """What a refusal must not do: nothing where the command was refused or has succeeded."""
        lines = [line for line in self.err.strip().splitlines() if not NOTED.match(line)]
        ended = self.code in (None, 0, 2) or (self.code == 1 and "the training failed" in self.err)
        kinds = {
            "time-out": self.code is None,
            "traceback": "Traceback (most recent call last)" in self.err,
            f"exit code {self.code}": not ended,
            f"{len(lines)} lines": self.code == 2 and len(lines) != 1,
            f"changed {', '.join(self.changed)}": self.code == 2 and bool(self.changed),
        }
        return [kind for kind, found in kinds.items() if found]


def call(
    arguments: Sequence[str],
    folder: Path,
    prepare: Callable[[], None] | None = None,
    seconds: float = SECONDS,
) -> Outcome:
    """Run ``hringur`` with ``arguments`` in ``folder``; ``prepare`` runs first, in the child."""
    before, started = snapshot(folder), Started(arguments, folder, prepare)
    return replace(started.outcome(seconds), changed=changed_since(before, folder))


class Started:
    """A command line at work in a child."""

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path,
        prepare: Callable[[], None] | None = None,
        output: Path | None = None,
    ) -> None:
        """Fork; what it writes goes to ``output``.out and .err, beside ``folder`` if None."""
        self.began, output = time.monotonic(), output or folder
        self.out, self.err = (output.with_name(f"{output.name}.{kind}") for kind in ("out", "err"))
        self.child = os.fork()
        if self.child == 0:
            _run(arguments, folder, prepare, self.out, self.err)

    def kill(self) -> None:
        """End it at once."""
        with suppress(ProcessLookupError):  # before it has a group of its own
            os.kill(self.child, signal.SIGKILL)

    def is_over(self) -> bool:
        """Whether it has ended; ``outcome`` can still be asked for."""
        return os.waitid(os.P_PID, self.child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def outcome(self, seconds: float) -> Outcome:
        """Wait for the end, but no longer than so many seconds from now."""
        waiting = os.pidfd_open(self.child)
        try:
            ready, _, _ = select.select([waiting], [], [], seconds)
            if not ready:
                os.killpg(self.child, signal.SIGKILL)
            status = os.waitpid(self.child, 0)[1]
        finally:
            os.close(waiting)
        return Outcome(
            code=os.waitstatus_to_exitcode(status) if ready else None,
            out=self.out.read_text(errors="replace") if self.out.exists() else "",
            err=self.err.read_text(errors="replace") if self.err.exists() else "",
            changed=(),
            seconds=time.monotonic() - self.began,
        )


class Line:
    """Command lines one after the other; a child answers ``IN_ONE_CHILD``, or until one goes wrong.

    Two thirds of what a refusal costs is the making and the end of a child.
    """

    def __init__(self, prepare: Callable[[], None]) -> None:
        self.prepare, self.child, self.answered = prepare, 0, 0

    def call(self, arguments: Sequence[str], folder: Path, seconds: float = SECONDS) -> Outcome:
        """As the function ``call`` does; a fault is shown by another run, in a child of its own."""
        before, began = snapshot(folder), time.monotonic()
        if not self.child:
            self._begin()
        words = json.dumps([list(arguments), str(folder)]).encode()
        os.write(self.asks, len(words).to_bytes(4, "little") + words)
        ready, _, _ = select.select([self.answers], [], [], seconds)
        code = int.from_bytes(os.read(self.answers, 1) or b"\xff", "little") if ready else None
        self.answered += 1
        if code not in (0, 2) or self.answered == IN_ONE_CHILD:
            self.close()
        out, err = (folder.with_name(f"{folder.name}.{kind}") for kind in ("out", "err"))
        return Outcome(
            code=code,
            out=out.read_text(errors="replace"),
            err=err.read_text(errors="replace"),
            changed=changed_since(before, folder),
            seconds=time.monotonic() - began,
        )

    def _begin(self) -> None:
        """Make a child that waits for command lines."""
        (asked, self.asks), (self.answers, answer) = os.pipe(), os.pipe()
        self.child = os.fork()
        if self.child == 0:
            try:
                os.close(self.asks)
                _answer(asked, answer, self.prepare)
            finally:
                os._exit(1)
        os.close(asked)
        os.close(answer)

    def close(self) -> None:
        """End the child, if there is one."""
        if self.child:
            for pipe in (self.asks, self.answers):
                os.close(pipe)
            with suppress(ProcessLookupError):  # before it has a group of its own
                os.killpg(self.child, signal.SIGKILL)
            os.waitpid(self.child, 0)
            self.child = self.answered = 0


def _answer(asked: int, answer: int, prepare: Callable[[], None]) -> None:
    """In the child of a ``Line``: run what is asked, say how it ended."""
    most = mapped_bytes() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    prepare()
    while size := os.read(asked, 4):
        text = b""
        while len(text) < int.from_bytes(size, "little"):
            text += os.read(asked, 1 << 16)
        arguments, place = json.loads(text)
        folder = Path(place)
        begin(folder, *(folder.with_name(f"{folder.name}.{kind}") for kind in ("out", "err")))
        os.write(answer, bytes([run_here(arguments)]))


def changed_since(before: Mapping[str, tuple[int, ...] | bytes], folder: Path) -> tuple[str, ...]:
    """Paths in a folder that are new, gone or different since a ``snapshot`` of it."""
    after = snapshot(folder)
    return tuple(sorted(k for k in before.keys() | after if before.get(k) != after.get(k)))


def snapshot(folder: Path) -> dict[str, tuple[int, ...] | bytes]:
    """What is in a folder by path: content of files, kind of anything else; locks left out."""
    found: dict[str, tuple[int, ...] | bytes] = {}
    for path in folder.rglob("*"):
        if path.name != ".lock":
            regular = path.is_file() and not path.is_symlink()
            content = path.read_bytes() if regular else (path.lstat().st_mode,)
            found[str(path.relative_to(folder))] = content
    return found


def mapped_bytes() -> int:
    """Address space of this process."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def begin(folder: Path, out: Path, err: Path) -> None:
    """In the child: a group of its own in the same session, a folder, and both outputs in files."""
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)
    os.chdir(folder)
    for path, number in ((os.devnull, 0), (str(out), 1), (str(err), 2)):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        opened = os.open(path, flags, 0o644)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdout = open(1, "w", closefd=False, encoding="utf-8")
    sys.stderr = open(2, "w", closefd=False, encoding="utf-8")


def run_here(arguments: Sequence[str]) -> int:
    """In the child: the exit code of a command line; whatever it raises is printed, code 1."""
    try:
        code = main(list(arguments))
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except BaseException:
        code = 1
        traceback.print_exc()
        sys.stderr.flush()
    return code


def _run(
    arguments: Sequence[str],
    folder: Path,
    prepare: Callable[[], None] | None,
    out: Path,
    err: Path,
) -> None:
    """The child: never returns."""
    code = 1
    try:
        begin(folder, out, err)
        most = mapped_bytes() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        if prepare is not None:
            prepare()
        code = run_here(arguments)
    finally:
        os._exit(code)
