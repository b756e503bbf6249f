"""Samples trained in some seconds, on this machine as it is and beside one busy process.

    python scripts/benchmark_steadiness.py --seconds 20 --runs 3

One run each, in turns: the number of threads chosen by pace, ``--threads 1`` and as many as there
are. Wanted: chosen, on a quiet machine, within 5 % of the best; beside a busy process at least 0.9
of one thread.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

CHOICES = {"chosen": [], "one": ["--threads", "1"], "all": ["--threads", str(os.cpu_count() or 1)]}


def spin() -> None:
    """Keep one processor busy."""
    while True:
        pass


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """So many processes that do nothing but calculate."""
    running = [multiprocessing.Process(target=spin, daemon=True) for _ in range(processes)]
    for process in running:
        process.start()
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.join()


def samples(learner: str, seconds: float, options: list[str]) -> int:
    """How many samples one run makes; another process, so that each has threads of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "hringur", "train", *learner.split(), *options, "--json"]
        command += ["--seconds", str(seconds), "--folder", str(Path(folder) / "run")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(json.loads(done.stdout)["samples"])


def main() -> None:
    """Print a table, a row for each number of busy processes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--learner", default="attention-model", help="its name, and options of it")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--busy", type=int, nargs="*", default=[0, 1])
    given = parser.parse_args()
    print(f"load before: {os.getloadavg()[0]:.2f} on {os.cpu_count()} processors")
    print("| busy processes | " + " | ".join(CHOICES) + " | chosen over best | over one |")
    print("| --- | " + " --- |" * (len(CHOICES) + 2))
    for processes in given.busy:
        made: dict[str, list[int]] = {name: [] for name in CHOICES}
        with busy(processes):
            for _ in range(given.runs):
                for name, options in CHOICES.items():
                    made[name].append(samples(given.learner, given.seconds, options))
        middle = {name: median(values) for name, values in made.items()}
        cells = [f"{middle[name]:,.0f}" for name in CHOICES]
        over = middle["chosen"] / max(middle["one"], middle["all"])
        alone = middle["chosen"] / middle["one"]
        print(f"| {processes} | {' | '.join(cells)} | {over:.2f} | {alone:.2f} |", flush=True)


if __name__ == "__main__":
    main()
