"""The script of the lecture's experiments, and ``hringur train`` of a model: runs and refusals."""

import json
import sys

import pytest

from hringur import lecture
from hringur.cli import main as hringur
from hringur.registry import EXPERIMENTS

TINY = ["--dataset=digits", "--batch=16", "--channels=4", "--hidden=16", "--device=cpu"]


@pytest.fixture(scope="module")
def script():
    return lecture


def test_an_experiment_leaves_a_run_with_pictures_and_can_go_on(script, tmp_path, capsys):
    folder = tmp_path / "run"
    arguments = ["--xp_id", "exp6", *TINY, "--steps=3", f"--folder={folder}", "--latent=4"]
    assert script.exit_code(arguments) == 0
    settings = json.loads((folder / "config.json").read_text())
    assert settings["learner"] == "discrete-autoencoder"
    assert settings["config"]["estimator"] == EXPERIMENTS["exp6"].settings["estimator"]
    assert settings["config"]["latent"] == 4 and settings["env"] == "digits"
    assert (folder / "pictures" / "prior.png").is_file()
    assert (folder / "pictures" / "training.gif").is_file()
    assert "evaluation/elbo_nats" in capsys.readouterr().out
    (folder / "pictures" / "prior.png").unlink()
    assert hringur(["train", "--resume", str(folder), "--steps=5", "--json"]) == 0
    assert (folder / "pictures" / "prior.png").is_file()
    assert json.loads(capsys.readouterr().out)["steps"] == 5


def test_an_option_goes_before_the_experiments_setting(script, tmp_path):
    folder = tmp_path / "run"
    options = ["--estimator=disarm", "--steps=1", "--json", f"--folder={folder}"]
    assert script.exit_code(["--xp_id=exp6", *TINY, *options]) == 0
    assert json.loads((folder / "config.json").read_text())["config"]["estimator"] == "disarm"


def test_a_model_is_trained_by_its_name_too(tmp_path, capsys):
    folder = tmp_path / "run"
    options = ["--steps=2", "--size=12", "--json", f"--folder={folder}", "--latent=2"]
    assert hringur(["train", "vae", *TINY, *options]) == 0
    assert json.loads(capsys.readouterr().out)["learner"] == "vae"
    assert json.loads((folder / "config.json").read_text())["env_options"] == {"size": 12}


def test_the_usual_budget_gives_way_to_the_users(script, tmp_path):
    folder = tmp_path / "run"
    script.exit_code(["--xp_id", "exp2", *TINY, "--samples", "32", "--json", f"--folder={folder}"])
    trainer = json.loads((folder / "config.json").read_text())["trainer"]
    assert (trainer["samples"], trainer["seconds"]) == (32, None)


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["--xp_id", "exp9"], ["'exp9'", *(one.teaches for one in EXPERIMENTS.values())]),
        ([], ["--xp_id is needed", "exp0"]),
        (["--xp_id", "exp0", "--dataset", "nowhere"], ["'nowhere'", "mnist"]),
        (["--xp_id", "exp0", "--latent", "0"], ["latent must be positive and finite, got 0"]),
        (["--xp_id", "exp5", *TINY, "--estimator", "reinforse"], ["'reinforse'"]),
        (["--xp_id", "exp0", "--seed", "-1"], ["seed must be in 0..4294967295"]),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(script, capsys, arguments, told):
    assert script.exit_code(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert all(part in line for part in told)


def test_a_training_that_fails_is_one_line_and_keeps_its_checkpoint(script, capsys, tmp_path):
    folder = tmp_path / "run"
    steps = ["--steps=400", "--checkpoint-every-steps=1", "--json", f"--folder={folder}"]
    assert (
        script.exit_code(["--xp_id", "exp4", *TINY, *steps, "--lr=1e25", "--encoder-pretraining=0"])
        == 2
    )
    (line,) = capsys.readouterr().err.splitlines()
    assert "failed: step" in line
    assert list((folder / "checkpoints").glob("step-*.safetensors"))


def test_help_lists_the_experiments(script, capsys):
    assert script.exit_code(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(name in told and one.teaches in told for name, one in EXPERIMENTS.items())


@pytest.mark.parametrize("name, needed", [("vae", True), ("gan", False), ("exp6", False)])
def test_what_the_pictures_need_is_asked_for_at_the_start(
    script, tmp_path, capsys, monkeypatch, name, needed
):
    """Else the whole budget was used up before the refusal."""
    monkeypatch.setitem(sys.modules, "sklearn.mixture", None)
    folder = tmp_path / "run"
    options = [*TINY, "--dataset=mnist", "--steps=1", "--json", f"--folder={folder}"]
    code = (
        script.exit_code(["--xp_id", name, *options])
        if name == "exp6"
        else hringur(["train", name, *options])
    )
    told = capsys.readouterr().err
    if needed:
        assert code == 2 and "needs the extra 'generative'" in told and not folder.exists()
    else:
        assert code == 0 and (folder / "pictures" / "prior.png").is_file()
