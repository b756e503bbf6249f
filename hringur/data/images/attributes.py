"""Attributes of one's own images: ``attributes.csv`` beside them.

UTF-8; the first column ``file`` names an image below the folder, each further column is an
attribute: 1 where the image has it, 0 where not (-1 and 0 for "not" alike, as in CelebA).

    file,smile,glasses
    anna/1.png,1,0
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from hringur.data.files import csv_rows, decoded
from hringur.types import UserError, printable

FILE = "attributes.csv"
MAX_IMAGES, MAX_ATTRIBUTES = 1_000_000, 1_000
VALUES = {"1": 1, "0": 0, "-1": 0}


def parse_attributes(
    content: bytes, files: Sequence[str], where: str
) -> tuple[UInt8[np.ndarray, "N A"], tuple[str, ...]]:
    """The attributes of ``files`` in their order, and the names of the attributes.

    Raises:
        UserError: a row does not fit, or the table and the images are not about the same files;
            the message begins with ``where``.
    """
    rows = csv_rows(decoded(content, where), where, MAX_IMAGES + 1, MAX_ATTRIBUTES)
    header = [printable(name) for name in rows[0][1]] if rows else []
    named = all(name.strip() for name in header)
    if header[:1] != ["file"] or len(header) < 2 or len(set(header)) < len(header) or not named:
        raise UserError(f"{where} must begin with 'file,ATTRIBUTE,...', got {','.join(header)!r}")
    found: dict[str, list[int]] = {}
    for number, row in rows[1:]:
        if len(row) != len(header):
            raise UserError(f"{where}, line {number}: expected {len(header)} columns: {row}")
        name, *values = row
        wrong = [value for value in values if value not in VALUES]
        if wrong:
            raise UserError(f"{where}, line {number}: an attribute is 1 or 0, got {wrong[0]!r}")
        if name in found:
            raise UserError(f"{where}, line {number}: {name!r} stands there twice")
        found[name] = [VALUES[value] for value in values]
    for name in sorted(found.keys() ^ set(files)):
        there = "has no image" if name in found else "has no row"
        raise UserError(f"{where}: {name!r} {there}; table and images must name the same files")
    has = np.array([found[name] for name in files], dtype=np.uint8)
    for name, column in zip(header[1:], has.T, strict=True):
        if len(set(column.tolist())) == 1:
            who = "all images have" if column[0] else "no image has"
            raise UserError(f"{where}: {who} {name!r}, so nothing tells what it looks like")
    return has, tuple(header[1:])
