import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "main_job.py"


def script():
    spec = importlib.util.spec_from_file_location("main_job", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["main_job"] = module  # where dataclasses look for their module
    spec.loader.exec_module(module)
    return module


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
    assert script().run(["--seconds=never"]) == 2
    said = capsys.readouterr().err.strip()
    assert "never" in said and "\n" not in said


def test_a_second_run_takes_the_next_folder(tmp_path):
    free = script().free_folder
    assert free(tmp_path / "main") == tmp_path / "main"
    (tmp_path / "main").mkdir()
    (tmp_path / "main-2").mkdir()
    assert free(tmp_path / "main") == tmp_path / "main-3"
