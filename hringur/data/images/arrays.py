"""Images in a NumPy archive (``.npz``), read without pickle.

Arrays of bytes, either ``images`` with ``labels`` (some are then held out), or ``train`` and
``test`` with ``train_labels`` and ``test_labels``; labels may be left out. The names that other
libraries use serve as well (``x_train``, ``train_images``, ...). Axes: N H W, N H W C or N C H W,
with one or three channels C.
"""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Int64, UInt8

from hringur.data.images.image_set import ImageSet, held_out_split
from hringur.types import UserError

ALIASES = {
    "images": ("images", "x"),
    "labels": ("labels", "y"),
    "train": ("train", "x_train", "train_images"),
    "test": ("test", "x_test", "test_images"),
    "train_labels": ("train_labels", "y_train"),
    "test_labels": ("test_labels", "y_test"),
    "classes": ("classes",),
}
"""Names under which an array may lie."""

MAX_CLASSES = 10_000


def read_npz(path: Path) -> ImageSet:
    """The images of an archive.

    Raises:
        UserError: it is damaged, holds code, or its arrays are not as the module says.
    """
    arrays = _arrays(path)
    if "images" in arrays:
        images = _images(arrays, "images", path)
        if len(images) < 2:
            raise UserError(f"{path} needs at least 2 images, one of which is held out")
        labels = _labels(arrays, "labels", len(images), path)
        return held_out_split(path.stem, images, labels, _classes(arrays, labels, path))
    if "train" not in arrays or "test" not in arrays:
        raise UserError(
            f"{path} needs an array 'images', or 'train' and 'test'; it has {_present(path)}"
        )
    train, test = _images(arrays, "train", path), _images(arrays, "test", path)
    if train.shape[1:] != test.shape[1:] or not len(train) or not len(test):
        raise UserError(f"{path}: train and test are {train.shape} and {test.shape} (N, C, H, W)")
    train_labels = _labels(arrays, "train_labels", len(train), path)
    test_labels = _labels(arrays, "test_labels", len(test), path)
    if (train_labels is None) != (test_labels is None):
        raise UserError(f"{path} needs labels for both of train and test, or for neither")
    every = None
    if train_labels is not None and test_labels is not None:
        every = np.concatenate([train_labels, test_labels])
    classes = _classes(arrays, every, path)
    return ImageSet(path.stem, train, test, train_labels, test_labels, classes)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays that are known, under their own names here."""
    found = {}
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            for name, aliases in ALIASES.items():
                for alias in aliases:
                    if alias in stored:
                        found[name] = stored[alias]
                        break
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} cannot be read as an .npz of plain numbers: {reason}") from error
    return found


def _present(path: Path) -> str:
    with np.load(path, allow_pickle=False) as stored:
        return ", ".join(map(repr, stored.files)) or "none"


def _images(
    arrays: Mapping[str, np.ndarray], name: str, path: Path
) -> UInt8[np.ndarray, "N C H W"]:
    """An array of images with its channels first."""
    array = arrays[name]
    if array.dtype != np.uint8:
        raise UserError(
            f"{path}: {name!r} must hold bytes (uint8, 0 to 255), got {array.dtype}; "
            "numbers in 0..1 are to be multiplied by 255 first"
        )
    if array.ndim == 3:
        array = array[:, None]
    elif array.ndim == 4 and array.shape[1] not in (1, 3):
        array = array.transpose(0, 3, 1, 2)
    if array.ndim != 4 or array.shape[1] not in (1, 3) or 0 in array.shape[1:]:
        raise UserError(
            f"{path}: {name!r} must have the axes N H W, N H W C or N C H W with 1 or 3 channels, "
            f"got {arrays[name].shape}"
        )
    return np.ascontiguousarray(array)


def _labels(
    arrays: Mapping[str, np.ndarray], name: str, count: int, path: Path
) -> Int64[np.ndarray, " N"] | None:
    """A class number for each of ``count`` images, if there are any."""
    if name not in arrays:
        return None
    labels = arrays[name].reshape(-1) if arrays[name].ndim == 2 else arrays[name]
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise UserError(
            f"{path}: {name!r} must hold {count} whole numbers, "
            f"got {labels.dtype} of shape {arrays[name].shape}"
        )
    if count and not 0 <= int(labels.min()) <= int(labels.max()) < MAX_CLASSES:
        raise UserError(
            f"{path}: {name!r} must be class numbers in 0..{MAX_CLASSES - 1}, "
            f"got {labels.min()}..{labels.max()}"
        )
    return labels.astype(np.int64)


def _classes(
    arrays: Mapping[str, np.ndarray], labels: Int64[np.ndarray, " N"] | None, path: Path
) -> tuple[str, ...]:
    """Names of the classes: given, or the numbers."""
    if labels is None:
        return ()
    needed = int(labels.max()) + 1
    if "classes" not in arrays:
        return tuple(str(number) for number in range(needed))
    names = tuple(str(name) for name in arrays["classes"].reshape(-1))
    if len(names) < needed:
        raise UserError(
            f"{path}: 'classes' has {len(names)} names, but there is class {needed - 1}"
        )
    return names
