"""Archives of arrays: their names and axes, and what is refused."""

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hringur.data import archives
from hringur.data.images.arrays import as_image_set
from hringur.data.images.image_set import ImageSet
from hringur.data.images.images import load_images
from hringur.types import UserError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (20, 5, 6), dtype=np.uint8)
LABELS = np.arange(20) % 3


@pytest.fixture
def stored(tmp_path):
    def store(**arrays):
        path = tmp_path / "pictures.npz"
        np.savez_compressed(path, **arrays)
        return str(path)

    return store


@pytest.mark.parametrize(
    "arrange",
    [
        lambda images: images,
        lambda images: images[:, None],
        lambda images: images[..., None],
    ],
)
def test_grey_images_in_any_order_of_axes(stored, arrange):
    images = load_images(stored(images=arrange(IMAGES), labels=LABELS))
    assert images.name == "pictures" and images.shape == (1, 5, 6)
    assert len(images.train) == 18 and len(images.test) == 2
    assert images.classes == ("0", "1", "2") and images.train_labels.dtype == np.int64
    for image, label in zip(images.train, images.train_labels, strict=True):
        (row,) = [k for k, original in enumerate(IMAGES) if (original == image[0]).all()]
        assert label == LABELS[row]


@pytest.mark.parametrize("last", [True, False])
def test_colour_images_get_their_channels_first(stored, last):
    pixels = RNG.integers(0, 256, (4, 3, 5, 6), dtype=np.uint8)
    images = load_images(stored(images=pixels.transpose(0, 2, 3, 1) if last else pixels))
    assert images.shape == (3, 5, 6) and images.train_labels is None and images.classes == ()
    assert all(any((image == one).all() for one in pixels) for image in images.train)


@pytest.mark.parametrize(
    "names",
    [
        ("train", "train_labels", "test", "test_labels"),
        ("x_train", "y_train", "x_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
    ],
)
def test_a_given_split_is_kept(stored, names):
    arrays = (IMAGES[:15], LABELS[:15], IMAGES[15:], LABELS[15:, None])
    images = load_images(stored(**dict(zip(names, arrays, strict=True)), classes=["a", "b", "c"]))
    assert (images.train[:, 0] == IMAGES[:15]).all() and (images.test[:, 0] == IMAGES[15:]).all()
    assert images.test_labels.tolist() == LABELS[15:].tolist()
    assert images.classes == ("a", "b", "c")


def test_size_is_kept_to(stored):
    assert load_images(stored(images=IMAGES), size=8).shape == (1, 8, 8)


@pytest.mark.parametrize(
    "arrays, told",
    [
        ({"pictures": IMAGES}, "needs an array 'images'.*it has 'pictures'"),
        ({"train": IMAGES}, "'train' and 'test'"),
        ({"images": IMAGES / 1.0}, r"bytes \(uint8.*floats in 0\.\.1, got float64 in 0\.\.255"),
        ({"images": IMAGES.astype(np.int64)}, r"bytes \(uint8.*got int64"),
        ({"images": (IMAGES > 127).astype(np.uint8)}, r"bytes in 0\.\.1, nearly black"),
        ({"images": IMAGES / 255 / 255}, r"got float64 in 0\.\.0\.0039.*, as if scaled twice"),
        ({"images": IMAGES / 255 * np.nan}, r"floats in 0\.\.1, got float64 in nan\.\.nan"),
        ({"images": IMAGES[0]}, r"axes N H W.*\(5, 6\)"),
        ({"images": np.zeros((4, 5, 5, 2), np.uint8)}, "1 or 3 channels"),
        ({"images": IMAGES[:1]}, "at least 2 images"),
        ({"images": IMAGES, "labels": LABELS[:-1]}, r"'labels' must hold 20.*\(19,\)"),
        ({"images": IMAGES, "labels": LABELS - 1}, r"class numbers in 0\.\..*got -1\.\.1"),
        ({"images": IMAGES, "labels": LABELS / 2}, "whole numbers, got float64"),
        ({"images": IMAGES, "labels": LABELS, "classes": ["a"]}, "1 names, but there is class 2"),
        ({"train": IMAGES, "test": IMAGES[:, :4]}, "train and test are"),
        ({"train": IMAGES, "test": IMAGES, "train_labels": LABELS}, "both of train and test"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(stored, arrays, told):
    with pytest.raises(UserError, match=told) as refused:
        load_images(stored(**arrays))
    assert "\n" not in str(refused.value) and "pictures.npz" in str(refused.value)


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("code of the archive was run",))


def test_code_in_an_archive_is_not_run(tmp_path):
    path = tmp_path / "trap.npz"
    np.savez(path, images=np.array([Trap(), Trap()], dtype=object))
    with pytest.raises(UserError, match=r"cannot read .*trap\.npz as an \.npz of plain numbers"):
        load_images(str(path))
    path.write_bytes(pickle.dumps(1))
    with pytest.raises(UserError, match="plain numbers"):
        load_images(str(path))


def test_a_damaged_archive_is_refused(stored):
    path = Path(stored(images=IMAGES))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"cannot read .*pictures\.npz"):
        load_images(str(path))


@pytest.mark.parametrize("letter", [0x110000, 0xFFFFFFFF])
def test_letters_that_are_none_are_refused(stored, letter):
    classes = np.frombuffer(np.full(2, letter, dtype="<u4").tobytes(), dtype="<U1")
    with pytest.raises(UserError, match=r"cannot read .*pictures\.npz: 'classes' as names"):
        load_images(stored(images=IMAGES[:2], labels=np.arange(2), classes=classes))


def test_an_archive_is_measured_before_it_is_unpacked(stored, monkeypatch):
    monkeypatch.setattr(archives, "MAX_ARCHIVE_BYTES", 10_000)
    path = stored(images=np.zeros((100, 20, 20), dtype=np.uint8))
    assert Path(path).stat().st_size < 10_000
    with pytest.raises(UserError, match=r"pictures\.npz unpacks to more than"):
        load_images(path)


@pytest.mark.parametrize("shape", [(2**63 - 80,), (64 * 10**15,), (5 * 10**9, 6, 6)])
def test_a_shape_that_no_memory_holds_is_refused(tmp_path, shape):
    path, entry = tmp_path / "vast.npz", io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(entry, header)
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("images.npy", entry.getvalue() + bytes(100))
    with pytest.raises(UserError, match=r"cannot read .*vast\.npz as an \.npz"):
        load_images(str(path))


def test_floats_in_0_to_1_become_bytes(stored):
    """Else they were read as nearly black."""
    images = load_images(stored(train=IMAGES / 255, test=(IMAGES / 255).astype(np.float32)))
    assert (images.train[:, 0] == IMAGES).all() and (images.test[:, 0] == IMAGES).all()
    direct = ImageSet("direct", IMAGES[:, None] / 255, IMAGES[:, None], None, None, ())
    assert direct.train.dtype == np.uint8 and (direct.train[:, 0] == IMAGES).all()
    with pytest.raises(UserError, match=r"direct: 'test' must hold.*got float64 in 0\.\.255"):
        ImageSet("direct", IMAGES[:, None], IMAGES[:, None] / 1.0, None, None, ())


@pytest.mark.parametrize(
    "given",
    [
        IMAGES,
        (IMAGES / 255).astype(np.float32)[:, None],
        torch.tensor(IMAGES)[..., None],
        torch.tensor(IMAGES / 255, requires_grad=True),
        [Image.fromarray(image) for image in IMAGES],
        list(IMAGES),
    ],
    ids=["bytes", "floats", "tensor", "tensor of floats", "PIL", "list of arrays"],
)
def test_images_in_memory_are_one_record_whatever_holds_them(given):
    images = as_image_set(given, LABELS.tolist(), name="mine")
    expected = as_image_set(IMAGES, LABELS)
    assert images.name == "mine" and images.classes == ("0", "1", "2")
    assert (len(images.train), len(images.test)) == (18, 2)
    for name in ("train", "test", "train_labels", "test_labels"):
        assert (getattr(images, name) == getattr(expected, name)).all(), name


def test_colour_images_of_pil_stay_in_colour_and_grey_ones_join_them():
    pixels = RNG.integers(0, 256, (2, 5, 6, 3), dtype=np.uint8)
    pictures = [Image.fromarray(pixels[0]), Image.fromarray(pixels[1]), Image.fromarray(IMAGES[0])]
    images = as_image_set(pictures, test=pictures[:1])
    assert images.train.shape == (3, 3, 5, 6)
    assert (images.train[:2] == pixels.transpose(0, 3, 1, 2)).all()
    assert (images.train[2] == IMAGES[0]).all()


def test_a_test_set_in_memory_is_kept():
    images = as_image_set(
        IMAGES[:15], LABELS[:15], test=IMAGES[15:], test_labels=LABELS[15:], classes=["a", "b", "c"]
    )
    assert (images.test[:, 0] == IMAGES[15:]).all() and len(images.train) == 15
    assert images.classes == ("a", "b", "c")


@pytest.mark.parametrize(
    "images, labels, told",
    [
        (IMAGES * 2.0, None, r"^'images' must hold bytes .* got float64"),
        (IMAGES[:1], None, "^at least 2 images are needed"),
        ([], None, "'images' must hold"),
        (IMAGES, LABELS[:-1], "^'labels' must hold 20 whole numbers"),
        ([IMAGES[0], IMAGES[0, :4]], None, "^'images' must hold arrays of one shape"),
        (
            [Image.new("L", (6, 5)), Image.new("L", (5, 6))],
            None,
            r"^images must be of one size: images\[1\] has 5 x 6 pixels, images\[0\] has 6 x 5",
        ),
        ([Image.new("F", (6, 5))] * 2, None, r"^images\[0\] must have 8 bits a channel"),
    ],
)
def test_what_cannot_be_images_is_refused_in_one_line(images, labels, told):
    with pytest.raises(UserError, match=told) as refused:
        as_image_set(images, labels)
    assert "\n" not in str(refused.value)
