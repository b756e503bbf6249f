"""Images by name: what ships, what is fetched once, and a user's own files, all as one record.

==================== ==========================================================================
data set             images
==================== ==========================================================================
``mnist``            60,000 + 10,000 handwritten digits, 28 x 28 grey; in the package
``digits``           1,438 + 359 handwritten digits, 8 x 8 grey; in scikit-learn
``fashion-mnist``    60,000 + 10,000 pieces of clothing, 28 x 28 grey; fetched at the first call
``faces``            20,000 + 2,000 drawn faces with attributes, 32 x 32 or 64 x 64 colour
``glyphs``, ...      two domains each, as classes: ``domains.py``
a folder, a ``.zip`` PNG and JPEG images of one size; sub-folders may be classes, or train and test
an ``.npz``          arrays: ``images``, or ``train`` and ``test``, with labels or without
==================== ==========================================================================

MNIST: LeCun, Cortes & Burges, "The MNIST database of handwritten digits". Fashion-MNIST: Xiao,
Rasul & Vollgraf 2017, arXiv:1708.07747. Each is four IDX files under gzip: two zero bytes, a byte
for the type (8: bytes), a byte for the number of axes, the length of each as a big-endian 32-bit
number, then the numbers themselves. Sources and licences: NOTICE.
"""

import gzip
import hashlib
import io
import math
import os
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from hringur.data.downloads import fetch
from hringur.data.files import read_bytes, reading
from hringur.data.images.arrays import read_npz
from hringur.data.images.domains import DOMAINS
from hringur.data.images.faces import SIDE, faces
from hringur.data.images.files import read_folder, read_zip
from hringur.data.images.image_set import MAX_SIDE, ImageSet, check_side, held_out_split
from hringur.types import UserError, optional

__all__ = ["NAMED", "ImageSet", "load_images"]

NAMED: dict[str, Callable[[int | None], ImageSet]] = {
    "mnist": lambda _: mnist(),
    "digits": lambda _: scikit_digits(),
    "fashion-mnist": lambda _: fashion_mnist(),
    "faces": lambda size: faces(SIDE if size and size > SIDE // 2 else SIDE // 2),
    **{name: lambda _, make=make: make().image_set() for name, make in DOMAINS.items()},  # type: ignore[misc]
}
"""Data sets that need no file from the user, by the size asked for: what is drawn can be larger."""

SIZES = range(4, MAX_SIDE + 1)
"""Pixels that images may be brought to."""

MAX_IDX_BYTES = 1 << 28
"""What an IDX file may unpack to: 256 MiB."""

FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def _by_file(*checksums: str) -> dict[str, str]:
    return dict(zip(FILES, checksums, strict=True))


MNIST_SHA256 = _by_file(
    "12bacf187eba4f770a04d97be5dbaad9289fe5d89a89729b6af3255c8bbfa9e1",
    "7f4ede8117c9f121a708539f3c1b71dc8cb827447542df31cdf7b815d0762e1f",
    "c99a2fc9c8f7934dac9481251fc235227437fdcccfb8de53efcb767a8c3b057e",
    "e2650e6732b191c90c7705906a2d65c6c0a20efb31f5c53d1b2b0bda74d911e9",
)

FASHION_SHA256 = _by_file(
    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
)

FASHION_SOURCES = (
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
"""Where the four files lie; asked in this order."""

FASHION_CLASSES = (
    *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
)


def load_images(dataset: str, size: int | None = None) -> ImageSet:
    """The images of a data set, split into those to train on and held-out ones.

    Args:
        dataset: a name of the table above, or the path of a folder, a .zip or an .npz.
        size: bring the middle square of each image to so many pixels; None leaves them as they are.

    Raises:
        UserError: there is no such data set; it is damaged, or its images are of mixed sizes.
        MissingExtra: an optional package that it needs is not installed.
    """
    if size is not None and size not in SIZES:
        raise UserError(f"size must be in {SIZES[0]}..{SIZES[-1]} pixels, got {size}")
    if dataset in NAMED:
        images = NAMED[dataset](size)
    else:
        return _read(dataset, size)
    return images if size is None else images.resized(size)


def scikit_digits() -> ImageSet:
    """The 8 x 8 digits that come with scikit-learn; one fifth is held out."""
    digits = optional("sklearn.datasets", "the data set 'digits'", "generative").load_digits()
    grey = np.rint(digits.images * (255 / 16)).astype(np.uint8)[:, None]  # 17 levels
    labels = digits.target.astype(np.int64)
    return held_out_split("digits", grey, labels, tuple("0123456789"), test_share=0.2)


def mnist(folder: Path | None = None) -> ImageSet:
    """The handwritten digits, from the package or from a folder with the four files.

    Raises:
        UserError: a file is missing or damaged.
    """
    with resources.as_file(resources.files("hringur.data.images") / "mnist") as shipped:
        source = shipped if folder is None else folder
        paths = {file: source / file for file in FILES}
        return _idx_set("mnist", paths, MNIST_SHA256, tuple("0123456789"))


def mnist_test() -> tuple[UInt8[np.ndarray, "N 28 28"], UInt8[np.ndarray, " N"]]:
    """The 10,000 test images of MNIST and their digits, without reading those to train on."""
    folder = resources.files("hringur.data.images") / "mnist"
    with resources.as_file(folder) as shipped:
        images, labels = (read_idx(shipped / file, MNIST_SHA256[file]) for file in FILES[2:])
    return images, labels


def fashion_mnist(
    folder: Path | None = None, sources: tuple[str, ...] = FASHION_SOURCES
) -> ImageSet:
    """The pieces of clothing; fetched once (31 MB), then read from the cache folder.

    Raises:
        UserError: a file is damaged, or not there and cannot be fetched.
        MissingExtra: a file is not there and pooch is not installed.
    """
    paths = {
        file: fetch("fashion-mnist", file, sources, FASHION_SHA256[file], folder) for file in FILES
    }
    return _idx_set("fashion-mnist", paths, FASHION_SHA256, FASHION_CLASSES)


def read_idx(path: Path, sha256: str) -> UInt8[np.ndarray, "*axes"]:
    """The numbers of one gzipped IDX file.

    Raises:
        UserError: it cannot be read, or is not the file with this checksum.
    """
    packed = read_bytes(path)
    found = hashlib.sha256(packed).hexdigest()
    if found != sha256:
        raise UserError(f"{path} is damaged: its SHA-256 is {found}, expected {sha256}")
    return parse_idx(packed, path)


def parse_idx(packed: bytes, path: Path) -> UInt8[np.ndarray, "*axes"]:
    """The numbers in the bytes of such a file; ``path`` is for the message."""
    with reading(path, "a gzipped IDX file"), gzip.open(io.BytesIO(packed)) as unpacked:
        content = unpacked.read(MAX_IDX_BYTES)
    axes = content[3] if content[:3] == b"\0\0\x08" and len(content) > 3 else 0
    start = 4 + 4 * axes
    if not axes or len(content) < start:
        raise UserError(f"{path} is no IDX file of bytes: it begins with {content[:4].hex(' ')}")
    shape = tuple(int(length) for length in np.frombuffer(content[4:start], dtype=">u4"))
    if math.prod(shape) != len(content) - start:
        raise UserError(
            f"{path} is damaged: {len(content) - start} bytes of data for the shape {shape}"
        )
    return np.frombuffer(bytearray(content), dtype=np.uint8, offset=start).reshape(shape)


def _read(name: str, size: int | None) -> ImageSet:
    """A user's own images."""
    path = Path(name)
    if os.path.isdir(name):  # Path's own would fail for names that are too long
        return read_folder(path, size)
    if not os.path.exists(name):
        known = ", ".join(NAMED)
        raise UserError(
            f"data set must be one of {known}, or a folder, a .zip or an .npz of images; "
            f"there is neither a set nor a file named {name!r}"
        )
    if path.suffix.lower() == ".zip":
        return read_zip(path, size)
    if path.suffix.lower() == ".npz":
        images = read_npz(path)
        if size is not None:
            return images.resized(size)
        check_side(images.shape, str(path))
        return images
    raise UserError(f"a file of images must end in .zip or .npz, got {path}")


def _idx_set(
    name: str, paths: dict[str, Path], sha256: dict[str, str], classes: tuple[str, ...]
) -> ImageSet:
    train, train_labels, test, test_labels = (read_idx(paths[file], sha256[file]) for file in FILES)
    return ImageSet(
        name,
        train[:, None],
        test[:, None],
        train_labels.astype(np.int64),
        test_labels.astype(np.int64),
        classes,
    )
