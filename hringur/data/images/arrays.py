"""Images in memory, and in a NumPy archive (``.npz``), which is read without pickle.

Arrays of bytes or of floats in 0..1, either ``images`` with ``labels`` (some are then held out), or
``train`` and ``test`` with ``train_labels`` and ``test_labels``; labels may be left out. The names
that other libraries use serve as well (``foreign.py``). Axes: N H W, N H W C or N C H W, with one
or three channels C.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64, UInt8
from PIL import Image

from hringur.data.archives import read_arrays
from hringur.data.files import reading
from hringur.data.images.files import pixels_of, stacked
from hringur.data.images.foreign import named, parts_of
from hringur.data.images.image_set import ImageSet, as_bytes, held_out_split
from hringur.types import UserError, printable

MAX_CLASSES = 10_000


def as_image_set(
    images: Any,
    labels: Any = None,
    *,
    test: Any = None,
    test_labels: Any = None,
    classes: Sequence[str] | None = None,
    name: str = "images",
) -> ImageSet:
    """The record of images in memory.

    Args:
        images: to train on; a NumPy array, a torch tensor, or a sequence of PIL images. Or a
            data set with labels and splits of its own: a dictionary under the names above, or what
            behaves as torchvision's or Hugging Face's.
        labels: number of the class of each, if there are classes.
        test: held-out images; a tenth of ``images`` when not given.
        test_labels: of the held-out images.
        classes: names by number; the numbers themselves when not given.
        name: of the set.

    Raises:
        UserError: images or labels are not as the module says.
    """
    if (parts := parts_of(images)) is not None:
        if any(one is not None for one in (labels, test, test_labels)):
            raise UserError("labels and test images are for arrays; a data set brings its own")
        parts |= {} if classes is None else {"classes": classes}
        return _image_set({key: _array(value, key) for key, value in parts.items()}, name, "")
    names = ("images", "labels") if test is None else ("train", "train_labels")
    given = {
        names[0]: images,
        names[1]: labels,
        "test": test,
        "test_labels": test_labels,
        "classes": classes,
    }
    arrays = {key: _array(value, key) for key, value in given.items() if value is not None}
    return _image_set(arrays, name, "")


def read_npz(path: Path) -> ImageSet:
    """The images of an archive.

    Raises:
        UserError: it is damaged, holds code, or its arrays are not as the module says.
    """
    stored = read_arrays(path)
    present = ", ".join(map(repr, stored)) or "none"
    arrays = named(stored)
    if "images" not in arrays and not {"train", "test"} <= arrays.keys():
        raise UserError(f"{path} needs an array 'images', or 'train' and 'test'; it has {present}")
    return _image_set(arrays, printable(path.stem), f"{path}: ")


def _image_set(arrays: Mapping[str, np.ndarray], name: str, where: str) -> ImageSet:
    """The record of arrays under their own names here; ``where`` begins each message."""
    if "images" in arrays:
        images = _images(arrays, "images", where)
        if len(images) < 2:
            raise UserError(f"{where}at least 2 images are needed, one of which is held out")
        labels = _labels(arrays, "labels", len(images), where)
        return held_out_split(name, images, labels, _classes(arrays, labels, where))
    train, test = _images(arrays, "train", where), _images(arrays, "test", where)
    if train.shape[1:] != test.shape[1:] or not len(train) or not len(test):
        raise UserError(f"{where}train and test are {train.shape} and {test.shape} (N, C, H, W)")
    train_labels = _labels(arrays, "train_labels", len(train), where)
    test_labels = _labels(arrays, "test_labels", len(test), where)
    if (train_labels is None) != (test_labels is None):
        raise UserError(f"{where}labels are needed for both of train and test, or for neither")
    every = None
    if train_labels is not None and test_labels is not None:
        every = np.concatenate([train_labels, test_labels])
    classes = _classes(arrays, every, where)
    return ImageSet(name, train, test, train_labels, test_labels, classes)


def _array(value: Any, name: str) -> np.ndarray:
    """An array, a tensor or a sequence as an array; PIL images with their channels first."""
    if hasattr(value, "__len__") and not hasattr(value, "__array__"):
        value = [value[row] for row in range(len(value))]  # whatever sequence it is
        if value and isinstance(value[0], Image.Image):
            pixels = ((f"{name}[{i}]", image) for i, image in enumerate(value))
            return stacked(((where, pixels_of(one, where)) for where, one in pixels), len(value))
    try:
        if isinstance(value, list) and value and hasattr(value[0], "__array__"):
            return np.stack([_host(one) for one in value])
        return np.asarray(_host(value))
    except ValueError as error:
        raise UserError(f"{name!r} must hold arrays of one shape: {error}") from error


def _host(value: Any) -> Any:
    """A torch tensor where NumPy can read it; anything else as it is."""
    return value.detach().cpu() if hasattr(value, "detach") else value


def _images(
    arrays: Mapping[str, np.ndarray], name: str, where: str
) -> UInt8[np.ndarray, "N C H W"]:
    """An array of images as bytes with its channels first."""
    array = as_bytes(arrays[name], f"{where}{name!r}")
    if array is arrays[name] and array.size and array.max() == 1:
        raise UserError(
            f"{where}{name!r} holds bytes in 0..1, nearly black: give 0..255, or floats"
        )
    if array.ndim == 3:
        array = array[:, None]
    elif array.ndim == 4 and array.shape[1] not in (1, 3):
        array = array.transpose(0, 3, 1, 2)
    if array.ndim != 4 or array.shape[1] not in (1, 3) or 0 in array.shape[1:]:
        raise UserError(
            f"{where}{name!r} must have the axes N H W, N H W C or N C H W with 1 or 3 channels, "
            f"got {arrays[name].shape}"
        )
    return np.ascontiguousarray(array)


def _labels(
    arrays: Mapping[str, np.ndarray], name: str, count: int, where: str
) -> Int64[np.ndarray, " N"] | None:
    """A class number for each of ``count`` images, if there are any."""
    if name not in arrays:
        return None
    labels = arrays[name].reshape(-1) if arrays[name].ndim == 2 else arrays[name]
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise UserError(
            f"{where}{name!r} must hold {count} whole numbers, "
            f"got {labels.dtype} of shape {arrays[name].shape}"
        )
    if count and not 0 <= int(labels.min()) <= int(labels.max()) < MAX_CLASSES:
        raise UserError(
            f"{where}{name!r} must be class numbers in 0..{MAX_CLASSES - 1}, "
            f"got {labels.min()}..{labels.max()}"
        )
    return labels.astype(np.int64)


def _classes(
    arrays: Mapping[str, np.ndarray], labels: Int64[np.ndarray, " N"] | None, where: str
) -> tuple[str, ...]:
    """Names of the classes: given, or the numbers."""
    if labels is None:
        return ()
    needed = int(labels.max()) + 1
    if "classes" not in arrays:
        return tuple(str(number) for number in range(needed))
    with reading(f"{where}'classes'", "names"):  # NumPy takes letters that are none
        given = list(map(str, arrays["classes"].reshape(-1)[:MAX_CLASSES]))
    names = tuple(map(printable, given))
    if len(names) < needed:
        raise UserError(f"{where}'classes' has {len(names)} names, but there is class {needed - 1}")
    return names
