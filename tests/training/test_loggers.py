"""Loggers of other packages against stand-ins."""

import sys
from types import SimpleNamespace

import pytest

from hringur.training.loggers import Logger, Loggers, MLflowLogger, TensorBoardLogger, WandbLogger
from hringur.types import MissingExtra


class Calls:
    """Notes every call of any method."""

    def __init__(self):
        self.noted = []

    def __getattr__(self, name):
        def call(*arguments, **options):
            self.noted.append((name, arguments, options))
            return self if name == "init" else SimpleNamespace(info=SimpleNamespace(run_id="7"))

        return call


def test_mlflow_gets_metrics_of_one_run(monkeypatch):
    stand_in = Calls()
    monkeypatch.setitem(sys.modules, "mlflow", stand_in)
    logger = MLflowLogger(experiment="tours", run_name="a", tracking_uri="file:x")
    logger.write({"train/loss": 2.0}, 64)
    logger.close()
    assert stand_in.noted == [
        ("set_tracking_uri", ("file:x",), {}),
        ("set_experiment", ("tours",), {}),
        ("start_run", (), {"run_name": "a"}),
        ("log_metrics", ({"train/loss": 2.0},), {"step": 64, "run_id": "7"}),
        ("end_run", (), {}),
    ]
    assert isinstance(logger, Logger)


def test_weights_and_biases_get_points_of_one_run(monkeypatch):
    stand_in = Calls()
    monkeypatch.setitem(sys.modules, "wandb", stand_in)
    logger = WandbLogger(project="tours", mode="offline")
    logger.write({"train/loss": 2.0}, 64)
    logger.close()
    assert stand_in.noted == [
        ("init", (), {"project": "tours", "mode": "offline"}),
        ("log", ({"train/loss": 2.0},), {"step": 64}),
        ("finish", (), {}),
    ]


def test_a_missing_package_names_its_extra(monkeypatch):
    for name, kind in (("mlflow", MLflowLogger), ("wandb", WandbLogger)):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(MissingExtra, match=f"extra '{name}'"):
            kind()


def test_recorded_numbers_are_written_together():
    class Kept:
        def write(self, metrics, step):
            self.last = (dict(metrics), step)

        def close(self):
            pass

    kept = Kept()
    loggers = Loggers([kept])
    loggers.record("a", 1)
    loggers.record("b", 2.5, exclude="tensorboard")
    loggers.record("c", "words")
    loggers.dump(9)
    assert kept.last == ({"a": 1.0, "b": 2.5}, 9)


def test_tensorboard_can_be_read_back(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logger = TensorBoardLogger(tmp_path)
    logger.write({"train/loss": 2.0}, 64)
    logger.close()
    events = EventAccumulator(str(tmp_path)).Reload().Scalars("train/loss")
    assert [(event.step, event.value) for event in events] == [(64, 2.0)]
