"""Real processes: killed at random moments, and several at once under torchrun."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from hringur.training.run_folder import RunFolder

TOY = Path(__file__).with_name("toy.py")
STEPS = 150
SURROUNDINGS = os.environ | {
    "PYTHONPATH": str(TOY.parents[2]),
    "OMP_NUM_THREADS": "1",
    "MASTER_ADDR": "127.0.0.1",
}


class Toys:
    """Starts toy runs, one after the other, each in a process of its own."""

    def __init__(self) -> None:
        self.server = subprocess.Popen(
            [sys.executable, str(TOY), "serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=SURROUNDINGS,
        )

    def run(
        self,
        path: Path,
        steps: int = STEPS,
        kill: tuple[int, float] | None = None,
        environments: Sequence[dict[str, str]] = ({},),
    ) -> list[int]:
        """Exit statuses, one per environment; minus the signal's number where killed.

        ``kill``: so many seconds after the checkpoint of that step or a later one is there.
        """
        assert self.server.stdin is not None and self.server.stdout is not None
        job = {
            "path": str(path),
            "steps": steps,
            "kill": kill,
            "environments": list(environments),
        }
        self.server.stdin.write(json.dumps(job) + "\n")
        self.server.stdin.flush()
        return json.loads(self.server.stdout.readline())


@pytest.fixture(scope="module")
def toys():
    toys = Toys()
    with toys.server:
        yield toys
        toys.server.stdin.close()


def ending(path: Path, rank: int = 0) -> dict:
    return json.loads((path / f"rank-{rank}.json").read_text())


def curve(path: Path) -> list[tuple[int, int, dict]]:
    history = RunFolder.open(path).read_history()
    return [(entry["step"], entry["samples"], entry["metrics"]) for entry in history]


def test_killed_again_and_again_it_ends_in_the_same_weights(tmp_path, toys):
    assert toys.run(tmp_path / "whole") == [0]
    rng = random.Random(1)
    path = tmp_path / "killed"
    steps = [0, *sorted(rng.sample(range(1, STEPS - 20), 7))]
    for step in steps:
        assert toys.run(path, kill=(step, rng.uniform(0, 0.01))) == [-signal.SIGKILL]
    assert toys.run(path) == [0]
    assert ending(path) == ending(tmp_path / "whole")
    assert not ending(path)["interrupted"]
    assert curve(path) == curve(tmp_path / "whole")
    assert [file.suffix for file in (path / "checkpoints").iterdir()] == [".safetensors"] * 2


def test_a_finished_run_stays_as_it_is(tmp_path, toys):
    assert toys.run(tmp_path / "run") == [0]
    first = ending(tmp_path / "run"), curve(tmp_path / "run")
    assert toys.run(tmp_path / "run") == [0]
    assert (ending(tmp_path / "run"), curve(tmp_path / "run")) == first


def test_two_processes_agree_and_resume(tmp_path, toys):
    """Once under torchrun itself; once killed and resumed, started as torchrun would."""
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = [*launcher, "--nproc-per-node=2", str(TOY), str(whole), "20"]
    finished = subprocess.run(command, env=SURROUNDINGS, capture_output=True, timeout=120)
    assert finished.returncode == 0, finished.stderr.decode()
    killed = toys.run(resumed, 20, kill=(9, 0.0), environments=two_ranks())
    assert killed == [-signal.SIGKILL] * 2
    assert toys.run(resumed, 20, environments=two_ranks()) == [0, 0]
    for path in (whole, resumed):
        assert ending(path, rank=0) == ending(path, rank=1) == ending(whole)
        assert curve(path)[-1][:2] == (20, 2 * 8 * 20)  # samples of both
    assert curve(resumed) == curve(whole)
    assert len(list(whole.glob("events.*"))) == 1  # rank zero alone writes


def two_ranks() -> list[dict[str, str]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_PORT": port}
    shared |= {"TORCHELASTIC_RUN_ID": "toys"}
    return [shared | {"RANK": rank, "LOCAL_RANK": rank} for rank in ("0", "1")]
