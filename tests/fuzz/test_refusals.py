"""Command lines that must be refused, and generated ones; each in a process that imports once."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """A script of this repository."""
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_every_kind_of_wrong_command_line_is_refused_in_one_line_and_changes_nothing():
    done = run("scripts/replay_refusals.py", "tests/fuzz/refusals.tsv")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"113 refused in one line, 0 accepted, 0 wrong", done.stdout), done.stdout


def test_generated_cases_end_in_no_traceback():
    """The same cases at each run; scripts/fuzz.py --minutes 30 tries more."""
    done = run("scripts/fuzz.py", "--cases", "40", "--minutes", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "40 cases" in done.stdout
