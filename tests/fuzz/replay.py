"""Command lines that must be refused, from a table, each in a copy of the tiny runs it names."""

import csv
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.call import Outcome, call
from tests.fuzz.runs import RUNS, damaged

ABBREVIATED = re.compile(r"(\w+?)\.\.\.\(300 of them\)")


def commands(table: Path) -> list[str]:
    """The column ``command``; an abbreviated name is written out."""
    csv.field_size_limit(sys.maxsize)
    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [ABBREVIATED.sub(lambda found: found[1][0] * 300, row["command"]) for row in rows]


def replay(
    lines: list[str], cases: Path, runs: Path, folder: Path
) -> Iterator[tuple[str, Outcome]]:
    """Each command line and how it ended.

    Args:
        lines: commands; ``CASES`` is the folder ``cases``, but ``CASES/runs/NAME`` is made here,
            and ``RUNS/NAME`` is a copy of a tiny run.
        cases: small files of the table.
        runs: the tiny runs, made before.
        folder: for temporary files.
    """
    for number, line in enumerate(lines):
        place = folder / str(number)
        place.mkdir(parents=True)
        for name in RUNS:
            if f"RUNS/{name}" in line:
                shutil.copytree(runs / name, place / "RUNS" / name)
        for name in set(re.findall(r"CASES/runs/([\w.]+)", line)):
            damaged(name, runs, place)
        written = line.replace("CASES/runs/", "").replace("CASES", str(cases))
        words = [word.replace("\\0", "\0") for word in split(written)]
        yield line, call(arguments(words), place)
        shutil.rmtree(place)


def split(line: str) -> list[str]:
    """Words of a command line, backslashes kept."""
    parts = shlex.shlex(line, posix=True, punctuation_chars=False)
    parts.whitespace_split, parts.escape, parts.commenters = True, "", ""
    return list(parts)


def arguments(words: list[str]) -> list[str]:
    """What follows ``hringur``; the lecture's script is the command that it stands for."""
    if words[1] == "run_models":
        return ["train", "gan", *words[4:]]
    return words[1:]
