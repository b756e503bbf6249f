"""A node of a Ray cluster is lost in the middle of a comparison, and of a search: nothing is.

    python scripts/kill_node.py --times 3

starts a cluster of two nodes on this machine (``ray start``), one processor each, and kills the
second one by SIGKILL, with all its processes, once it trains. Every cell and every trial must be
done, each once. Needs the extras ray and tune.
"""

import argparse
import json
import os
import random
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kill_workers import command_of

PORT = 6399
HEAD = f"--head --port={PORT} --node-ip-address=127.0.0.1 --include-dashboard=false"
SECOND = f"--address=127.0.0.1:{PORT}"
COMPARE = "compare --env CartPole-v1 --agents reinforce --seeds 4 --budget 10s --episodes 4"
TUNE = "tune reinforce --env CartPole-v1 --trials 6 --budget 8s"


def ray(options: str) -> subprocess.Popen[bytes]:
    """A node; it ends when this process is killed."""
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1"]
    command += ["--disable-usage-stats", "--object-store-memory=100000000", *options.split()]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def descendants(process: int) -> list[int]:
    """A process's children, their children and so on, as Linux tells."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return []
    return [one for child in map(int, children) for one in (child, *descendants(child))]


def end(node: subprocess.Popen[bytes]) -> None:
    """Kill a node with all its processes at once, as when its machine loses power."""
    for one in (node.pid, *descendants(node.pid)):
        try:
            os.kill(one, signal.SIGKILL)
        except ProcessLookupError:
            pass
    node.wait()


def trains(node: subprocess.Popen[bytes]) -> bool:
    """Whether a process of the node does a cell or a trial."""
    return any(b"ray::run_" in command_of(one) for one in descendants(node.pid))


def disturbed(words: str, folder: Path, after_seconds: float) -> Path:
    """Run a command on two nodes, one of which is lost so long after it began to train."""
    head = ray(HEAD)
    time.sleep(8)
    second = ray(SECOND)
    time.sleep(5)
    command = [sys.executable, "-m", "hringur", *words.split(), "--backend=ray"]
    command += [f"--folder={folder}", "--json"]
    variables = os.environ | {"RAY_ADDRESS": f"127.0.0.1:{PORT}"}
    try:
        asked = subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL)
        while not trains(second):
            assert asked.poll() is None, "it ended before the second node did anything"
            time.sleep(0.1)
        time.sleep(after_seconds)
        assert trains(second), "the second node was idle"
        end(second)
        assert asked.wait(timeout=600) == 0, "the command failed"
    finally:
        end(second)
        end(head)
    return folder


def cells(folder: Path) -> list[int]:
    """Seeds in the table of a comparison."""
    (agent,) = json.loads((folder / "results.json").read_text())["agents"]
    return list(agent["seeds"])


def trials(folder: Path) -> list[int]:
    """Trials of a search that have ended."""
    from hringur.commands.tune.trials import ended, open_study

    return [one.number for one in ended(open_study(folder), "COMPLETE", "PRUNED")]


def main() -> None:
    """Say for each time when the node was lost, and what was done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    with tempfile.TemporaryDirectory() as made:
        for number in range(1, options.times + 1):
            for words, found, expected in ((COMPARE, cells, 4), (TUNE, trials, 6)):
                after = rng.uniform(3, 9)
                name = words.split()[0]
                began = time.monotonic()
                done = found(disturbed(words, Path(made) / f"{name}-{number}", after))
                seconds = time.monotonic() - began
                print(f"{number:3} {name:8} lost after {after:.1f} s, {seconds:.0f} s; {done}")
                if sorted(done) != list(range(expected)):
                    sys.exit("not all are there, or one is there twice")


if __name__ == "__main__":
    main()
