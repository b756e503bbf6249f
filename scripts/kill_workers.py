"""Workers killed at random under torchrun: each run goes on by itself and loses nothing.

    python scripts/kill_workers.py --times 20

trains once without disturbance, then so many times with one of two workers killed by SIGKILL at a
random moment. A restarted run must end in the weights, bit for bit, and in the curve of the first.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hringur.training import checkpoint
from hringur.training.run_folder import RunFolder

SETTINGS = (
    "--places=8 --batch=8 --width=16 --layers=1 --heads=2 --decoder-heads=2 --feed-forward=16"
    " --steps=120 --checkpoint-every-steps=10 --evaluate-every-steps=60"
    " --evaluate-every-seconds=None --checkpoint-every-seconds=None --threads=1 --device=cpu --json"
)


def start(folder: Path) -> subprocess.Popen[bytes]:
    """Two workers under torchrun, which may restart them."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    launcher += ["--nproc-per-node=2", "--max-restarts=3", "--monitor-interval=0.1"]
    command = [*launcher, "-m", "hringur", "train", "attention-model", f"--folder={folder}"]
    variables = os.environ | {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    silent = subprocess.DEVNULL
    command += SETTINGS.split()
    return subprocess.Popen(command, env=variables, stdout=silent, stderr=silent)


def workers(parent: int) -> list[int]:
    """Processes that torchrun started, as Linux tells."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(child) for child in children if b"train" in command_of(int(child))]


def command_of(process: int) -> bytes:
    """The command line of a process; nothing if it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def ending(folder: Path) -> tuple[bytes, list[tuple[int, float]]]:
    """The last weights, and the curve: step and gap, each step once."""
    run = RunFolder.open(folder)
    newest = run.latest_checkpoint()
    assert newest is not None
    weights = checkpoint.load(newest)["learner"]["weights"]
    lines = [json.loads(line) for line in run.history.read_text().splitlines()]
    curve = {line["step"]: line["metrics"]["evaluation/gap_percent"] for line in lines}
    return b"".join(weights[key].numpy().tobytes() for key in sorted(weights)), list(curve.items())


def killed_once(folder: Path, after_seconds: float, rng: random.Random) -> int:
    """Train with one worker killed; the checkpoint's step at that moment."""
    launcher = start(folder)
    try:
        while not (folder / "config.json").exists():  # training has begun
            time.sleep(0.02)
        time.sleep(after_seconds)
        victims = workers(launcher.pid)
        step = 0
        if victims and launcher.poll() is None:
            newest = RunFolder(folder).latest_checkpoint()
            step = 0 if newest is None else int(newest.stem.removeprefix("step-"))
            os.kill(rng.choice(victims), signal.SIGKILL)
        assert launcher.wait(timeout=900) == 0, "the run did not end by itself"
    finally:
        launcher.kill()
    return step


def main() -> None:
    """Say for each time when a worker was killed, and whether anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as made:
        first = Path(made) / "undisturbed"
        began = time.monotonic()
        assert start(first).wait() == 0
        seconds, expected = time.monotonic() - began, ending(first)
        training = json.loads((first / "history.jsonl").read_text().splitlines()[-1])["seconds"]
        print(f"undisturbed: {seconds:.0f} s, of these {training:.1f} s of training")
        for time_number in range(1, options.times + 1):
            folder = Path(made) / f"killed-{time_number}"
            step = killed_once(folder, rng.uniform(0, training), rng)
            same = ending(folder) == expected
            print(f"{time_number:3}: killed after the checkpoint of step {step:3}; same: {same}")
            if not same:
                sys.exit("something was lost")


if __name__ == "__main__":
    main()
