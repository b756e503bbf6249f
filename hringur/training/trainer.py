"""One training loop for every learner: it knows neither rewards, nor images, nor optimisers.

``train`` draws a batch, hands it to ``learner.update``, and sees to everything around that:
budgets, the log, evaluations, checkpoints, Ctrl-C. A run that was killed goes on from its last
checkpoint and ends, on a CPU, in the same weights bit for bit as one that was never stopped.
``make_fabric`` and ``gradient_step`` are for the learners.
"""

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from types import FrameType
from typing import Any

from hringur.data.files import reading
from hringur.settings import check_fields, read
from hringur.training.checkpoint import restore
from hringur.training.config import Averages, Counters, Due, TrainerConfig
from hringur.training.fabric import agree, gather, gradient_step, make_fabric, rank, world_size
from hringur.training.log import Log
from hringur.training.random_state import random_state, restore_random_state, undisturbed
from hringur.training.threads import Threads, chosen_by_pace
from hringur.types import Batches, Learner, Metrics, State, UserError

__all__ = ["Outcome", "TrainerConfig", "gradient_step", "make_fabric", "train"]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a training ended."""

    counters: Counters
    metrics: Metrics
    """of the last evaluation; empty when interrupted before the first"""

    interrupted: bool
    """by Ctrl-C or SIGTERM, before the budget was used up"""

    told_to_end: bool
    """the same, or while it was evaluated for the last time"""


def train(
    learner: Learner,
    batches: Batches,
    config: TrainerConfig,
    log: Log,
    resume_state: State | None = None,
) -> Outcome:
    """Update ``learner`` until a budget of ``config`` is used up or Ctrl-C is pressed.

    Under torchrun ``batches`` differ from rank to rank, and ranks above zero have a ``NoLog``.
    ``resume_state`` is from a checkpoint of such a run, which goes on from there.

    Raises:
        FloatingPointError: an update was not finite; the message names the step.
        UserError: ``resume_state`` is no run's, or is another learner's.
    """
    run = _Run(learner, batches, config, log)
    try:
        if resume_state is not None:
            run.restore(resume_state)
        if config.compile:
            check_compiles(learner)
            learner.compile()  # type: ignore[attr-defined]
        log.begin(run.now)  # not before: what is refused leaves the folder as it was
        if chosen_by_pace(config):
            run.threads = Threads(log.display.say)
        with Interruption() as interruption:
            interrupted = run.until_done(interruption)
            log.end(run.metrics, run.now, interrupted)
    finally:
        if run.threads is not None:
            run.threads.close()
        log.close()
    told = interruption.requested
    return Outcome(counters=run.now, metrics=run.metrics, interrupted=interrupted, told_to_end=told)


def check_compiles(learner: Learner) -> None:
    """Refuse ``compile`` for what cannot be compiled.

    Raises:
        UserError: the learner has no such method.
    """
    if not hasattr(learner, "compile"):
        raise UserError(f"compile: a {type(learner).__name__} cannot be compiled")


@dataclass(kw_only=True)
class Progress:
    """How far a run has come: what a checkpoint keeps beside the learner and its processes."""

    now: Counters = Counters()
    logged: Counters = Counters()
    averages: Averages = field(default_factory=Averages)
    metrics: Metrics = field(default_factory=dict)
    evaluated_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class Process:
    """What a checkpoint keeps of each process."""

    batches: State
    random: State


@dataclass
class _Run(Progress):
    """What changes while a run goes on."""

    learner: Learner
    batches: Batches
    config: TrainerConfig
    log: Log
    resumed: Counters | None = None
    threads: Threads | None = None

    def until_done(self, interruption: "Interruption") -> bool:
        """Update, log, evaluate and save until the budget is used up; True if interrupted."""
        config, now = self.config, self.now
        intervals = (config.evaluate_every_steps, config.evaluate_every_seconds)
        evaluate = Due(now, *intervals, config.evaluate_every_samples)
        save = Due(now, config.checkpoint_every_steps, config.checkpoint_every_seconds)
        share, stop = agree((config.share(now), False))
        while share < 1 and not stop:
            self.update(share)
            now, ended = self.now, not self.log.updated(self.now) or interruption.requested
            decided = (config.share(now), ended, evaluate(now), save(now))
            share, stop, evaluate_now, save_now = agree(decided)  # rank zero's clock
            self.count(share)
            if share < 1 and not stop:
                if evaluate_now:
                    self.evaluate()
                if save_now:
                    self.save()
                self.show(share)
        if share == 1:
            self.evaluate()
            self.show(share)
        self.save()
        return share < 1

    def update(self, share: float) -> None:
        """One batch, one update; only this counts as training time."""
        began = time.perf_counter()
        batch = next(self.batches)
        try:
            metrics = self.learner.update(batch, share)
        except FloatingPointError as error:
            message = f"step {self.now.steps + 1}: {error}"
            if self.now == self.resumed:  # nothing has been learned or written since
                raise UserError(f"cannot resume: {message}") from error
            raise FloatingPointError(message) from error
        self.now = replace(
            self.now,
            steps=self.now.steps + 1,
            samples=self.now.samples + len(batch) * world_size(),
            seconds=self.now.seconds + time.perf_counter() - began,
        )
        if self.threads is not None:
            self.threads.after(len(batch), time.perf_counter() - began)
        self.averages.add(metrics)

    def count(self, share: float) -> None:
        """Every ``log_every`` steps, and at the end, log the averages since the last time."""
        if self.now.steps % self.config.log_every == 0 or share == 1:
            scalars = self.averages.take() | _pace(self.now, self.logged, share)
            self.log.scalars(scalars, self.now)
            self.logged = self.now

    def show(self, share: float) -> None:
        """Show the progress, with the headline of the last evaluation."""
        tag = self.learner.headline
        headline = f"{tag} {self.metrics[tag]:.4g}" if tag in self.metrics else ""
        self.log.progress(share, self.now, headline)

    def evaluate(self) -> None:
        """Evaluate, once per step, without disturbing the random streams."""
        if self.evaluated_at == self.now.steps:
            return
        began = time.perf_counter()
        with undisturbed():
            self.metrics = self.learner.evaluate()
            figures = self.learner.figures() if hasattr(self.learner, "figures") else {}
        spent = self.now.evaluation_seconds + time.perf_counter() - began
        self.now = replace(self.now, evaluation_seconds=spent)
        self.evaluated_at = self.now.steps
        self.log.evaluation(self.metrics, self.now)
        self.log.figures(figures, self.now)

    def save(self) -> None:
        """A checkpoint: the learner as rank zero has it, batches and random streams of each."""
        own = {"batches": self.batches.state_dict(), "random": random_state()}
        state = {
            "learner": self.learner.state_dict(),
            "processes": gather(own),
            "now": asdict(self.now),
            "logged": asdict(self.logged),
            "averages": asdict(self.averages),
            "metrics": self.metrics,
            "evaluated_at": self.evaluated_at,
        }
        self.log.checkpoint(state, self.now, self.config.keep_checkpoints)

    def restore(self, state: State) -> None:
        """Go on from ``state``, as ``save`` made it."""
        missing = {"learner", "processes", "now"} - state.keys()
        if missing:
            raise UserError(f"cannot resume: the checkpoint is no run's, it has no {min(missing)}")
        if not isinstance(state["processes"], list):
            raise UserError("cannot resume: the checkpoint's processes are no list")
        if len(state["processes"]) != world_size():
            raise UserError(
                f"cannot resume: the checkpoint is of {len(state['processes'])} processes,"
                f" and {world_size()} are running"
            )
        where = "the checkpoint"
        own = check_fields(Process, state["processes"][rank()], where)
        names = [field.name for field in fields(Progress)]
        progress = read(Progress, {name: state[name] for name in names if name in state}, where)
        progress.now.check()
        progress.logged.check()
        restore(self.learner, state["learner"], where)
        restore(self.batches, own["batches"], where)
        for name in names:
            setattr(self, name, getattr(progress, name))
        self.resumed = self.now
        with reading(where, "random streams"):
            restore_random_state(own["random"])  # last: loading may draw


def _pace(now: Counters, before: Counters, share: float) -> Metrics:
    """The trainer's own scalars, docs/metrics.md."""
    seconds = now.seconds - before.seconds
    return {
        "time/fps": (now.samples - before.samples) / seconds if seconds > 0 else 0.0,
        "time/samples": float(now.samples),
        "time/elapsed_seconds": now.seconds,
        "time/evaluation_seconds": now.evaluation_seconds,
        "train/progress": share,
    }


class Interruption:
    """Remembers the first Ctrl-C or SIGTERM, so that the update under way is finished first.

    A second Ctrl-C acts at once.
    """

    def __init__(self, on_request: Callable[[], None] | None = None) -> None:
        """``on_request`` is called at every signal, to hand it on."""
        self.requested, self.on_request = False, on_request
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():  # only there may it be set
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) is signal.SIG_IGN:  # as a shell's background job
                    continue
                self._before[number] = signal.signal(number, self._request)
        return self

    def __exit__(self, *error: object) -> None:
        for number in list(self._before):
            self._restore(number)

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        if self.on_request is not None:
            self.on_request()
        if number == signal.SIGINT:  # torchrun may send SIGTERM twice, a hurried user means it
            self._restore(number)

    def _restore(self, number: int) -> None:
        if number in self._before:
            signal.signal(number, self._before.pop(number) or signal.SIG_DFL)
