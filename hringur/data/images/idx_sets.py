"""MNIST, which ships with the package, and Fashion-MNIST, which is fetched: four IDX files each.

MNIST: LeCun, Cortes & Burges, "The MNIST database of handwritten digits". Fashion-MNIST: Xiao,
Rasul & Vollgraf 2017, arXiv:1708.07747. Every file is held against its SHA-256 before it is read.

An IDX file is: two zero bytes, a byte for the type (8: bytes), a byte for the number of axes, the
length of each as a big-endian 32-bit number, then the numbers themselves; all of it under gzip.
"""

import gzip
import hashlib
import zlib
from importlib import resources
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from hringur.data.downloads import fetch
from hringur.data.images.image_set import ImageSet
from hringur.types import UserError

FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)

MNIST_SHA256 = {
    "train-images-idx3-ubyte.gz": (
        "12bacf187eba4f770a04d97be5dbaad9289fe5d89a89729b6af3255c8bbfa9e1"
    ),
    "train-labels-idx1-ubyte.gz": (
        "7f4ede8117c9f121a708539f3c1b71dc8cb827447542df31cdf7b815d0762e1f"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "c99a2fc9c8f7934dac9481251fc235227437fdcccfb8de53efcb767a8c3b057e"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "e2650e6732b191c90c7705906a2d65c6c0a20efb31f5c53d1b2b0bda74d911e9"
    ),
}

FASHION_SHA256 = {
    "train-images-idx3-ubyte.gz": (
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
    ),
    "train-labels-idx1-ubyte.gz": (
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
    ),
}

FASHION_SOURCES = (
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
"""Where the four files lie; asked in this order."""

FASHION_CLASSES = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)


def mnist(folder: Path | None = None) -> ImageSet:
    """The handwritten digits, from the package or from a folder with the four files.

    Raises:
        UserError: a file is missing or damaged.
    """
    with resources.as_file(resources.files("hringur.data.images") / "mnist") as shipped:
        source = shipped if folder is None else folder
        paths = {file: source / file for file in FILES}
        return _image_set("mnist", paths, MNIST_SHA256, tuple("0123456789"))


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
    return _image_set("fashion-mnist", paths, FASHION_SHA256, FASHION_CLASSES)


def read_idx(path: Path, sha256: str) -> UInt8[np.ndarray, "*axes"]:
    """The numbers of one gzipped IDX file.

    Raises:
        UserError: it cannot be read, or is not the file with this checksum.
    """
    try:
        packed = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    found = hashlib.sha256(packed).hexdigest()
    if found != sha256:
        raise UserError(f"{path} is damaged: its SHA-256 is {found}, expected {sha256}")
    return parse_idx(packed, path)


def parse_idx(packed: bytes, path: Path) -> UInt8[np.ndarray, "*axes"]:
    """The numbers in the bytes of such a file; ``path`` is for the message."""
    try:
        content = gzip.decompress(packed)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} is damaged: {error}") from error
    axes = content[3] if content[:3] == b"\0\0\x08" and len(content) > 3 else 0
    start = 4 + 4 * axes
    if not axes or len(content) < start:
        raise UserError(f"{path} is no IDX file of bytes: it begins with {content[:4].hex(' ')}")
    shape = tuple(int(length) for length in np.frombuffer(content[4:start], dtype=">u4"))
    if int(np.prod(shape)) != len(content) - start:
        raise UserError(
            f"{path} is damaged: {len(content) - start} bytes of data for the shape {shape}"
        )
    return np.frombuffer(bytearray(content), dtype=np.uint8, offset=start).reshape(shape)


def _image_set(
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
