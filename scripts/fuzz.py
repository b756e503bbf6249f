"""Generated command lines, for hours if you like: python scripts/fuzz.py --minutes 30 --jobs 2.

Options of every command, fields of config.json, states of checkpoints and bytes of every format
are changed at random (tests/fuzz/cases.py). A case runs in a child of a process that has imported
everything and holds small data sets, with its own folder, memory limit and time limit. A child
answers twenty cases; any fault is looked at again in a child of its own. A share of the refusals
(``--fresh``) run again as ``python -m hringur``, and must end in the same way.

Cases are made in passes, whose number says which cases they are. Prints each kind of fault with its
first command line and what repeats it, then counts; the exit code is 1 if there was a fault. With
``--report FILE`` each pass is a line of JSON, and the same call goes on after the last of them.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.fuzz.call import Line, Outcome, call, preload, settle, snapshot
from tests.fuzz.cases import ALL_RUNS, Case, any_case, stub_work, write_inputs
from tests.fuzz.runs import make_runs
from tests.fuzz.small import prepare

ROOT = Path(__file__).resolve().parents[1]
AT_ONCE = 100
"""Cases of a pass."""

ENDS: dict[int | None, str] = {0: "accepted", 2: "refused"}
FRESH_SECONDS = 300.0
"""An interpreter of its own also has to import, which takes long where many do."""


class Pass:
    """So many cases in one process, and what came of them."""

    def __init__(self, folder: Path, number: int, options: argparse.Namespace) -> None:
        """Begin ``number``; ``folder`` has the tiny runs."""
        self.number, self.options, self.cases = number, options, 0
        self.folder, self.random = folder / f"pass-{number}", random.Random(number)
        self.line = Line(stub_work)
        self.counts, self.faults = Counter[str](), list[dict[str, Any]]()
        self.folder.mkdir()
        (self.folder / "runs").symlink_to(folder / "runs")

    def result(self) -> dict[str, Any]:
        """Everything as JSON; the folder is gone."""
        self.line.close()
        shutil.rmtree(self.folder)
        return {"pass": self.number, "counts": self.counts, "faults": self.faults}

    def try_one(self, case: Case) -> None:
        """Run a case in a folder of its own, unless the time is over."""
        self.cases += 1
        only = self.options.only
        if time.time() > self.options.end or (only and only != f"{self.number}/{self.cases}"):
            return
        outcome = self.line.call(case.words, self.place(case))
        if before := outcome.faults():
            outcome = call(case.words, self.place(case), stub_work)
            if not outcome.faults():
                self.counts.update(f"only after other cases: {fault}" for fault in before)
        ended = ENDS.get(outcome.code, f"exit code {outcome.code}")
        command = case.words[0] if case.words else "none"
        self.counts.update(["cases", ended, f"  {command}, {case.of}"])
        self.tell(case, outcome, "")
        text = "".join(case.words)
        chosen = self.random.random() < self.options.fresh
        if outcome.code == 2 and chosen and text.isprintable():
            again = fresh(case.words, self.place(case))
            self.counts["run again in a fresh interpreter"] += 1
            self.tell(case, again, "fresh: ")
            if again.code != outcome.code:
                self.note(case, again, f"fresh: exit code {again.code}, before {outcome.code}")

    def place(self, case: Case) -> Path:
        """An empty folder, prepared."""
        place = self.folder / "case"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        case.prepare(place)
        return place

    def tell(self, case: Case, outcome: Outcome, where: str) -> None:
        """Note each fault by its kind."""
        for fault in outcome.faults():
            self.note(case, outcome, where + ("changed" if fault.startswith("changed") else fault))

    def note(self, case: Case, outcome: Outcome, kind: str) -> None:
        """A fault."""
        lines = outcome.err.strip().splitlines() or [""]
        self.faults.append(
            {
                "kind": kind,
                "repeat": f"--only {self.number}/{self.cases}",
                "words": list(case.words),
                "told": case.told,
                "last": lines[-1][:300],
                "place": [line.strip() for line in lines if "/hringur/" in line][-1:],
            }
        )


def fresh(words: tuple[str, ...], place: Path) -> Outcome:
    """A command line in an interpreter of its own."""
    before, began = snapshot(place), time.monotonic()
    command = [sys.executable, "-m", "hringur", *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    try:
        ran = subprocess.run(
            command,
            cwd=place,
            env=environment,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=FRESH_SECONDS,
        )
        code, err = ran.returncode, ran.stderr.decode(errors="replace")
    except subprocess.TimeoutExpired:
        code, err = None, ""
    after = snapshot(place)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    seconds = time.monotonic() - began
    return Outcome(code=code, out="", err=err, changed=tuple(sorted(changed)), seconds=seconds)


def one_pass(folder: Path, number: int, cases: int, options: argparse.Namespace) -> dict[str, Any]:
    """Make and run the cases of a pass."""
    run = Pass(folder, number, options)

    @seed(number)
    @settings(
        max_examples=cases,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(any_case(folder / "runs"))
    def try_some(case: Case) -> None:
        run.try_one(case)

    try_some()
    return run.result()


def results(
    folder: Path, options: argparse.Namespace, done: int, numbers: Iterator[int]
) -> Iterator[dict[str, Any]]:
    """Passes in children, until there are enough cases or the time is over."""
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("fork")) as pool:
        pending: set[Any] = set()
        while True:
            while (
                len(pending) < options.jobs and done < options.cases and time.time() < options.end
            ):
                size = min(AT_ONCE, options.cases - done)
                done += size
                pending.add(pool.submit(one_pass, folder, next(numbers), size, options))
            if not pending:
                return
            over, pending = wait(pending, return_when=FIRST_COMPLETED)
            yield from (task.result() for task in over)


class Summary:
    """Counts of all passes; faults are printed, the first of each kind."""

    def __init__(self) -> None:
        self.counts, self.kinds, self.began = Counter[str](), Counter[str](), time.monotonic()

    def add(self, result: dict[str, Any], quiet: bool = False) -> None:
        """Count a pass."""
        self.counts.update(result["counts"])
        for fault in result["faults"]:
            kind = fault["kind"] + re.sub(r"[\d'\"].*", "", fault["last"]) + str(fault["place"])
            self.kinds[kind] += 1
            self.counts[f"fault: {fault['kind']}"] += 1
            if self.kinds[kind] == 1 and not quiet:
                print(json.dumps(fault), flush=True)

    def progress(self) -> None:
        """Say how far it is."""
        seconds, faults = time.monotonic() - self.began, sum(self.kinds.values())
        line = f"{self.counts['cases']:,} cases, {faults} faults, {seconds:.0f} s"
        print(line, file=sys.stderr, flush=True)

    def close(self) -> int:
        """Print everything; the exit code."""
        for name, number in sorted(self.counts.items()):
            print(f"{number:8,} {name}")
        return int(bool(self.kinds))


def arguments() -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--cases", type=int, default=10**9, help="end after so many, too")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--fresh", type=float, default=0.02, help="share of refusals to run again")
    parser.add_argument("--report", type=Path, help="a line of JSON for each pass; goes on there")
    parser.add_argument("--only", help="PASS/CASE: this one, as a fault names it")
    return parser.parse_args()


def main() -> int:
    """Go on until the time is over."""
    options, summary = arguments(), Summary()
    report = options.report
    before = report.read_text().splitlines() if report and report.exists() else []
    for line in before:
        summary.add(json.loads(line), quiet=True)
    first = max([options.seed * 10**6, *(json.loads(line)["pass"] for line in before)]) + 1
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        preload()
        prepare()
        settle()
        write_inputs(folder / "runs")
        make_runs(folder / "runs", ALL_RUNS, stub_work)
        options.end = time.time() + 60 * options.minutes
        if options.only:
            found = iter([one_pass(folder, int(options.only.split("/")[0]), AT_ONCE, options)])
        else:
            found = results(folder, options, summary.counts["cases"], count(first))
        for result in found:
            summary.add(result)
            if report:
                with open(report, "a") as file:
                    file.write(json.dumps(result) + "\n")
            summary.progress()
    return summary.close()


if __name__ == "__main__":
    sys.exit(main())
