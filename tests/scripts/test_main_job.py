import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scripts.loading import SCRIPTS, load_script

SCRIPT = SCRIPTS / "main_job.py"


def main_job(*arguments):
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments], capture_output=True, text=True, timeout=300
    )


@pytest.mark.slow
def test_main_job_leaves_tables_maps_and_runs(tmp_path):
    folder = tmp_path / "main"
    done = main_job("--seconds=2", f"--folder={folder}", "--device=cpu", "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    gaps = {
        (row["name"], row["decoding"]): 100 * row["mean_gap"]
        for row in record["scores"]
        if row["mean_gap"] is not None
    }
    assert gaps["exact solver", ""] == pytest.approx(0, abs=1e-6)
    assert gaps["nearest neighbour", ""] == pytest.approx(14.7, abs=1.0)
    assert all(Path(path).exists() for path in record["figures"])
    assert (folder / "attention-model" / "config.json").exists()
    again = main_job("--seconds=2", f"--folder={folder}")
    assert again.returncode == 2 and again.stderr.strip().count("\n") <= 1
    assert "exists already" in again.stderr


def test_bad_options_are_one_line(capsys):
    assert load_script("main_job").run(["--seconds=never"]) == 2
    said = capsys.readouterr().err.strip()
    assert "never" in said and "\n" not in said


def test_a_second_run_takes_the_next_folder(tmp_path):
    free = load_script("main_job").free_folder
    assert free(tmp_path / "main") == tmp_path / "main"
    (tmp_path / "main").mkdir()
    (tmp_path / "main-2").mkdir()
    assert free(tmp_path / "main") == tmp_path / "main-3"
