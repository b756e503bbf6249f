import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hringur.data import files
from hringur.data.files import (
    check_writable,
    csv_columns,
    csv_rows,
    json_text,
    read_bytes,
    read_json,
    read_text,
    reading,
    write_whole,
)
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


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_other_encodings_are_refused(tmp_path, encoding):
    path = tmp_path / "wide.csv"
    path.write_bytes("name,lat,lon\n".encode(encoding))
    with pytest.raises(UserError, match="line 1: the text must be UTF-8, got the byte 0x00"):
        read_text(path)


def test_a_pipe_or_a_device_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(UserError, match="it is a pipe or a device, not a file"):
            read_bytes(path)
    for write in (check_writable, lambda path: write_whole(path, "x")):
        with pytest.raises(UserError, match="cannot write .*pipe: it is a pipe or a device"):
            write(tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_names_that_no_file_can_have_are_refused(name):
    with pytest.raises(UserError, match="cannot read"):
        read_bytes(name)


def test_size_is_looked_at_before_memory_is_taken(tmp_path):
    path = tmp_path / "large.csv"
    with open(path, "wb") as file:
        file.truncate(1 << 40)  # a hole: it takes no room on the disk
    with pytest.raises(UserError, match="at most 128 MiB are read, it has 1,048,576"):
        read_text(path)


@pytest.mark.parametrize(
    "text, told",
    [
        ("{", "as JSON: Expecting property name"),
        ("[" * 100_000, "as JSON: it is nested too deeply"),
        ("1" * 5_000, "as JSON: Exceeds the limit"),
        ("", "as JSON: Expecting value"),
    ],
)
def test_what_is_no_json_is_refused_in_one_line(tmp_path, text, told):
    path = tmp_path / "own.json"
    path.write_text(text)
    with pytest.raises(UserError, match=f"cannot read .*own.json {told}"):
        read_json(path)


@pytest.mark.parametrize(
    "error, told",
    [
        (MemoryError(), "it needs more memory than there is"),
        (RecursionError("maximum"), "it is nested too deeply"),
        (NotImplementedError("zip file version 9.9"), "zip file version 9.9"),
        (KeyError("x"), "KeyError 'x'"),
        (AssertionError(), "AssertionError"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (ValueError("two\nlines"), "two lines"),
        (ValueError("no image <_io.BytesIO object at 0x7f>"), "no image"),
        (UserError("told already"), "told already"),
    ],
)
def test_whatever_a_library_raises_is_one_line(error, told):
    with pytest.raises(UserError, match=f"{told}$"), reading("a.x", "an x"):
        raise error
    with pytest.raises(KeyboardInterrupt), reading("a.x"):
        raise KeyboardInterrupt


def test_csv_rows_are_bounded():
    text = "a,b\n\n1, 2\n"
    assert csv_rows(text, "own.csv", 2, 2) == [(1, ["a", "b"]), (3, ["1", "2"])]
    with pytest.raises(UserError, match="own.csv: at most 1 rows and"):
        csv_rows(text, "own.csv", 1, 2)
    with pytest.raises(UserError, match="own.csv, line 1: at most 1 columns are read"):
        csv_rows(text, "own.csv", 2, 1)
    with pytest.raises(UserError, match="own.csv, line 1: not a CSV file: field larger"):
        csv_rows("a" * 200_000, "own.csv", 2, 2)


def test_json_keeps_letters_and_escapes_what_a_terminal_would_obey():
    assert json_text({"a": "Vík"}) == '{\n  "a": "Vík"\n}'
    for hostile in ("\x9b2J", "\u202e", "\udcff", "\x1b"):
        text = json_text({"a": hostile})
        assert text.replace("\n", "").isprintable() and json.loads(text) == {"a": hostile}


@settings(max_examples=300, deadline=None)
@given(st.text('a1.,\n\r" \x1ff', max_size=40))
def test_columns_of_plain_text_are_those_of_the_reader_of_rows(text):
    """Oracle: the csv module, cell by cell."""
    columns = csv_columns(text, 9, 9)
    if columns is not None:
        numbered = enumerate(zip(*columns, strict=True), start=1)
        assert csv_rows(text, "own.csv", 9, 9) == [(line, list(row)) for line, row in numbered]


def test_large_tables_are_refused_before_they_are_read():
    assert csv_columns("a,b\r\n1,2\n", 1, 2) == [["a", "1"], ["b", "2"]]
    assert csv_columns("a,b\n1,2\n3,4", 1, 2) is None and csv_columns("a,b\n1,2", 1, 1) is None
    with pytest.raises(UserError, match="at most 1,000 rows and 26,000,000 cells are read"):
        csv_rows('1,"\n' * 2_001, "own.csv", 1_000, 2)  # no CSV, as its end would tell
