import gzip
import socket
import threading
import urllib.request
from urllib.error import HTTPError

import pytest

from hringur.cli import main
from hringur.commands import demo


@pytest.fixture
def address():
    server = demo.make_server({"index.html": b"<p>here</p>", "a.js": b"let a"})
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def test_files_are_served_as_they_are_or_compressed(address):
    with urllib.request.urlopen(address) as answer:
        assert answer.read() == b"<p>here</p>"
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
    packed = urllib.request.Request(f"{address}a.js?x=1", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(packed) as answer:
        assert gzip.decompress(answer.read()) == b"let a"
        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize("path", ["b.js", "../hringur/cli.py", "%2e%2e/setup.py", "/etc/passwd"])
def test_nothing_else_is_served(address, path):
    with pytest.raises(HTTPError, match="404") as refused:
        urllib.request.urlopen(address + path)
    refused.value.close()


def test_a_browser_that_goes_away_is_no_error():
    ours, theirs = socket.socketpair()
    theirs.sendall(b"GET / HTTP/1.1\r\n\r\n")
    theirs.close()
    with ours:
        demo.Handler({"index.html": b"x"}, {}, ours, ("127.0.0.1", 0), None)


def test_the_page_is_written_to_a_folder(tmp_path, capsys):
    for _ in range(2):  # again over the same files
        assert main(["demo", "--folder", str(tmp_path / "page")]) == 0
    page = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert "<title>Hringur</title>" in page
    assert "files to" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--port", "65536"], "--port must be in 0..65535, got 65536"),
        (["--port", "-1"], "--port must be in 0..65535, got -1"),
        (["--folder", "{tmp}/no/page"], "there is no folder"),
        (["--folder", "{tmp}/file"], "it is no folder"),
    ],
)
def test_refused_in_one_line(tmp_path, capsys, arguments, words):
    (tmp_path / "file").write_text("kept")
    assert main(["demo", *(one.format(tmp=tmp_path) for one in arguments)]) == 2
    message = capsys.readouterr().err
    assert words in message and message.count("\n") == 1
    assert (tmp_path / "file").read_text() == "kept"


def test_a_port_that_is_taken_is_refused(address, capsys):
    port = address.rsplit(":", 1)[1].rstrip("/")
    assert main(["demo", "--port", port, "--no-browser"]) == 2
    assert f"--port {port} cannot be used" in capsys.readouterr().err


def test_it_prints_its_address_and_opens_a_browser(monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(demo.webbrowser, "open", opened.append)
    monkeypatch.setattr(demo.ThreadingHTTPServer, "serve_forever", lambda self: None)
    assert main(["demo"]) == 0
    assert opened and opened[0] in capsys.readouterr().out
    assert main(["demo", "--no-browser"]) == 0
    assert len(opened) == 1
