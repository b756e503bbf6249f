import os

import pytest

from hringur.data import files
from hringur.data.files import read_text, write_whole
from hringur.types import UserError


def test_write_and_read_back(tmp_path):
    path = tmp_path / "a.txt"
    write_whole(path, "Þórsmörk\n")
    assert read_text(path) == "Þórsmörk\n"
    write_whole(str(path), b"\xef\xbb\xbfshorter")
    assert read_text(path) == "shorter"  # without its byte order mark
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_whole(path, "old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(UserError, match="cannot write .*a.txt: No space left on device"):
        write_whole(path, "new")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]


def test_folders_that_cannot_be_written_to(tmp_path):
    with pytest.raises(UserError, match="cannot write .*: No such file or directory"):
        write_whole(tmp_path / "missing" / "a.txt", "x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="cannot write .*folder: Is a directory"):
        write_whole(tmp_path / "folder", "x")
    assert os.listdir(tmp_path) == ["folder"]


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match="cannot read .*none.csv: No such file"):
        read_text(tmp_path / "none.csv")
    with pytest.raises(UserError, match="cannot read .*: Is a directory"):
        read_text(tmp_path)
    path = tmp_path / "latin.csv"
    path.write_bytes("name\nReykjavík".encode("latin-1"))
    with pytest.raises(UserError, match=r"latin.csv, line 2: the text must be UTF-8.* 0xed"):
        read_text(path)
