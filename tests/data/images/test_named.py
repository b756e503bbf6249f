"""IDX files, their checksums, and downloads from a server of the test's own."""

import gzip
import hashlib
import http.server
import shutil
import threading
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from hringur.data import downloads
from hringur.data.downloads import fetch
from hringur.data.images import images as named
from hringur.data.images.images import FILES, fashion_mnist, mnist, parse_idx
from hringur.types import MissingExtra, UserError


def packed(content):
    """Without the time, so that tests are named the same in every process."""
    return gzip.compress(content, mtime=0)


def idx(array, kind=8):
    """The bytes of an IDX file, by the format's own words."""
    content = bytes([0, 0, kind, array.ndim])
    content += b"".join(length.to_bytes(4, "big") for length in array.shape)
    return packed(content + array.tobytes())


def test_numbers_come_back_in_their_shape():
    array = np.random.default_rng(0).integers(0, 256, (3, 4, 5), dtype=np.uint8)
    assert (parse_idx(idx(array), Path("x")) == array).all()


@pytest.mark.parametrize(
    "content, told",
    [
        (b"no gzip", "cannot read x.gz as a gzipped IDX file"),
        (idx(np.zeros((2, 2), np.uint8))[:-9], "cannot read x.gz as a gzipped IDX file"),
        (idx(np.zeros((2, 2), np.uint8), kind=13), "no IDX file of bytes: it begins with 00 00 0d"),
        (packed(b"\0\0\x08\x02\0\0"), "no IDX file"),
        (packed(b""), "no IDX file"),
        (packed(b"\0\0\x08\x01\0\0\0\x05abc"), r"3 bytes of data for the shape \(5,\)"),
    ],
)
def test_what_is_no_idx_file_is_refused(content, told):
    with pytest.raises(UserError, match=told):
        parse_idx(content, Path("x.gz"))


@pytest.fixture
def copied(tmp_path):
    with resources.as_file(resources.files("hringur.data.images") / "mnist") as shipped:
        shutil.copytree(shipped, tmp_path / "mnist")
    return tmp_path / "mnist"


def test_a_damaged_file_is_named_with_both_checksums(copied):
    path = copied / "train-labels-idx1-ubyte.gz"
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    found = hashlib.sha256(content).hexdigest()
    expected = named.MNIST_SHA256[path.name]
    with pytest.raises(UserError, match=f"{path} is damaged: .* is {found}, expected {expected}"):
        mnist(copied)


def test_a_missing_file_is_named(copied):
    (copied / "t10k-images-idx3-ubyte.gz").unlink()
    with pytest.raises(UserError, match="cannot read .*t10k-images.*No such file"):
        mnist(copied)


class Server(http.server.ThreadingHTTPServer):
    """Gives ``files``; the first ``cuts`` answers break off after half of what was asked for."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.cuts, self.ranges, self.resumable = {}, 0, [], True

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        content = self.server.files.get(self.path.lstrip("/"))
        if content is None:
            self.send_error(404)
            return
        first = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if first and first >= len(content):
            self.send_error(416)
            return
        if not self.server.resumable:
            first = 0
        rest = content[first:]
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if self.server.cuts:
            self.server.cuts -= 1
            rest = rest[: len(rest) // 2]
        self.wfile.write(rest)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # pooch waits between tries
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


CONTENT = bytes(np.random.default_rng(0).integers(0, 256, 300_000, dtype=np.uint8))
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def test_a_file_is_fetched_once(server, tmp_path, capsys):
    server.files["a.gz"] = CONTENT
    for _ in range(2):
        path = fetch("things", "a.gz", [server.address], SHA256, tmp_path)
        assert path.read_bytes() == CONTENT
    assert server.ranges == [None]
    assert capsys.readouterr().err == f"downloading things: a.gz to {tmp_path}\n"
    assert [file.name for file in tmp_path.iterdir()] == ["a.gz"]


def test_a_download_that_breaks_off_goes_on_where_it_stopped(server, tmp_path):
    server.files["a.gz"], server.cuts = CONTENT, 2
    path = fetch("things", "a.gz", [server.address], SHA256, tmp_path)
    assert path.read_bytes() == CONTENT
    # halves of what was left, in whole blocks
    assert server.ranges == [None, "bytes=131072-", "bytes=196608-"]


def test_it_goes_on_in_a_later_call_too(server, tmp_path):
    server.files["a.gz"], server.cuts = CONTENT, 1
    with pytest.raises(UserError, match="the connection broke"):
        fetch("things", "a.gz", [server.address], SHA256, tmp_path, tries=1)
    assert not (tmp_path / "a.gz").exists()
    assert fetch("things", "a.gz", [server.address], SHA256, tmp_path).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=131072-"]


def test_a_server_that_knows_no_ranges_sends_all_of_it_again(server, tmp_path):
    server.files["a.gz"], server.cuts, server.resumable = CONTENT, 1, False
    assert fetch("things", "a.gz", [server.address], SHA256, tmp_path).read_bytes() == CONTENT


def test_a_partial_file_that_is_too_long_is_begun_anew(server, tmp_path):
    server.files["a.gz"] = CONTENT
    (tmp_path / "a.gz.partial").write_bytes(CONTENT + b"more")
    assert fetch("things", "a.gz", [server.address], SHA256, tmp_path).read_bytes() == CONTENT


def test_the_next_source_is_asked(server, tmp_path):
    server.files["mirror/a.gz"] = CONTENT
    sources = [server.address, server.address + "mirror/"]
    assert fetch("things", "a.gz", sources, SHA256, tmp_path).read_bytes() == CONTENT


def test_a_wrong_checksum_is_told_and_nothing_is_kept(server, tmp_path):
    server.files["a.gz"] = CONTENT[::-1]
    with pytest.raises(UserError, match=f"things needs a.gz.*another SHA-256 than {SHA256}"):
        fetch("things", "a.gz", [server.address], SHA256, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_in_the_cache_is_fetched_anew(server, tmp_path):
    server.files["a.gz"] = CONTENT
    (tmp_path / "a.gz").write_bytes(b"damaged")
    assert fetch("things", "a.gz", [server.address], SHA256, tmp_path).read_bytes() == CONTENT


def test_no_network_is_told_in_one_line_with_what_to_do(server, tmp_path):
    gone = "http://127.0.0.1:9/"  # the discard port: nobody listens
    with pytest.raises(UserError) as refused:
        fashion_mnist(tmp_path, (gone,))
    told = str(refused.value)
    assert "\n" not in told and "no network" in told and str(tmp_path) in told
    assert "train-images-idx3-ubyte.gz" in told
    with pytest.raises(UserError, match="the answer is 404"):
        fetch("things", "a.gz", [server.address], SHA256, tmp_path)


def test_a_missing_pooch_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pooch", None)
    with pytest.raises(MissingExtra, match=r"hringur\[generative\]"):
        fetch("things", "a.gz", ["http://127.0.0.1:9/"], SHA256, tmp_path)


def test_fashion_comes_through_the_same_reader(server, tmp_path, monkeypatch):
    """Files in the very format, of few images, under checksums of their own."""
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 10, shape, dtype=np.uint8) for shape in ((6, 28, 28), 6)]
    arrays += [rng.integers(0, 10, shape, dtype=np.uint8) for shape in ((4, 28, 28), 4)]
    server.files = {file: idx(array) for file, array in zip(FILES, arrays, strict=True)}
    checksums = {file: hashlib.sha256(data).hexdigest() for file, data in server.files.items()}
    monkeypatch.setattr(named, "FASHION_SHA256", checksums)
    clothes = fashion_mnist(tmp_path, (server.address,))
    assert clothes.name == "fashion-mnist" and len(clothes.classes) == 10
    assert (clothes.train[:, 0] == arrays[0]).all() and (clothes.test[:, 0] == arrays[2]).all()
    assert (clothes.test_labels == arrays[3]).all()


def test_the_cache_folder_follows_the_desktop_standard(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert downloads.cache_folder() == tmp_path / "hringur"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert downloads.cache_folder() == Path.home() / ".cache" / "hringur"
