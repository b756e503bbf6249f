import math
import os
import signal
import threading

import pytest
import torch
from matplotlib.figure import Figure

from hringur.training import checkpoint
from hringur.training.config import Counters
from hringur.training.log import Log, NoLog, RunLog
from hringur.training.run_folder import RunFolder
from hringur.training.trainer import Outcome, TrainerConfig, train
from hringur.types import Batches, Learner, UserError
from tests.training.toy import Toy, toy


class Kept(Log):
    """A log that remembers what it was told."""

    def __init__(self) -> None:
        self.calls: list[tuple] = []
        self.state: dict | None = None

    def begin(self, now):
        self.calls.append(("begin", now.steps))

    def scalars(self, metrics, now):
        self.calls.append(("scalars", now.steps, metrics))

    def evaluation(self, metrics, now):
        self.calls.append(("evaluation", now.steps, metrics))

    def figures(self, figures, now):
        self.calls.append(("figures", now.steps, sorted(figures)))

    def progress(self, share, now, headline):
        self.calls.append(("progress", now.steps, share, headline))

    def checkpoint(self, state, now, keep):
        self.calls.append(("checkpoint", now.steps, keep))
        self.state = state

    def end(self, metrics, now, interrupted):
        self.calls.append(("end", now.steps, interrupted))

    def close(self):
        self.calls.append(("close",))

    def steps(self, kind: str) -> list[int]:
        return [call[1] for call in self.calls if call[0] == kind]


@pytest.fixture(autouse=True)
def signals_as_in_the_foreground():
    """A shell's background job ignores Ctrl-C, and would hand that down to the tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def config(**settings) -> TrainerConfig:
    quiet = {"evaluate_every_seconds": None, "checkpoint_every_seconds": None, "device": "cpu"}
    return TrainerConfig(**(quiet | settings))


def weights(learner: Toy) -> torch.Tensor:
    return torch.cat([weight.flatten() for weight in learner.net.state_dict().values()])


def test_the_toy_is_what_the_protocols_ask_for():
    learner, batches = toy()
    assert isinstance(learner, Learner)
    assert isinstance(batches, Batches)


def test_training_fits():
    learner, batches = toy()
    before = learner.evaluate()["toy/error"]
    outcome = train(learner, batches, config(steps=200), NoLog())
    assert outcome.metrics["toy/error"] < before / 2


@pytest.mark.parametrize(
    ("budget", "steps"),
    [({"steps": 12}, 12), ({"samples": 50}, 7), ({"steps": 9, "samples": 10**6}, 9)],
)
def test_the_first_budget_used_up_ends_it(budget, steps):
    outcome = train(*toy(), config(**budget), NoLog())
    assert (outcome.counters.steps, outcome.counters.samples) == (steps, 8 * steps)
    assert not outcome.interrupted


def test_seconds_count_updates_and_leave_out_evaluations(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("hringur.training.trainer.time.perf_counter", lambda: clock[0])
    learner, batches = toy()
    update, evaluate = learner.update, learner.evaluate

    def slow(seconds, inner):
        def call(*arguments):
            clock[0] += seconds
            return inner(*arguments)

        return call

    learner.update, learner.evaluate = slow(2.0, update), slow(100.0, evaluate)
    log = Kept()
    outcome = train(learner, batches, config(seconds=20.0, evaluate_every_seconds=6.0), log)
    assert outcome.counters.steps == 10
    assert outcome.counters.seconds == 20
    assert log.steps("evaluation") == [3, 6, 9, 10]
    assert outcome.counters.evaluation_seconds == 400


def test_order_and_intervals_of_log_evaluation_and_checkpoint():
    log = Kept()
    settings = config(steps=10, log_every=4, evaluate_every_steps=5, checkpoint_every_steps=3)
    train(*toy(), settings, log)
    assert log.steps("scalars") == [4, 8, 10]
    assert log.steps("evaluation") == [5, 10]
    assert log.steps("checkpoint") == [3, 6, 9, 10]
    assert [call[0] for call in log.calls[-4:]] == ["progress", "checkpoint", "end", "close"]
    assert log.calls[0] == ("begin", 0)
    assert log.state is not None
    assert log.state["now"]["steps"] == 10


def test_scalars_are_averages_over_the_updates_in_between():
    every, fourth = Kept(), Kept()
    train(*toy(), config(steps=8, log_every=1), every)
    train(*toy(), config(steps=8, log_every=4), fourth)
    losses = [call[2]["toy/loss"] for call in every.calls if call[0] == "scalars"]
    means = [call[2]["toy/loss"] for call in fourth.calls if call[0] == "scalars"]
    assert means == pytest.approx([sum(losses[:4]) / 4, sum(losses[4:]) / 4], rel=1e-12)
    last = [call[2] for call in fourth.calls if call[0] == "scalars"][-1]
    assert last["time/samples"] == 64
    assert last["train/progress"] == 1
    assert last["time/fps"] > 0


def test_the_learner_is_told_the_used_share():
    learner, batches = toy()
    train(learner, batches, config(steps=4, samples=40), NoLog())
    assert learner.rates == [0, 0.25, 0.5, 0.75]


def test_evaluations_do_not_disturb_the_random_streams():
    often, batches = toy()
    train(often, batches, config(steps=20, evaluate_every_steps=1), NoLog())
    never, batches = toy()
    train(never, batches, config(steps=20), NoLog())
    assert torch.equal(weights(often), weights(never))


@pytest.mark.parametrize("stop", [1, 13, 20])
def test_resumed_from_any_checkpoint_the_weights_are_the_same_to_the_bit(tmp_path, stop):
    whole, batches = toy()
    settings = {"log_every": 3, "evaluate_every_steps": 4}
    whole_log = Kept()
    train(whole, batches, config(steps=20, **settings), whole_log)

    learner, batches = toy()
    first, second = Kept(), Kept()
    inner = learner.update

    def until_stop(batch, progress):
        metrics = inner(batch, progress)
        if len(learner.rates) == stop:
            os.kill(os.getpid(), signal.SIGTERM)
        return metrics

    learner.update = until_stop
    outcome = train(learner, batches, config(steps=20, **settings), first)
    assert outcome.interrupted == (stop < 20)
    assert first.steps("checkpoint") == [stop]
    checkpoint.save(tmp_path / "a", first.state)

    resumed, batches = toy(seed=5)  # everything that matters must come from the file
    state = checkpoint.load(tmp_path / "a")
    train(resumed, batches, config(steps=20, **settings), second, state)
    assert torch.equal(weights(resumed), weights(whole))
    assert not torch.equal(weights(toy(seed=5)[0]), weights(whole))

    def told(*logs):
        kinds = ("scalars", "evaluation")
        calls = [call for log in logs for call in log.calls if call[0] in kinds]
        untimed = [
            {tag: value for tag, value in call[2].items() if not tag.startswith("time/")}
            for call in calls
        ]
        return [(*call[:2], metrics) for call, metrics in zip(calls, untimed, strict=True)]

    assert told(first, second) == told(whole_log)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_the_update_saves_and_says_how_to_go_on(tmp_path, capsys, number):
    folder = RunFolder.create(tmp_path / "run", {})
    learner, batches = toy()
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    inner = learner.update

    def interrupted(batch, progress):
        if len(learner.rates) == 3:
            os.kill(os.getpid(), number)
        return inner(batch, progress)

    learner.update = interrupted
    said = []
    log = RunLog(folder, resume_command="hringur train toy --resume run")
    log.display.say = said.append
    outcome = train(learner, batches, config(steps=10), log)
    assert outcome.interrupted
    assert outcome.counters.steps == 4
    latest = folder.latest_checkpoint()
    assert latest is not None
    assert checkpoint.load(latest)["now"]["steps"] == 4
    assert said == ["stopped after 4 steps; go on with:", "  hringur train toy --resume run"]
    assert not (folder.path / "metrics.json").exists()
    assert handlers == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))


def test_a_second_ctrl_c_acts_at_once_and_closes_the_log():
    learner, batches = toy()

    def twice(batch, progress):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("not reached")

    learner.update = twice
    log = Kept()
    with pytest.raises(KeyboardInterrupt):
        train(learner, batches, config(steps=10), log)
    assert log.calls[-1] == ("close",)


def test_a_background_job_goes_on_ignoring_ctrl_c():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    learner, batches = toy()
    inner = learner.update

    def interrupted(batch, progress):
        os.kill(os.getpid(), signal.SIGINT)
        return inner(batch, progress)

    learner.update = interrupted
    assert not train(learner, batches, config(steps=3), NoLog()).interrupted


def test_training_works_outside_the_main_thread():
    outcomes: list[Outcome] = []
    learner, batches = toy()
    thread = threading.Thread(
        target=lambda: outcomes.append(train(learner, batches, config(steps=3), NoLog()))
    )
    thread.start()
    thread.join()
    assert outcomes[0].counters.steps == 3


def test_a_loss_that_is_not_finite_names_the_step():
    learner, batches = toy()
    train(learner, batches, config(steps=2), NoLog())
    with torch.no_grad():
        next(iter(learner.net.parameters()))[0, 0] = math.nan
    before = weights(learner)
    log = Kept()
    with pytest.raises(FloatingPointError, match="^step 1: loss nan"):
        train(learner, batches, config(steps=2), log)
    assert torch.equal(weights(learner).nan_to_num(), before.nan_to_num())
    assert log.calls[-1] == ("close",)


def test_figures_and_compilation_are_asked_for_where_offered():
    learner, batches = toy()
    with pytest.raises(UserError, match="compile: a Toy cannot be compiled"):
        train(learner, batches, config(steps=2, compile=True), NoLog())
    compiled = []
    learner.compile = lambda: compiled.append(True)
    learner.figures = lambda: {"toy/curve": Figure()}
    log = Kept()
    train(learner, batches, config(steps=2, compile=True), log)
    assert compiled == [True]
    assert ("figures", 2, ["toy/curve"]) in log.calls


def test_what_is_no_run_cannot_be_resumed():
    with pytest.raises(UserError, match="no run's, it has no"):
        train(*toy(), config(steps=2), NoLog(), {"learner": {}})
    log = Kept()
    train(*toy(), config(steps=2), log)
    assert log.state is not None
    for_two = log.state | {"processes": log.state["processes"] * 2}
    with pytest.raises(UserError, match="of 2 processes, and 1 are running"):
        train(*toy(), config(steps=2), NoLog(), for_two)


@pytest.mark.parametrize(
    ("field", "value"),
    [("steps", 0), ("samples", -1), ("seconds", math.nan), ("seconds", math.inf), ("threads", 0)],
)
def test_budgets_out_of_range_are_refused(field, value):
    with pytest.raises(UserError, match=f"^{field} must be positive and finite, got {value}$"):
        TrainerConfig(**{field: value})


def test_three_minutes_when_no_budget_is_given():
    assert TrainerConfig().seconds == 180
    assert TrainerConfig(steps=5).seconds is None
    assert TrainerConfig(steps=5, seconds=10.0).share(Counters(steps=1, seconds=4.0)) == 0.4
