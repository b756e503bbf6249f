import json

import pytest
from matplotlib.figure import Figure
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from hringur.training.config import Counters
from hringur.training.log import RunLog
from hringur.training.run_folder import RunFolder


def at(step: int) -> Counters:
    return Counters(steps=step, samples=8 * step, seconds=step / 2, evaluation_seconds=0.25)


def events(folder: RunFolder) -> EventAccumulator:
    accumulator = EventAccumulator(str(folder.path))
    accumulator.Reload()
    return accumulator


def curve(folder: RunFolder, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in events(folder).Scalars(tag)]


@pytest.fixture
def folder(tmp_path):
    return RunFolder.create(tmp_path / "run", {"trainer": {"steps": 3, "places": [1, 2]}})


def test_scalars_figures_settings_and_results_are_kept(folder):
    log = RunLog(folder)
    log.begin(at(0))
    log.scalars({"train/loss": 0.5}, at(2))
    log.evaluation({"gap/greedy": 0.125}, at(3))
    log.figures({"tour": Figure(figsize=(1, 1))}, at(3))
    log.checkpoint({"a": 1}, at(3), keep=1)
    log.end({"gap/greedy": 0.125}, at(3), interrupted=False)
    log.close()
    log.close()
    assert curve(folder, "train/loss") == [(2, 0.5)]
    assert curve(folder, "gap/greedy") == [(3, 0.125)]
    tags = events(folder).Tags()
    assert tags["images"] == ["tour"]
    assert "_hparams_/experiment" in events(folder).summary_metadata
    expected = {
        "step": 3,
        "samples": 24,
        "seconds": 1.5,
        "evaluation_seconds": 0.25,
        "metrics": {"gap/greedy": 0.125},
    }
    assert folder.read_history() == [expected]
    assert json.loads((folder.path / "metrics.json").read_text()) == expected


def test_what_a_kill_left_beyond_the_checkpoint_is_dropped(folder):
    log = RunLog(folder)
    log.begin(at(0))
    for step in (1, 2, 3):
        log.scalars({"train/loss": float(step)}, at(step))
        log.evaluation({"gap/greedy": step / 8}, at(step))
    log.close()
    log = RunLog(folder)
    log.begin(at(2))
    log.scalars({"train/loss": 30.0}, at(3))
    log.evaluation({"gap/greedy": 0.75}, at(3))
    log.close()
    assert curve(folder, "train/loss") == [(1, 1.0), (2, 2.0), (3, 30.0)]
    gaps = [entry["metrics"]["gap/greedy"] for entry in folder.read_history()]
    assert gaps == [0.125, 0.25, 0.75]


def test_scalars_are_flushed_before_their_checkpoint(folder, monkeypatch):
    log = RunLog(folder)
    log.begin(at(0))
    order: list[str] = []
    monkeypatch.setattr(log.writer, "flush", lambda: order.append("flush"))
    monkeypatch.setattr(folder, "save_checkpoint", lambda *arguments: order.append("save"))
    log.checkpoint({"a": 1}, at(1), keep=1)
    assert order == ["flush", "save"]
    monkeypatch.undo()
    log.close()
