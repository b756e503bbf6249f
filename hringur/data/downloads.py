"""Files fetched once and kept: pooch (extra ``generative``) with a checksum and a cache folder.

A download that breaks off leaves what it has under ``.partial`` and goes on from there at the next
try, where the server allows it; nothing takes the file's name before its checksum is right.
"""

import hashlib
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hringur.types import MissingExtra, UserError

TRIES = 3
"""per source, one after another; what has arrived is kept in between"""

SECONDS = 20.0
"""without an answer, after which a try has failed"""

BLOCK = 1 << 16


def fetch(
    dataset: str,
    file: str,
    sources: Sequence[str],
    sha256: str,
    folder: Path | None = None,
    tries: int = TRIES,
) -> Path:
    """The path of ``file``, downloaded if it is not there yet or damaged.

    Args:
        dataset: for the message, and the name of the folder in the cache.
        file: its name, appended to each of ``sources``.
        sources: addresses, each ending in a slash, asked in this order.
        sha256: of the file.
        folder: where it is kept; by default ``hringur/<dataset>`` in the user's cache folder.
        tries: per source.

    Raises:
        UserError: no source gave the file.
        MissingExtra: pooch is not installed.
    """
    folder = folder or cache_folder() / dataset
    path = folder / file
    if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
        return path
    try:
        import pooch
        import requests
    except ImportError as missing:
        raise MissingExtra(f"downloading {dataset}", "generative") from missing
    pooch.get_logger().setLevel(logging.WARNING)  # what went wrong is told once, at the end
    reasons = []
    print(f"downloading {dataset}: {file} to {folder}", file=sys.stderr)
    for source in sources:
        registry = {file: f"sha256:{sha256}"}
        manager = pooch.create(folder, source, registry=registry, retry_if_failed=tries - 1)
        try:
            return Path(manager.fetch(file, downloader=_resuming))
        except (requests.RequestException, ValueError, OSError) as error:
            reasons.append(f"{source}: {_reason(error, sha256)}")
    raise UserError(
        f"{dataset} needs {file}, which cannot be downloaded ({'; '.join(reasons)}); "
        f"put it into {folder} by other means, or try again with a network"
    )


def cache_folder() -> Path:
    """Where fetched files lie: ``hringur`` in $XDG_CACHE_HOME, else in ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "hringur"


def _resuming(url: str, output_file: str, manager: Any) -> None:
    """Download ``url`` to ``output_file``, going on where an earlier try stopped."""
    import requests  # pooch's own downloader always begins anew

    path = Path(manager.abspath) / Path(url).name
    partial = path.with_name(f"{path.name}.partial")
    begun = partial.stat().st_size if partial.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={begun}-"} if begun else {})
    with requests.get(url, headers=headers, stream=True, timeout=SECONDS) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable:
            partial.unlink()  # longer than the file is: from the beginning at the next try
        answer.raise_for_status()
        resumed = answer.status_code == requests.codes.partial_content
        with open(partial, "ab" if resumed else "wb") as kept:
            for block in answer.iter_content(BLOCK):
                kept.write(block)
    os.replace(partial, output_file)  # pooch compares the checksum, and deletes what is wrong


def _reason(error: Exception, sha256: str) -> str:
    """Why a source gave nothing, in a few words."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the answer is {error.response.status_code}"
    for kind, told in {
        requests.Timeout: f"no answer within {SECONDS:g} s",
        requests.exceptions.ChunkedEncodingError: "the connection broke; what has come is kept",
        requests.ConnectionError: "no network, or no such server",
        ValueError: f"what came has another SHA-256 than {sha256}",
    }.items():
        if isinstance(error, kind):
            return told
    return " ".join(str(error).split())
