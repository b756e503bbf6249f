"""A full disk, a closed pipe, a full device as standard output: one line, and nothing half-written.

A limit of the size of files stands for a full disk, as every user can set it.
"""

import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fuzz.call import call, preload

if sys.platform != "linux":
    pytest.skip("children of a process with threads, and /dev/full", allow_module_level=True)


MOMENTS = 120.0
"""Seconds that a child may take, which imports torch."""


def limit(size: int) -> Callable[[], None]:
    """Files grow no larger than ``size`` bytes."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def to_full_device() -> None:
    os.dup2(os.open("/dev/full", os.O_WRONLY), 1)


def to_closed_pipe() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    os.dup2(writer, 1)


@pytest.fixture(scope="module", autouse=True)
def imported() -> None:
    preload()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "case"
    place.mkdir()
    return place


def test_a_map_that_cannot_be_written_leaves_the_old_one(folder):
    (folder / "t.png").write_bytes(b"old")
    for size in (1_000, 20_000):  # before the work, and after it
        outcome = call(["tour", "lecture", "--map", "t.png"], folder, limit(size), MOMENTS)
        assert outcome.code == 2 and not outcome.faults()
        assert "cannot write t.png: File too large" in outcome.err
    assert (folder / "t.png").read_bytes() == b"old" and len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("size", [200, 20_000])
def test_a_run_whose_files_do_not_fit_ends_in_one_line(size, folder):
    words = ["train", "reinforce", "--env=CartPole-v1", "--n-envs=2", "--n-steps=8", "--steps=3"]
    outcome = call([*words, "--log-every=1", "--folder=r"], folder, limit(size), MOMENTS)
    lines = [line for line in outcome.err.splitlines() if line.startswith("hringur: ")]
    assert outcome.code == 2 and len(lines) == 1 and "Traceback" not in outcome.err
    assert "File too large" in lines[0]
    assert not list(folder.rglob("*.partial")) and not list(folder.rglob("*.safetensors"))


def test_a_study_that_does_not_fit_is_told_in_one_line(folder):
    words = ["tune", "reinforce", "--env=CartPole-v1", "--budget=9steps", "--trials=1"]
    outcome = call([*words, "--folder=t"], folder, limit(4_000), MOMENTS)  # the settings fit
    lines = outcome.err.splitlines()
    assert outcome.code == 2 and len(lines) == 1 and "hringur: cannot write " in lines[0]
    assert "t/study.db: disk I/O error" in lines[0]
    assert [path.name for path in (folder / "t").iterdir()] == ["study.json"]


@pytest.mark.parametrize(("stdout", "code"), [(to_full_device, 2), (to_closed_pipe, 1)])
@pytest.mark.parametrize("words", ["list", "tour lecture --json", "--help"])
def test_output_that_nobody_takes(stdout, code, words, folder):
    outcome = call(words.split(), folder, stdout, MOMENTS)
    assert outcome.code == code, outcome.err
    told = "hringur: cannot go on: No space left on device\n" if code == 2 else ""
    assert outcome.err == told and not outcome.changed
