"""Archives of arrays: their names and axes, and what is refused."""

import pickle
from pathlib import Path

import numpy as np
import pytest

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
        ({"images": IMAGES / 255}, r"bytes \(uint8.*float64.*multiplied by 255"),
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
    with pytest.raises(UserError, match=r"trap\.npz cannot be read as an \.npz of plain numbers"):
        load_images(str(path))
    path.write_bytes(pickle.dumps(1))
    with pytest.raises(UserError, match="plain numbers"):
        load_images(str(path))


def test_a_damaged_archive_is_refused(stored):
    path = Path(stored(images=IMAGES))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"pictures\.npz cannot be read"):
        load_images(str(path))
