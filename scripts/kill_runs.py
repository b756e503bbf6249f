"""Runs killed at random moments, and runs that race for one folder: python scripts/kill_runs.py.

Each learner and each generative model of the registry is trained for a few updates, undisturbed.
Then it is trained again, killed (SIGKILL) at a random moment and resumed: weights, metrics and
pictures must be the same to the last bit. After that two processes at a time start one run, or
resume one: exactly one of them may win, the other is refused in one line, and the settings in the
folder are the winner's. The exit code is 1 if anything differs.
"""

import argparse
import dataclasses
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hringur.registry import config_of, learners
from hringur.training import checkpoint, trainer
from tests.fuzz.call import Outcome, Started, preload, registered
from tests.fuzz.runs import last_checkpoint, small_dataset

BUDGET = ("--steps=8", "--log-every=2", "--evaluate-every-steps=4", "--checkpoint-every-steps=3")
TINY: dict[str, Any] = {
    **{"batch": 8, "channels": 4, "hidden": 16, "latent": 3, "encoder_pretraining": 1, "draws": 2},
    **{"width": 16, "layers": 1, "heads": 2, "n_envs": 2, "n_steps": 16, "epochs": 1},
    **{"replay_megabytes": 1, "critic_width": 8},
}
"""Values of settings, where a learner or a model has them."""

SECONDS = 300.0
"""after which a run counts as hung"""

HELD = 60.0
"""Seconds for which the winner of a race waits for the other to end, which finds it at work."""


def tiny(name: str, folder: str, *more: str) -> list[str]:
    """The command line of a run of a few updates."""
    fields = {field.name for field in dataclasses.fields(config_of(name))}
    own = [f"--{key.replace('_', '-')}={value}" for key, value in TINY.items() if key in fields]
    of = "--places=8" if name in learners() else f"--dataset={small_dataset(name)}"
    known = ["--device=cpu", "--threads=1", "--json", f"--folder={folder}"]
    return ["train", name, of, *own, *BUDGET, *known, *more]


def run(words: Sequence[str], place: Path, kill_after: float | None = None) -> Outcome:
    """A command line in a child, killed after so many seconds if asked to."""
    started = Started(words, place)
    if kill_after is not None:
        time.sleep(kill_after)
        started.kill()
    return started.outcome(SECONDS)


def ending(folder: Path) -> dict[str, Any]:
    """All that a run ended in, times of day and durations left out."""
    history = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    state = checkpoint.load(last_checkpoint(folder))
    return {
        "weights": state["learner"],
        "metrics": json.loads((folder / "metrics.json").read_text())["metrics"],
        "curve": [(entry["step"], entry["samples"], entry["metrics"]) for entry in history],
        "pictures": {
            path.name: path.read_bytes() for path in sorted((folder / "pictures").glob("*"))
        },
    }


def same(one: Any, other: Any) -> bool:
    """Whether two states are equal bit for bit."""
    if isinstance(one, dict):
        equal = isinstance(other, dict) and one.keys() == other.keys()
        return equal and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        equal = type(one) is type(other) and len(one) == len(other)
        return equal and all(same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, torch.Tensor):
        return torch.equal(one.cpu(), other.cpu())
    if hasattr(one, "tobytes"):
        return one.tobytes() == other.tobytes()
    return bool(one == other) or one != one


def killed(name: str, number: int, whole: dict[str, Any], seconds: float, place: Path) -> str:
    """Train, kill and resume once; what came of it, in words."""
    folder = f"{name}-{number}"
    moment = random.Random(f"{name} {number}").uniform(0, seconds)
    first = run(tiny(name, folder), place, kill_after=moment)
    if first.code == 0:
        return "over before it was killed"
    begun = (place / folder / "config.json").exists()
    again = ["train", "--resume", folder, "--json"] if begun else tiny(name, folder)
    second = run(again, place)
    if second.code != 0:
        return f"WRONG: not resumed after {moment:.2f} s: {second.err.strip()[-300:]}"
    found = ending(place / folder)
    differing = [key for key in whole if not same(whole[key], found[key])]
    if differing:
        return f"WRONG: {', '.join(differing)} differ after {moment:.2f} s"
    return "equal" if begun else "equal, killed before it began"


def kill_runs(kills: int, place: Path) -> Counter[str]:
    """So many kills over all learners and models."""
    counts, names, done, wholes = Counter[str](), registered(), 0, {}
    for name in names:
        outcome = run(tiny(name, name), place)
        if outcome.code != 0:
            raise SystemExit(f"{name} could not be trained: {outcome.err}")
        wholes[name] = ending(place / name), outcome.seconds
    number = 0
    while done < kills:
        name = names[number % len(names)]
        said = killed(name, number, *wholes[name], place)
        counts[said.partition(" after ")[0]] += 1
        done += said != "over before it was killed"
        number += 1
        print(f"{done} {name}: {said}", file=sys.stderr, flush=True)
    return counts


def hold() -> None:
    """In a child: training waits until the other one is over, and the file ``over`` there."""
    until_done = trainer._Run.until_done

    def held(run: Any, interruption: Any) -> bool:
        end = time.monotonic() + HELD
        while not Path("over").exists() and time.monotonic() < end:
            time.sleep(0.02)
        return until_done(run, interruption)

    trainer._Run.until_done = held  # type: ignore[assignment, method-assign]


def race(number: int, resumed: bool, place: Path) -> str:
    """Two processes for one folder; what came of it, in words."""
    (place / "over").unlink(missing_ok=True)
    folder, generator = f"race-{number}-{resumed}", random.Random(number)
    words = tiny("reinforce", folder)
    both = [[*words, f"--seed={seed}"] for seed in (1, 2)]
    if resumed:
        run([*words, "--seed=1"], place)
        both = [["train", "--resume", folder, f"--steps={steps}", "--json"] for steps in (9, 10)]
    first = Started(both[0], place, hold, place / "first")
    time.sleep(generator.choice([0.0, generator.uniform(0, 0.3)]))
    second = Started(both[1], place, hold, place / "second")
    while not (first.is_over() or second.is_over()):
        time.sleep(0.02)
    (place / "over").touch()
    outcomes = [first.outcome(SECONDS), second.outcome(SECONDS)]
    codes = sorted(str(outcome.code) for outcome in outcomes)
    if codes != ["0", "2"]:
        return f"WRONG: exit codes {codes}: {outcomes[0].err[-200:]} {outcomes[1].err[-200:]}"
    winner, loser = (0, 1) if outcomes[0].code == 0 else (1, 0)
    settings = json.loads((place / folder / "config.json").read_text())
    last = json.loads((place / folder / "history.jsonl").read_text().splitlines()[-1])
    if (last["step"] - 9 if resumed else settings["seed"] - 1) != winner:
        return "WRONG: the settings or the curve are not the winner's"
    if len(outcomes[loser].err.strip().splitlines()) != 1:
        return f"WRONG: the other was told {outcomes[loser].err.strip()!r}"
    return "one winner, its settings"


def main() -> int:
    """Kill, race, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--races", type=int, default=200, help="half of them of resumed runs")
    options, began = parser.parse_args(), time.monotonic()
    preload()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary) / "runs"
        place.mkdir()
        counts = kill_runs(options.kills, place) if options.kills else Counter[str]()
        for number in range(options.races):
            resumed = number % 2 == 1
            said = race(number, resumed, place)
            counts[f"{'two resume' if resumed else 'two start'}: {said}"] += 1
            print(f"race {number}: {said}", file=sys.stderr, flush=True)
    for name, count in sorted(counts.items()):
        print(f"{count:5} {name}")
    print(f"in {time.monotonic() - began:.0f} s")
    return int(any("WRONG" in name for name in counts))


if __name__ == "__main__":
    sys.exit(main())
