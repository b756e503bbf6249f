"""Replay command lines that must be refused: python scripts/replay_refusals.py TABLE.tsv.

The table has a column ``command``; ``CASES`` in it is the table's folder, ``RUNS`` a folder of
tiny runs, made here. Prints what is wrong, and what was accepted; the exit code is 1 if a command
ended in a traceback, hung, wrote files, or was refused in more than one line.
"""

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.fuzz.call import preload
from tests.fuzz.replay import commands, replay
from tests.fuzz.runs import make_runs


def main() -> int:
    """Replay, and count."""
    table, wrong, accepted, began = Path(sys.argv[1]).resolve(), 0, 0, time.monotonic()
    pattern = sys.argv[2] if len(sys.argv) > 2 else ""
    lines = [line for line in commands(table) if pattern in line]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        preload()
        make_runs(folder / "runs")
        for line, outcome in replay(lines, table.parent, folder / "runs", folder / "cases"):
            faults = outcome.faults()
            last = (outcome.err.strip().splitlines() or [""])[-1]
            wrong += bool(faults)
            accepted += outcome.code == 0
            if faults or outcome.code == 0 or pattern:
                state = "; ".join(faults) or ("accepted" if outcome.code == 0 else "refused")
                print(f"{state}\t{outcome.seconds:.1f} s\t{line[:150]}\t{last[:200]}", flush=True)
    seconds = time.monotonic() - began
    print(
        f"{len(lines)} commands in {seconds:.0f} s: {len(lines) - wrong - accepted} refused in one"
        f" line, {accepted} accepted, {wrong} wrong"
    )
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
