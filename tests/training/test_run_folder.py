import errno
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from hringur.data.files import plain
from hringur.training import checkpoint
from hringur.training.run_folder import RunFolder
from hringur.types import UserError


@dataclass(frozen=True)
class Settings:
    rate: float = 0.1
    places: tuple[int, ...] = (1, 2)
    folder: Path = Path("a/b")


def test_settings_come_back_as_plain_values(tmp_path):
    folder = RunFolder.create(tmp_path / "deep" / "run", {"learner": Settings(), "name": "Þór"})
    expected = {
        "learner": {"rate": 0.1, "places": [1, 2], "folder": "a/b"},
        "name": "Þór",
    }
    assert RunFolder.open(folder.path).settings() == expected
    assert plain(float("nan")) is None
    with pytest.raises(TypeError, match="settings cannot hold a set"):
        plain({"a": {1}})


def test_a_run_is_never_overwritten(tmp_path):
    RunFolder.create(tmp_path / "run", {"seed": 1})
    with pytest.raises(UserError, match="run exists already: choose another, or resume"):
        RunFolder.create(tmp_path / "run", {"seed": 2})
    assert RunFolder.open(tmp_path / "run").settings() == {"seed": 1}
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        RunFolder.create(tmp_path / "file", {})
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".config.json.0a1b.partial").write_text("{")  # killed right away
    RunFolder.create(tmp_path / "empty", {})


def test_a_place_that_cannot_be_written_to_is_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="cannot create the run folder .*: Not a directory"):
        RunFolder.create(tmp_path / "file" / "run", {})
    folder = RunFolder.create(tmp_path / "run", {})
    (tmp_path / "locked").mkdir()
    # by a stand-in: root may write everywhere, whatever the permissions say
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UserError, match="locked may not be written to"):
        RunFolder.create(tmp_path / "locked", {})
    assert not list((tmp_path / "locked").iterdir())
    with pytest.raises(UserError, match="may not be written to"):
        RunFolder.open(folder.path, write=True)
    RunFolder.open(folder.path)


def test_a_full_disk_at_the_start_leaves_nothing(tmp_path, monkeypatch):
    def full(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / ".old.partial").touch()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        for path in (tmp_path / "run", mine):
            with pytest.raises(UserError, match="config.json: No space left on device$"):
                RunFolder.create(path, {})
    assert [file.name for file in tmp_path.rglob("*")] == ["mine", ".old.partial"]
    RunFolder.create(tmp_path / "run", {}).release()


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(UserError, match="is no run folder: it has no config.json"):
        RunFolder.open(tmp_path)
    with pytest.raises(UserError, match="is no run folder"):
        RunFolder.open(tmp_path / "missing")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UserError, match=r"cannot read .*config\.json as JSON") as caught:
        RunFolder.open(tmp_path).settings()
    assert "\n" not in str(caught.value)


def test_what_a_kill_left_half_written_goes_anywhere_in_the_folder(tmp_path):
    folder = RunFolder.create(tmp_path / "run", {})
    folder.release()
    left = [folder.path / ".history.jsonl.0a1b.partial"]
    left.append(folder.path / "pictures" / ".prior.png.0a1b.partial")
    left[1].parent.mkdir()
    for path in left:
        path.write_text("half")
    RunFolder.open(folder.path)
    assert all(path.exists() for path in left)  # a reader leaves a run at work alone
    RunFolder.open(folder.path, write=True).release()
    assert not any(path.exists() for path in left)


def test_the_last_checkpoints_stay_and_partial_ones_go(tmp_path):
    folder = RunFolder.create(tmp_path / "run", {})
    assert folder.latest_checkpoint() is None
    for step in (5, 90, 1000, 20_000):
        path = folder.save_checkpoint({"step": step}, step, keep=2)
        assert folder.latest_checkpoint() == path
        assert checkpoint.load(path) == {"step": step}
    left = folder.checkpoints / ".step-0000020001.safetensors.0a1b.partial"
    left.write_bytes(b"half")
    folder.release()
    assert RunFolder.open(folder.path, write=True).latest_checkpoint() == path
    names = sorted(file.name for file in folder.checkpoints.iterdir())
    assert names == ["step-0000001000.safetensors", "step-0000020000.safetensors"]


def test_the_learning_curve_is_cut_where_a_run_goes_on(tmp_path):
    folder = RunFolder.create(tmp_path / "run", {})
    assert folder.read_history() == []
    folder.cut_history(0)
    entries = [{"step": step, "metrics": {"gap": step / 10}} for step in (10, 20, 30)]
    for entry in entries:
        folder.append_history(entry)
    with open(folder.history, "a") as file:
        file.write('{"step": 40, "met')  # as a kill would leave it
    assert folder.read_history() == entries
    folder.cut_history(20)
    folder.append_history(entries[2])
    assert folder.read_history() == entries


def test_metrics_are_strict_json(tmp_path):
    folder = RunFolder.create(tmp_path / "run", {})
    folder.write_metrics({"step": 3, "metrics": {"gap": float("nan"), "km": 1.5}})
    text = (folder.path / "metrics.json").read_text()
    assert json.loads(text) == {"step": 3, "metrics": {"gap": None, "km": 1.5}}


@pytest.mark.parametrize("line", ["[1]", "{}", '{"step": "1", "metrics": {}}', "[" * 9999, "\x00"])
def test_a_line_that_is_no_evaluation_is_named(line, tmp_path):
    folder = RunFolder.create(tmp_path / "run", {})
    folder.append_history({"step": 1, "metrics": {}})
    with open(folder.history, "a") as file:
        file.write(line + "\n")
    with pytest.raises(UserError, match="history.jsonl, line 2"):
        folder.read_history()


def start(path, number, barrier, started):
    """One of many processes that want the same folder; the one that gets it stays for a while."""
    barrier.wait()
    try:
        folder = RunFolder.create(path, {"number": number})
    except UserError as error:
        started.put((None, str(error)))
    else:
        started.put((number, ""))
        barrier.wait()
        folder.release()
        return
    barrier.wait()


def test_of_many_starts_in_one_folder_one_succeeds_and_its_settings_stay(tmp_path):
    context = multiprocessing.get_context("fork")
    for attempt in range(25):
        path, barrier, started = tmp_path / str(attempt), context.Barrier(4), context.Queue()
        starts = [
            context.Process(target=start, args=(path, number, barrier, started))
            for number in range(4)
        ]
        for process in starts:
            process.start()
        found = [started.get(timeout=300) for _ in starts]
        for process in starts:
            process.join(60)
        (winner,) = [number for number, _ in found if number is not None]
        assert RunFolder.open(path).settings() == {"number": winner}
        for message in (message for number, message in found if number is None):
            assert "exists already" in message or "another process is training in" in message


def test_a_second_resumption_is_refused_until_the_first_is_killed(tmp_path):
    folder = RunFolder.create(tmp_path / "run", {})
    folder.release()
    code = (
        "import sys, time; from pathlib import Path;"
        "from hringur.training.run_folder import RunFolder;"
        f"folder = RunFolder.open(Path({str(folder.path)!r}), write=True);"
        "print('open', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as first:
        assert first.stdout.readline() == b"open\n"
        with pytest.raises(UserError, match="another process is training in .*run: wait for it"):
            RunFolder.open(folder.path, write=True)
        RunFolder.open(folder.path)  # to read, at any time
        first.send_signal(signal.SIGKILL)
    RunFolder.open(folder.path, write=True).release()
