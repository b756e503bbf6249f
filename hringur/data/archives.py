"""Archives, whose entries may claim any size: looked at before anything is unpacked."""

import zipfile
from pathlib import Path

import numpy as np

from hringur.data.files import check_file, reading
from hringur.types import UserError

MAX_ARCHIVE_BYTES = 3 << 28
"""An archive, and what it unpacks to: 768 MiB."""


def check_unpacked(path: Path, entry: zipfile.ZipInfo, most: int = MAX_ARCHIVE_BYTES) -> None:
    """Refuse an entry of an archive that says that it unpacks to more than ``most`` bytes."""
    if entry.file_size > most:
        raise UserError(
            f"{path}: {entry.filename} unpacks to {entry.file_size >> 20:,} MiB, "
            f"at most {most >> 20:,} are read"
        )


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz`` by name, read without pickle.

    Raises:
        UserError: it is no such archive, damaged, too large, or holds code.
    """
    check_file(path, MAX_ARCHIVE_BYTES)
    arrays, unpacked = {}, 0
    with reading(path, "an .npz of plain numbers"), zipfile.ZipFile(path) as packed:
        for entry in packed.infolist():
            unpacked += entry.file_size
            if unpacked > MAX_ARCHIVE_BYTES:
                raise UserError(
                    f"{path} unpacks to more than {MAX_ARCHIVE_BYTES >> 20:,} MiB: too much to read"
                )
            with packed.open(entry) as file:
                name = entry.filename.removesuffix(".npy")
                arrays[name] = np.lib.format.read_array(file, allow_pickle=False)
    return arrays
