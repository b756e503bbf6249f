"""Trained runs, small enough to be made in a moment."""

from pathlib import Path

from hringur.cli import main

TINY = {
    "attention-model": ["--batch=4", "--width=16", "--layers=1", "--heads=2"],
    "pointer-network": ["--batch=4", "--width=16"],
    "reinforce": ["--n-envs=2", "--n-steps=16", "--width=16"],
    "ppo": ["--n-envs=2", "--epochs=1"],
    "a2c": ["--n-envs=2"],
    "dqn": ["--n-envs=2", "--replay-megabytes=1"],
    "maskable-ppo": ["--n-envs=2", "--epochs=1"],
}


def train(name: str, folder: Path, *options: str) -> int:
    """The exit code of ``hringur train`` with small settings; later options win."""
    return main(
        ["train", name, *TINY[name], "--device=cpu", "--json", f"--folder={folder}", *options]
    )


def files(folder: Path) -> dict[str, bytes]:
    """Everything in a folder, to see that nothing has changed."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def refusal(capsys) -> str:
    """The one line on stderr that a command left before it ended."""
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("hringur: ")
    return lines[0]
