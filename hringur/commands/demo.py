"""``hringur demo``: the page to play with, from a server on this machine only, or as files."""

import gzip
import mimetypes
import webbrowser
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from hringur.commands.console import note, parse
from hringur.data.files import check_writable, write_whole
from hringur.play.site import site
from hringur.types import UserError

POLICY = "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'"
"""What the page may load: its own files, and nothing from anywhere else."""

mimetypes.add_type("text/javascript", ".js")  # on some systems the registry says otherwise
mimetypes.add_type("application/octet-stream", ".safetensors")


@dataclass(frozen=True, kw_only=True)
class Demo:
    """Open the page to play with: tours, trading, estimators, images; networks in the browser.

    A server on this machine answers until Ctrl-C. It can be reached from this machine only, and
    the page loads nothing from anywhere else.
    """

    no_browser: bool = False
    """print the address and open nothing"""

    port: int = 0
    """of the server, in 0..65535; a free one when 0"""

    folder: Path | None = None
    """write the page's files to this folder, which is made, for any web server, and start none"""

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise UserError(f"--port must be in 0..65535, got {self.port}")
        if self.folder is not None:
            if self.folder.exists() and not self.folder.is_dir():
                raise UserError(f"cannot write to {self.folder}: it is no folder")
            check_writable(self.folder / "index.html" if self.folder.is_dir() else self.folder)


def main(arguments: list[str]) -> None:
    """Write the page, or serve it until Ctrl-C."""
    options = parse(Demo, arguments, "demo")
    files = site()
    if options.folder is not None:
        options.folder.mkdir(exist_ok=True)
        for name, content in files.items():
            write_whole(options.folder / name, content)
        note(f"wrote {len(files)} files to {options.folder}")
        return
    with make_server(files, options.port) as server:
        address = f"http://127.0.0.1:{server.server_port}/"
        print(f"{address}  (Ctrl-C ends)", flush=True)
        if not options.no_browser:
            webbrowser.open(address)
        server.serve_forever()


def make_server(files: dict[str, bytes], port: int = 0) -> ThreadingHTTPServer:
    """A server of these files on the loopback interface.

    Raises:
        UserError: the port is taken, or may not be used.
    """
    packed = {name: gzip.compress(content, 6) for name, content in files.items()}
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), partial(Handler, files, packed))
    except OSError as error:
        raise UserError(f"--port {port} cannot be used: {error.strerror}") from None


class Handler(BaseHTTPRequestHandler):
    """Answers GET with a file of the page, compressed where the browser takes that."""

    protocol_version = "HTTP/1.1"

    def __init__(self, files: dict[str, bytes], packed: dict[str, bytes], *rest: Any) -> None:
        self.files, self.packed = files, packed
        super().__init__(*rest)

    def handle(self) -> None:
        """Answer until the browser goes away, if need be in the middle of a file."""
        with suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:  # noqa: N802, the name that http.server looks for
        """One file, or 404."""
        name = self.path.partition("?")[0].lstrip("/") or "index.html"
        if name not in self.files:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        takes_gzip = "gzip" in self.headers.get("Accept-Encoding", "")
        content = (self.packed if takes_gzip else self.files)[name]
        self.send_response(HTTPStatus.OK)
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        self.send_header("Content-Type", f"{kind}; charset=utf-8" if "text" in kind else kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Content-Security-Policy", POLICY)
        if takes_gzip:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Keep quiet: the terminal has the address."""
