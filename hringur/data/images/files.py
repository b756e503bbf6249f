"""A folder of images, or a zip of such a folder: PNG and JPEG, read by Pillow.

Where images lie says what they are:

- all in one folder: no classes; one tenth is held out;
- each in one of several sub-folders: the sub-folders are the classes;
- sub-folders ``train`` and ``test``: that split, with classes below them or without;
- ``attributes.csv`` beside them: which image has which attribute (``attributes.py``).

All must be equally high and wide. They are grey if all of them are, else all become colour.
"""

import io
import warnings
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Int64, UInt8
from PIL import Image, ImageOps

from hringur.data.archives import MAX_ARCHIVE_BYTES, check_unpacked
from hringur.data.files import check_file, read_bytes, reading
from hringur.data.images.attributes import FILE, parse_attributes
from hringur.data.images.image_set import (
    Attributes,
    ImageSet,
    check_side,
    held_out_split,
    resized,
    split,
)
from hringur.types import UserError, printable

SUFFIXES = (".png", ".jpg", ".jpeg")
GREY = ("1", "L", "LA")
COLOUR = ("P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV")
"""Pillow's modes with 8 bits a channel; transparency is dropped."""

MAX_FILE_BYTES = 1 << 26
"""A file beyond that is no image of a small set: 64 MiB."""

MAX_SET_BYTES = 1 << 32
"""All pixels together lie in memory: 4 GiB."""


@dataclass(frozen=True)
class _Source:
    """Where image files come from."""

    name: str
    where: str
    """the path, for messages"""
    read: Callable[[PurePosixPath], bytes]
    most: int
    """bytes of all pixels together"""


def read_folder(path: Path, size: int | None = None) -> ImageSet:
    """The images of a folder and its sub-folders; see the module.

    Raises:
        UserError: there are fewer than 2 images, they are of mixed sizes, or one is damaged.
    """
    with reading(path):
        files = [PurePosixPath(file.relative_to(path).as_posix()) for file in path.rglob("*")]

    def read(file: PurePosixPath) -> bytes:
        return read_bytes(path / file, MAX_FILE_BYTES)

    name = printable(path.resolve().name) or "images"
    return _image_set(_Source(name, str(path), read, MAX_SET_BYTES), files, size)


def read_zip(path: Path, size: int | None = None) -> ImageSet:
    """The images of a zip of such a folder; nothing is unpacked onto the disk.

    Raises:
        UserError: as ``read_folder``; or the zip is damaged or encrypted.
    """
    check_file(path, MAX_ARCHIVE_BYTES)
    with reading(path, "a zip"):
        packed = zipfile.ZipFile(path)
    with packed:
        entries = {
            PurePosixPath(entry.filename): entry
            for entry in packed.infolist()
            if not entry.filename.endswith("/")
        }

        def read(file: PurePosixPath) -> bytes:
            check_unpacked(path, entries[file], MAX_FILE_BYTES)
            with reading(f"{path}/{file}"):
                return packed.read(entries[file])

        source = _Source(printable(path.stem), str(path), read, MAX_ARCHIVE_BYTES)
        return _image_set(source, entries, size)


def read_image(path: Path) -> UInt8[np.ndarray, "C H W"]:
    """The pixels of one PNG or JPEG file.

    Raises:
        UserError: there is none, or it is damaged.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    return _decoded(content, str(path))


def _image_set(source: _Source, files: Iterable[PurePosixPath], size: int | None) -> ImageSet:
    files = list(files)
    images = sorted(file for file in files if _is_image(file))
    if len(images) < 2:
        raise UserError(
            f"{source.where} needs at least 2 images ({', '.join(SUFFIXES)}), it has {len(images)}"
        )
    below = _without_common_folder(images)
    named = ((f"{source.where}/{file}", file) for file in images)
    decoded = ((where, _decoded(source.read(file), where)) for where, file in named)
    pixels = stacked(decoded, len(images), size, source.most)
    attributes = _attributes(source, files, images)
    if {path.parts[0].lower() for path in below if len(path.parts) > 1} == {"train", "test"}:
        return _split_by_folder(source, below, pixels, attributes)
    labels, classes = _classes_of(below)
    return held_out_split(source.name, pixels, labels, classes, attributes=attributes)


def _attributes(
    source: _Source, files: list[PurePosixPath], images: list[PurePosixPath]
) -> Attributes | None:
    """What the table beside the images says, if there is one."""
    tables = [file for file in files if file.name == FILE]
    if len(tables) > 1:
        raise UserError(f"{source.where} must have one {FILE}, it has {len(tables)}")
    if not tables:
        return None
    below = tables[0].parent
    outside = [file for file in images if not file.is_relative_to(below)]
    if outside:
        raise UserError(f"{source.where}: {outside[0]} lies outside the folder of {tables[0]}")
    names = [file.relative_to(below).as_posix() for file in images]
    return parse_attributes(source.read(tables[0]), names, f"{source.where}/{tables[0]}")


def _is_image(file: PurePosixPath) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in file.parts)
    return file.suffix.lower() in SUFFIXES and not hidden


def _without_common_folder(files: list[PurePosixPath]) -> list[PurePosixPath]:
    """Paths below the deepest folder that holds them all."""
    parts = [file.parts for file in files]
    most = min(map(len, parts)) - 1
    depth = next((k for k in range(most) if len({path[k] for path in parts}) > 1), most)
    return [PurePosixPath(*path[depth:]) for path in parts]


def _classes_of(
    files: list[PurePosixPath],
) -> tuple[Int64[np.ndarray, " N"] | None, tuple[str, ...]]:
    """The class of each image by its first folder; None if some lie in no folder."""
    folders = [file.parts[0] if len(file.parts) > 1 else None for file in files]
    if None in folders:
        return None, ()
    classes = sorted({str(folder) for folder in folders})
    number = {name: k for k, name in enumerate(classes)}
    labels = np.array([number[str(folder)] for folder in folders], dtype=np.int64)
    return labels, tuple(map(printable, classes))


def _split_by_folder(
    source: _Source,
    files: list[PurePosixPath],
    pixels: UInt8[np.ndarray, "N C H W"],
    attributes: Attributes | None,
) -> ImageSet:
    stray = [file for file in files if len(file.parts) == 1]
    if stray:
        raise UserError(f"{source.where}: {stray[0]} lies beside the folders train and test")
    inside = [PurePosixPath(*file.parts[1:]) for file in files]
    labels, classes = _classes_of(inside)
    held_out = np.array([file.parts[0].lower() == "test" for file in files])
    if labels is not None:
        unknown = set(labels[held_out].tolist()) ^ set(labels[~held_out].tolist())
        if unknown:
            name = classes[min(unknown)]
            raise UserError(f"{source.where}: class {name!r} is in only one of train and test")
    return split(source.name, pixels, labels, classes, attributes, held_out)


def stacked(
    images: Iterable[tuple[str, UInt8[np.ndarray, "C H W"]]],
    count: int,
    size: int | None = None,
    most: int = MAX_SET_BYTES,
) -> UInt8[np.ndarray, "N C H W"]:
    """All ``count`` images as one array; each is brought to ``size`` at once, to save memory.

    Args:
        images: each with its name in messages.
        count: of the images.
        size: pixels to bring them to; None leaves them as they are.
        most: bytes that all pixels may take.

    Raises:
        UserError: they are of several sizes, or too many.
    """
    pixels, first, first_shape = np.empty((0, 0, 0, 0), dtype=np.uint8), "", None
    for k, (where, image) in enumerate(images):
        if first_shape is None:
            first, first_shape = where, image.shape[1:]
            if size is None:
                check_side(first_shape, where)
        if image.shape[1:] != first_shape:
            raise UserError(
                f"images must be of one size: {where} has {_size(image.shape[1:])} pixels, "
                f"{PurePosixPath(first).name} has {_size(first_shape)}"
            )
        if size is not None:
            image = resized(image[None], size)[0]
        if len(image) > pixels.shape[1]:  # the first image, or the first in colour
            if count * image.nbytes > most:
                raise UserError(
                    f"{count} images of {_size(image.shape[1:])} pixels are "
                    f"more than {most / 2**30:g} GiB; bring them to a smaller size"
                )
            before, pixels = pixels, np.empty((count, *image.shape), dtype=np.uint8)
            if k:
                pixels[:k] = before[:k]
        pixels[k] = image
    return pixels


def pixels_of(image: Image.Image, where: str) -> UInt8[np.ndarray, "C H W"]:
    """The pixels of a PIL image, grey or in colour; ``where`` begins the message.

    Raises:
        UserError: it has not 8 bits a channel.
    """
    if image.mode not in GREY + COLOUR:
        raise UserError(f"{where} must have 8 bits a channel, its mode is {image.mode}")
    if image.mode in GREY:
        return np.array(image.convert("L"))[None]
    return np.ascontiguousarray(np.array(image.convert("RGB")).transpose(2, 0, 1))


def _decoded(content: bytes, where: str) -> UInt8[np.ndarray, "C H W"]:
    """The pixels of one file."""
    with reading(where, "a PNG or JPEG image"), warnings.catch_warnings():
        warnings.simplefilter("error")  # a picture of too many pixels, a damaged profile
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
            return pixels_of(ImageOps.exif_transpose(image), where)


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]}"
