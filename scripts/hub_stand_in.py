"""A stand-in for the Hugging Face Hub: the few addresses that its client asks, on this machine.

It serves the tests and scripts/compatibility.py. Repositories are in memory. Weights come by the
protocol of Git LFS, as the real client sends them with ``HF_HUB_DISABLE_XET=1``.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_right"


class Hub(ThreadingHTTPServer):
    """Repositories in memory: by name a list of commits, each with its files."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.repositories: dict[str, list[tuple[str, dict[str, bytes]]]] = {}
        self.private: set[str] = set()
        self.large: dict[str, bytes] = {}
        self.address = f"http://127.0.0.1:{self.server_port}"

    def commit(self, repo_id: str, files: dict[str, bytes]) -> str:
        """The id of a new commit, with the files of the last one and these."""
        commits = self.repositories[repo_id]
        before = commits[-1][1] if commits else {}
        sha = hashlib.sha1(f"{repo_id} {len(commits)}".encode()).hexdigest()
        commits.append((sha, before | files))
        return sha


class Answers(BaseHTTPRequestHandler):
    """To one request each."""

    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""

    def reply(self, status: int = 200, content: Any = b"", **headers: str) -> None:
        """Send bytes, or JSON; names of headers have a dash for each underscore."""
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        self.send_response(status)
        headers = {"Content-Length": str(len(content))} | headers
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def serve(self) -> None:
        """Any request: files of a model, or what is known about it."""
        hub, path = self.server, self.path.partition("?")[0]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if path.startswith("/large/"):
            hub.large[path.removeprefix("/large/")] = body
            return self.reply()
        if self.command in ("POST", "PUT"):
            if not known:
                error = {"X_Error_Message": "Invalid credentials in Authorization header"}
                return self.reply(401, {"error": "Invalid username or password."}, **error)
            return self.write(path, body)
        if path == "/api/whoami-v2":
            sender = {"type": "user", "name": "user", "orgs": []}
            return self.reply(200, sender) if known else self.reply(401, {"error": "Invalid token"})
        match = re.fullmatch(r"/(?:api/models/)?([\w.-]+/[\w.-]+)/?(?:(\w+)/([^/]+)/?(.*))?", path)
        if match is None or match[1] == "api/agent-harnesses":
            return self.reply(404)
        repo_id, what, revision, file = match.groups()
        commits = hub.repositories.get(repo_id)
        if not commits or (repo_id in hub.private and not known):
            return self.reply(401, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")
        found = [c for c in commits if (revision or "main") in ("main", c[0])]
        if not found:
            return self.reply(404, {"error": "Invalid rev"}, X_Error_Code="RevisionNotFound")
        sha, files = found[-1]
        if what == "resolve":
            return self.file(sha, files, file)
        if what == "tree":
            listed = [
                {"type": "file", "path": name, "size": len(one), "oid": sha1(one)}
                for name, one in files.items()
            ]
            return self.reply(200, listed)
        return self.reply(
            200,
            {"id": repo_id, "modelId": repo_id, "sha": sha, "tags": [], "private": False,
             "siblings": [{"rfilename": name} for name in files]},
        )  # fmt: skip

    do_GET = do_HEAD = do_POST = do_PUT = serve

    def file(self, sha: str, files: dict[str, bytes], name: str) -> None:
        """A file of a commit."""
        if name not in files:
            return self.reply(404, {"error": "Entry not found"}, X_Error_Code="EntryNotFound")
        return self.reply(200, files[name], X_Repo_Commit=sha, ETag=f'"{sha1(files[name])}"')

    def write(self, path: str, body: bytes) -> None:
        """A request with the right token that changes something."""
        hub = self.server
        if path == "/api/repos/create":
            return self.create(**json.loads(body))
        if path == "/api/validate-yaml":
            return self.reply(200, {"errors": [], "warnings": []})
        if path.endswith("/preupload/main"):
            modes = [
                {"path": one["path"], "shouldIgnore": False, "oid": None,
                 "uploadMode": "lfs" if one["path"].endswith(".safetensors") else "regular"}
                for one in json.loads(body)["files"]
            ]  # fmt: skip
            return self.reply(200, {"files": modes})
        if path.endswith(".git/info/lfs/objects/batch"):
            wanted = json.loads(body)["objects"]
            upload = [
                {**one, "actions": {"upload": {"href": f"{hub.address}/large/{one['oid']}"}}}
                for one in wanted
            ]
            content = {"transfer": "basic", "objects": upload}
            return self.reply(200, content, Content_Type="application/vnd.git-lfs+json")
        return self.commit(path.removeprefix("/api/models/").removesuffix("/commit/main"), body)

    def create(self, name: str, organization: str, private: bool = False, **more: Any) -> None:
        """Make a repository; the token has a right to those of ``user`` only."""
        hub, repo_id = self.server, f"{organization}/{name}"
        if organization != "user":
            return self.reply(403, {"error": "no right to create there"})
        if repo_id in hub.repositories:
            return self.reply(409, {"url": f"{hub.address}/{repo_id}"})
        hub.repositories[repo_id] = []
        hub.private |= {repo_id} if private else set()
        hub.commit(repo_id, {".gitattributes": b""})
        return self.reply(200, {"url": f"{hub.address}/{repo_id}"})

    def commit(self, repo_id: str, body: bytes) -> None:
        """Add a commit; a line of ``body`` is a file, or the name of one that has come before."""
        hub, files = self.server, {}
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = hub.large[value["oid"]]
        sha = hub.commit(repo_id, files)
        url = f"{hub.address}/{repo_id}/commit/{sha}"
        return self.reply(200, {"commitUrl": url, "commitOid": sha, "pullRequestUrl": None})


def sha1(content: bytes) -> str:
    """Digest that serves as the name of a content."""
    return hashlib.sha1(content).hexdigest()


@contextmanager
def serving() -> Iterator[Hub]:
    """A hub that answers until the end."""
    with Hub() as hub:
        thread = threading.Thread(target=hub.serve_forever, daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()
