"""Generated command lines, for hours if you like: python scripts/fuzz.py --minutes 30.

Options of every command, fields of config.json, states of checkpoints and bytes of every format
are changed at random (tests/fuzz/cases.py). Prints each kind of fault with its first command, and
counts; the exit code is 1 if there was one.
"""

import argparse
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.fuzz.call import Outcome, call, preload
from tests.fuzz.cases import Case, any_case, stub_work
from tests.fuzz.runs import make_runs

AT_ONCE = 200
"""Cases of one pass of hypothesis."""


class Fuzzer:
    """Counts cases and faults."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.counts = folder, Counter[str]()
        self.seen: set[str] = set()
        make_runs(folder / "runs")
        preload()

    def try_one(self, case: Case) -> Outcome:
        """Run a case in a folder of its own."""
        place = self.folder / "case"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        case.prepare(place)
        outcome = call(case.words, place, stub_work)
        self.counts["cases"] += 1
        self.counts["refused" if outcome.code == 2 else "accepted"] += 1
        for fault in outcome.faults():
            kind = fault.split()[0] if fault.startswith("changed") else fault
            self.counts[kind] += 1
            self.report(kind, case, outcome)
        return outcome

    def report(self, kind: str, case: Case, outcome: Outcome) -> None:
        """Print a fault, the first time that its last line is seen."""
        lines = outcome.err.strip().splitlines() or [""]
        place = [line.strip() for line in lines if "/hringur/" in line]
        signature = re.sub(r"[\d'\"].*", "", lines[-1]) + (place[-1] if place else "")
        if kind + signature not in self.seen:
            self.seen.add(kind + signature)
            told = f"{kind}\t{list(case.words)!r}\t{case.told}\t{lines[-1][:200]}\t{place[-1:]}"
            print(told.encode("ascii", "backslashreplace").decode(), flush=True)


def main() -> int:
    """Go on until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--cases", type=int, default=10**9, help="end after so many, too")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory() as temporary:
        fuzzer = Fuzzer(Path(temporary))
        number = options.seed * 10**6
        while time.monotonic() < end and fuzzer.counts["cases"] < options.cases:
            number += 1

            @seed(number)
            @settings(
                max_examples=AT_ONCE,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(any_case(fuzzer.folder / "runs"))
            def try_some(case: Case) -> None:
                if time.monotonic() < end and fuzzer.counts["cases"] < options.cases:
                    fuzzer.try_one(case)

            try_some()
    print(", ".join(f"{count:,} {kind}" for kind, count in sorted(fuzzer.counts.items())))
    return int(bool(fuzzer.counts.keys() - {"cases", "refused", "accepted"}))


if __name__ == "__main__":
    sys.exit(main())
