"""``hringur evaluate RUN`` of a model of images, and what its training logs."""

import json

import numpy as np
import pytest

from hringur.cli import main
from tests.commands.tiny_runs import refusal


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    images = np.random.default_rng(0).integers(0, 256, (200, 8, 8), dtype=np.uint8)
    np.savez(folder / "noise.npz", images=images)
    trained = ["train", "vae", f"--dataset={folder / 'noise.npz'}", "--steps=2", "--batch=8"]
    options = ["--hidden=16", "--channels=4", "--latent=2", "--device=cpu", "--json"]
    assert main([*trained, *options, f"--folder={folder / 'run'}"]) == 0
    return folder / "run"


def test_samples_stand_beside_every_reference(run, capsys, tmp_path):
    output = tmp_path / "figures.json"
    assert main(["evaluate", str(run), "--json", "--device=cpu", f"--output={output}"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["learner"], record["dataset"], record["count"]) == ("vae", "noise", 20)
    assert list(record["rows"]) == [
        "samples",
        "samples, density fitted to the codes",
        "untrained model",
        "training images",
        "the data's halves",
    ]
    assert all("evaluation/frechet_distance" in row for row in record["rows"].values())
    assert json.loads(output.read_text()) == record


def test_the_table_has_a_row_for_each_measure(run, capsys):
    assert main(["evaluate", str(run), "--device=cpu", "--count=12"]) == 0
    told = capsys.readouterr().out
    assert "12 images beside as many held-out ones" in told
    for heading in ("Frechet distance", "coverage", "ELBO", "latent transport", "halves"):
        assert heading in told


def test_training_logs_the_scores_and_both_references(run):
    metrics = json.loads((run / "metrics.json").read_text())
    text = json.dumps(metrics)
    for tag in ("evaluation/frechet_distance", "floor/coverage", "untrained/precision"):
        assert tag in text


@pytest.mark.parametrize(
    "option, told",
    [
        ("--count=0", "--count must be at least 1"),
        ("--episodes=5", "--episodes is of agents"),
        ("--count=3", "at least 10 held-out images"),
        ("--two-opt", "--two-opt is of tours"),
    ],
)
def test_what_makes_no_sense_is_refused(run, capsys, option, told):
    assert main(["evaluate", str(run), "--device=cpu", option]) == 2
    assert told in refusal(capsys)
