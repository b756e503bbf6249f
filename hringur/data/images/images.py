"""Images by name: what ships, what is fetched once, and a user's own files, all as one record.

==================== ==========================================================================
data set             images
==================== ==========================================================================
``mnist``            60,000 + 10,000 handwritten digits, 28 x 28 grey; in the package
``digits``           1,438 + 359 handwritten digits, 8 x 8 grey; in scikit-learn
``fashion-mnist``    60,000 + 10,000 pieces of clothing, 28 x 28 grey; fetched at the first call
a folder, a ``.zip`` PNG and JPEG images of one size; sub-folders may be classes, or train and test
an ``.npz``          arrays of bytes: ``images``, or ``train`` and ``test``, with labels or without
==================== ==========================================================================

Sources and licences: NOTICE.
"""

from pathlib import Path

import numpy as np

from hringur.data.images.arrays import read_npz
from hringur.data.images.files import read_folder, read_zip
from hringur.data.images.idx_sets import fashion_mnist, mnist
from hringur.data.images.image_set import ImageSet, held_out_split
from hringur.types import MissingExtra, UserError

__all__ = ["NAMED", "ImageSet", "load_images"]

NAMED = {
    "mnist": lambda: mnist(),
    "digits": lambda: scikit_digits(),
    "fashion-mnist": lambda: fashion_mnist(),
}
"""Data sets that need no file from the user."""

SIZES = range(4, 513)
"""Pixels that images may be brought to."""


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
        images = NAMED[dataset]()
    else:
        return _read(Path(dataset), size)
    return images if size is None else images.resized(size)


def scikit_digits() -> ImageSet:
    """The 8 x 8 digits that come with scikit-learn; one fifth is held out."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as missing:
        raise MissingExtra("the data set 'digits'", "generative") from missing
    digits = load_digits()
    grey = np.rint(digits.images * (255 / 16)).astype(np.uint8)[:, None]  # 17 levels
    labels = digits.target.astype(np.int64)
    return held_out_split("digits", grey, labels, tuple("0123456789"), test_share=0.2)


def _read(path: Path, size: int | None) -> ImageSet:
    """A user's own images."""
    if path.is_dir():
        return read_folder(path, size)
    if not path.exists():
        known = ", ".join(NAMED)
        raise UserError(
            f"data set must be one of {known}, or a folder, a .zip or an .npz of images; "
            f"there is neither a set nor a file named {str(path)!r}"
        )
    if path.suffix.lower() == ".zip":
        return read_zip(path, size)
    if path.suffix.lower() == ".npz":
        images = read_npz(path)
        return images if size is None else images.resized(size)
    raise UserError(f"a file of images must end in .zip or .npz, got {path}")
