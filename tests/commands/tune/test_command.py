"""Searches of settings: trials counted, continued after a stop, pruned, repeated, refused."""

import json
import os
import shlex
import sqlite3
import sys
from contextlib import closing
from dataclasses import fields

import optuna
import pytest

from hringur.cli import main
from hringur.commands.tune import trials
from hringur.commands.tune.command import TuneAgent, TuneModel, objective_of
from hringur.registry import config_of, learners, models
from hringur.settings import Interval
from hringur.training.config import Counters
from hringur.training.run_folder import RunFolder

POLES = ["reinforce", "--env", "CartPole-v1", "--budget", "300steps"]


def tune(folder, count, *arguments) -> int:
    given = arguments or POLES
    return main(["tune", *given, f"--trials={count}", "--jobs=1", f"--folder={folder}", "--json"])


def test_trials_are_counted_over_calls_and_the_best_is_repeated(tmp_path, capsys):
    study = tmp_path / "study"
    assert tune(study, 2) == 0 and json.loads(capsys.readouterr().out)["ended"]["COMPLETE"] == 2
    assert tune(study, 3) == 0
    record = json.loads(capsys.readouterr().out)
    assert sorted(one["number"] for one in record["trials"]) == [0, 1, 2]
    assert [one["params"] == {} for one in record["trials"]].count(True) == 1  # the defaults
    values = [one["value"] for one in record["trials"]]
    assert values == sorted(values) and record["best"]["value"] == values[0]  # a gap
    assert json.loads((study / "best.json").read_text()) == record["best"]

    words = shlex.split(record["best"]["train"])
    assert main([*words[1:], f"--folder={tmp_path / 'again'}", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)["metrics"]["evaluation/gap_percent"]
    assert again == values[0]


def test_a_trial_that_was_stopped_goes_on_with_its_settings(tmp_path, capsys, monkeypatch):
    study, evaluation = tmp_path / "study", trials.TrialLog.evaluation

    def stop(log, metrics, now):
        evaluation(log, metrics, now)
        if log.trial.number == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(trials.TrialLog, "evaluation", stop)
    assert tune(study, 2) == 130
    (before,) = trials.ended(trials.open_study(study), "RUNNING")
    monkeypatch.undo()
    assert tune(study, 2) == 0
    record = json.loads(capsys.readouterr().out)
    (after,) = [one for one in record["trials"] if one["number"] == 1]
    assert len(record["trials"]) == 2 and after["params"] == before.params


def test_a_trial_whose_training_fails_is_counted_and_said(tmp_path, capsys, monkeypatch):
    def fail(*about, **options):
        raise FloatingPointError("step 3: loss is nan")

    monkeypatch.setattr(trials, "run", fail)
    assert tune(tmp_path / "study", 1) == 1
    assert "[1/1] failed: FloatingPointError: step 3" in capsys.readouterr().err
    monkeypatch.undo()
    assert tune(tmp_path / "study", 2) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["ended"] == {"COMPLETE": 1, "PRUNED": 0, "FAIL": 1}


def test_what_is_below_the_median_of_five_is_pruned(tmp_path):
    study = optuna.create_study(direction="minimize", pruner=trials.PRUNER)
    for value in (1.0, 2.0, 3.0, 4.0, 5.0):
        intermediate = dict.fromkeys(range(1, 7), value)
        study.add_trial(optuna.trial.create_trial(value=value, intermediate_values=intermediate))

    def evaluations(gap):
        log = trials.TrialLog(study.ask(), "gap", 0, RunFolder(tmp_path / str(gap)))
        log.folder.path.mkdir()
        for step in range(1, 7):
            try:
                log.evaluation({"gap": gap}, Counters(steps=step))
            except optuna.TrialPruned:
                return step
        return None

    assert evaluations(2.9) is None
    assert evaluations(3.1) == 3


@pytest.mark.parametrize("name", ["a2c", "gan"])
def test_agents_of_sb3_and_models_are_tuned_by_the_same_call(name, tmp_path, capsys):
    of = {
        "a2c": ["--env", "CartPole-v1", "--budget", "64steps"],
        "gan": ["--dataset", "digits", "--budget", "256images"],
    }
    assert tune(tmp_path / "study", 1, name, *of[name]) == 0
    assert json.loads(capsys.readouterr().out)["ended"]["COMPLETE"] == 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (TuneAgent(name="reinforce", env="CartPole-v1"), ("evaluation/gap_percent", False)),
        (TuneAgent(name="reinforce", env="MountainCar-v0"), ("evaluation/return_mean", True)),
        (TuneModel(name="gan", dataset="digits"), ("evaluation/frechet_distance", False)),
        (TuneModel(name="attend-infer-repeat"), ("evaluation/count_accuracy_percent", True)),
    ],
)
def test_the_objective_and_its_direction(options, expected, monkeypatch):
    for held_out in ("HELD_OUT", "UNSEEN"):
        monkeypatch.setattr(f"hringur.generative.models.attend_infer_repeat.{held_out}", 50)
    assert objective_of(options.settings) == expected


LESS_IS_BETTER = ("distance", "error", "wasserstein")


@pytest.mark.parametrize("name", models())
def test_every_headline_of_a_model_has_a_direction(name):
    model = config_of(name)().model()
    tag = getattr(model, "own_headline", None) or model.headline
    assert (tag in model.larger_is_better) != tag.endswith(LESS_IS_BETTER)


@pytest.mark.parametrize("name", [*learners(), *models()])
def test_every_value_of_a_space_is_allowed(name):
    config = config_of(name)
    assert config.search_space and set(config.search_space) <= {one.name for one in fields(config)}
    for setting, values in config.search_space.items():
        ends = (values.low, values.high) if isinstance(values, Interval) else values
        kinds = {type(value) for value in ends}
        assert len(kinds) == 1
        for value in ends:
            assert getattr(config(**{setting: value}), setting) == value


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["reinforce", "--trials", "0"], "--trials must be at least 1, got 0"),
        (["reinforce", "--trials", "100001"], "--trials must be at most 100,000, got 100001"),
        (["reinforce", "--budget", "soon"], "--budget must be such as 60s, 2m or 200000steps"),
        (["gan", "--budget", "9steps"], "--budget must be such as 60s, 2m or 300000images"),
        (["reinforced"], "unknown learner 'reinforced'"),
        (["reinforce", "--jobs", "0"], "--jobs must be at least 1"),
        (["dqn", "--env", "IcelandTSP-v0", "--budget", "10steps"], "these agents count"),
    ],
)
def test_refused_in_one_line(given, words, tmp_path, capsys):
    assert main(["tune", *given, f"--folder={tmp_path / 'study'}"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line and not (tmp_path / "study").exists()


def test_a_learner_without_a_space_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(config_of("reinforce"), "search_space", {})
    assert tune(tmp_path / "study", 1) == 2
    assert "reinforce cannot be tuned: its settings have no search_space" in capsys.readouterr().err


def test_the_folder_of_another_study_is_refused(tmp_path, capsys):
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "study.json").write_text('{"name": "a2c"}')
    assert tune(folder, 1) == 2
    assert "holds a study with env None, not CartPole-v1" in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "no objective", "pipe"])
def test_a_damaged_study_is_refused_and_left_alone(damage, tmp_path, capsys):
    study = tmp_path / "study"
    assert tune(study, 1) == 0
    path = study / trials.FILE
    whole = path.read_bytes()
    if damage == "no objective":
        with closing(sqlite3.connect(path)) as file, file:
            file.execute("DELETE FROM study_user_attributes")
    elif damage == "pipe":
        path.unlink()
        os.mkfifo(path)
    else:
        path.write_bytes({"empty": b"", "text": b"study", "cut": whole[: len(whole) // 2]}[damage])
    before = None if damage == "pipe" else path.read_bytes()
    capsys.readouterr()
    assert tune(study, 2) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{study / trials.FILE}" in line
    assert damage == "pipe" or path.read_bytes() == before


def test_a_study_is_there_with_its_objective_or_not_at_all(tmp_path, monkeypatch):
    def killed(*about):
        raise KeyboardInterrupt

    monkeypatch.setattr(optuna.Study, "set_user_attr", killed)
    with pytest.raises(KeyboardInterrupt):
        trials.create_study(tmp_path, "minimize", "evaluation/gap_percent")
    assert not any(tmp_path.iterdir())


def test_optuna_is_an_extra(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert tune(tmp_path / "study", 1) == 2
    assert "hringur tune needs the extra 'tune'" in capsys.readouterr().err
