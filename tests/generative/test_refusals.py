"""What no model can be trained on: one line, exit code 2, nothing half-written."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hringur import lecture
from hringur.generative import adversarial
from hringur.generative.adversarial import CollapseMonitor
from hringur.generative.models import gan

TINY = ["--batch=8", "--channels=4", "--hidden=16", "--device=cpu", "--json"]


@pytest.fixture(scope="module")
def run():
    return lecture.exit_code


def picture(path: Path, size: int = 8) -> None:
    Image.fromarray(np.full((size, size), 9, dtype=np.uint8)).save(path)


def mixed_sizes(folder: Path) -> Path:
    folder.mkdir()
    for name, size in (("a", 8), ("b", 9), ("c", 8)):
        picture(folder / f"{name}.png", size)
    return folder


def damaged_picture(folder: Path) -> Path:
    folder.mkdir()
    picture(folder / "a.png")
    picture(folder / "b.png")
    (folder / "b.png").write_bytes((folder / "b.png").read_bytes()[:40])
    return folder


def no_pictures(folder: Path) -> Path:
    folder.mkdir()
    return folder


def damaged_zip(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    path.write_bytes(b"PK\x03\x04 and no more")
    return path


def damaged_arrays(folder: Path) -> Path:
    path = folder.with_suffix(".npz")
    path.write_bytes(b"PK\x03\x04 and no more")
    return path


def other_arrays(folder: Path) -> Path:
    path = folder.with_suffix(".npz")
    np.savez(path, numbers=np.zeros(3))
    return path


@pytest.mark.parametrize(
    "make, told",
    [
        (mixed_sizes, ["b.png", "9 x 9", "8 x 8"]),
        (damaged_picture, ["b.png"]),
        (no_pictures, ["data"]),
        (damaged_zip, ["data.zip"]),
        (damaged_arrays, ["data.npz"]),
        (other_arrays, ["data.npz"]),
    ],
)
def test_an_unfit_data_set_is_named(run, tmp_path, capsys, make, told):
    dataset, folder = make(tmp_path / "data"), tmp_path / "run"
    options = [*TINY, "--steps=1", f"--dataset={dataset}", f"--folder={folder}"]
    assert run(["--xp_id=exp3", *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert all(part in line for part in told)
    assert not folder.exists()


@pytest.mark.parametrize("experiment", [f"exp{number}" for number in range(8)])
def test_a_code_of_no_numbers_is_refused(run, tmp_path, capsys, experiment):
    folder = tmp_path / "run"
    options = ["--dataset=digits", "--latent=0", f"--folder={folder}"]
    assert run(["--xp_id", experiment, *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "latent must be positive and finite, got 0" in line and not folder.exists()


def test_a_collapsed_critic_ends_the_run_and_keeps_a_checkpoint(run, tmp_path, capsys, monkeypatch):
    folder = tmp_path / "run"
    monkeypatch.setattr(adversarial, "CollapseMonitor", lambda: CollapseMonitor(patience=3))
    constant = torch.nn.Module.__call__

    def one_output(network, *args, **more):
        out = constant(network, *args, **more)
        return 0 * out if isinstance(network, gan.Encoder) else out

    monkeypatch.setattr(gan.Encoder, "__call__", one_output)
    options = [*TINY, "--steps=20", "--checkpoint-every-steps=1", f"--folder={folder}"]
    assert run(["--xp_id=exp0", "--dataset=digits", *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "failed: step 3: the critic has collapsed" in line
    assert list((folder / "checkpoints").glob("step-*.safetensors"))


@pytest.mark.parametrize("setting", ["depth", "lr-warm-up", "penalty-every"])
def test_a_setting_is_refused_and_the_help_that_is_named_exists(run, setting, tmp_path, capsys):
    folder = tmp_path / "run"
    typed = ["--xp_id", "exp7", "--dataset", "digits", f"--{setting}=0", f"--folder={folder}"]
    assert run(typed) == 2
    told = capsys.readouterr().err
    assert f"{setting.replace('-', '_')} must be positive and finite, got 0" in told
    assert told.endswith("(see hringur train wgan-gp --help)\n") and told.count("\n") == 1
    assert not folder.exists()
