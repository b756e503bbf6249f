"""What a command cannot do with Breakout: one line, exit code 2, nothing written."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from hringur.cli import main
from tests.commands.evaluate.breakout_runs import train_on_breakout
from tests.commands.tiny_runs import files, refusal

BREAKOUT = "--env=ThreeActionBreakout-v0"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    return train_on_breakout(tmp_path_factory.mktemp("runs") / "breakout")


@pytest.fixture
def run(made, tmp_path) -> Path:
    """A copy, which a test may spoil."""
    return Path(shutil.copytree(made, tmp_path / "run"))


def change(run: Path, part: str, **values) -> None:
    """Other settings in a run's config.json."""
    settings = json.loads((run / "config.json").read_text())
    settings[part] |= values
    (run / "config.json").write_text(json.dumps(settings))


def commands(run: Path, nowhere: Path) -> list[list[str]]:
    """One of each that plays."""
    return [
        ["train", "reinforce", BREAKOUT, f"--folder={nowhere}", "--steps=1"],
        ["compare", BREAKOUT, "--agents", "reinforce", f"--folder={nowhere}"],
        ["evaluate", str(run), "--episodes=2"],
        ["train", "--resume", str(run), "--steps=9"],
    ]


def refused(arguments: list[str], said: str, run: Path, capsys) -> None:
    before = files(run.parent)
    capsys.readouterr()
    assert main(arguments) == 2
    assert said in refusal(capsys)
    assert files(run.parent) == before


def test_without_ale_py_its_extra_is_named(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ale_py", None)
    for arguments in commands(run, tmp_path / "nowhere"):
        refused(arguments, "'atari'", run, capsys)


@pytest.mark.parametrize("missing", [None, FileNotFoundError("breakout.bin\nis not there")])
def test_without_the_cartridge_it_is_named(missing, run, tmp_path, capsys, monkeypatch):
    from ale_py import roms

    def get_rom_path(name):
        if missing is not None:
            raise missing

    monkeypatch.setattr(roms, "get_rom_path", get_rom_path)
    for arguments in commands(run, tmp_path / "nowhere"):
        refused(arguments, "ale-py has no cartridge breakout.bin", run, capsys)


@pytest.mark.parametrize("size, said", [("0", "frame_size must be in 16..160, got 0")])
def test_a_frame_of_no_size(size, said, run, tmp_path, capsys):
    for arguments in commands(run, tmp_path / "nowhere")[:2]:
        refused([*arguments, f"--option=frame_size={size}"], said, run, capsys)
    change(run, "env_options", frame_size=int(size))
    for arguments in commands(run, tmp_path / "nowhere")[2:]:
        refused(arguments, said, run, capsys)


def test_an_unknown_network(run, tmp_path, capsys):
    train, _, *others = commands(run, tmp_path / "nowhere")
    refused([*train, "--image-network=huge"], "small", run, capsys)
    change(run, "config", image_network="huge")
    for arguments in others:
        refused(arguments, "huge", run, capsys)


def test_a_checkpoint_of_another_frame_size(run, tmp_path, capsys):
    change(run, "env_options", frame_size=84)
    for arguments in commands(run, tmp_path / "nowhere")[2:]:
        refused(arguments, "the checkpoint", run, capsys)


def test_a_film_that_cannot_be_written(run, tmp_path, capsys):
    (tmp_path / "folder.mp4").mkdir()
    for name in ("nowhere/game.mp4", "game.txt", "folder.mp4"):
        arguments = ["evaluate", str(run), f"--video={tmp_path / name}"]
        refused(arguments, str(tmp_path / name), run, capsys)
    assert sorted(os.listdir(tmp_path)) == ["folder.mp4", "run"]
