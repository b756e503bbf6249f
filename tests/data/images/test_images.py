"""Data sets by name, and images brought to a size."""

import numpy as np
import pytest
from PIL import Image

from hringur.data.images.image_set import ImageSet, held_out_split, resized
from hringur.data.images.images import load_images
from hringur.types import UserError


@pytest.fixture(scope="module")
def mnist():
    return load_images("mnist")


def test_mnist_is_whole(mnist):
    assert mnist.train.shape == (60_000, 1, 28, 28) and mnist.test.shape == (10_000, 1, 28, 28)
    assert mnist.shape == (1, 28, 28) and mnist.classes == tuple("0123456789")
    # published counts, and the first labels of the original files
    assert np.bincount(mnist.train_labels).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    assert np.bincount(mnist.test_labels).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    assert mnist.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert mnist.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert mnist.train.mean() / 255 == pytest.approx(0.1307, abs=1e-4)  # as is often quoted


def test_the_digits_of_scikit_learn_are_all_there():
    from sklearn.datasets import load_digits

    original = load_digits()
    digits = load_images("digits")
    assert digits.shape == (1, 8, 8)
    assert len(digits.train) + len(digits.test) == len(original.images)
    again = np.concatenate([digits.train, digits.test])[:, 0] * (16 / 255)
    ours = sorted(map(bytes, np.rint(again).astype(np.uint8)))
    assert ours == sorted(map(bytes, original.images.astype(np.uint8)))
    labels = np.concatenate([digits.train_labels, digits.test_labels])
    assert np.bincount(labels).tolist() == np.bincount(original.target).tolist()


@pytest.mark.parametrize("size", [5, 14, 20, 28, 33, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_resizing_agrees_with_pillow(size, channels):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, channels, 28, 28), dtype=np.uint8)
    ours = resized(images, size)
    assert ours.shape == (3, channels, size, size) and ours.dtype == np.uint8
    for image, small in zip(images.reshape(-1, 28, 28), ours.reshape(-1, size, size), strict=True):
        pillow = Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR)
        # Pillow rounds after each of its two passes
        assert np.abs(np.asarray(pillow).astype(int) - small).max() <= 1


def test_resizing_keeps_the_middle_square():
    images = np.zeros((2, 1, 4, 8), dtype=np.uint8)
    images[:, :, :, 2:6] = 200
    assert (resized(images, 4) == 200).all() and (resized(images, 12) == 200).all()
    assert (resized(images.transpose(0, 1, 3, 2), 4) == 200).all()


def test_many_images_are_resized_chunk_by_chunk():
    images = np.random.default_rng(0).integers(0, 256, (1500, 1, 6, 6), dtype=np.uint8)
    assert (resized(images, 9)[1400:] == resized(images[1400:], 9)).all()


def test_a_set_can_be_brought_to_colour_size_without_change_of_record(mnist):
    few = ImageSet("few", mnist.train[:5], mnist.test[:2], None, None, ())
    assert few.resized(64).shape == (1, 64, 64)
    assert few.resized(64).train.shape == (5, 1, 64, 64)


def test_the_split_holds_out_a_share_always_the_same_and_loses_nothing():
    images = np.arange(50, dtype=np.uint8).reshape(50, 1, 1, 1)
    labels = np.arange(50, dtype=np.int64)
    one, again = (held_out_split("x", images, labels, ("a",) * 50) for _ in range(2))
    assert len(one.test) == 5 and (one.test == again.test).all()
    assert sorted(np.concatenate([one.train, one.test]).ravel().tolist()) == list(range(50))
    assert (one.train.ravel() == one.train_labels).all()
    assert (one.test.ravel() == one.test_labels).all()
    assert len(held_out_split("y", images[:2], None, ()).test) == 1


@pytest.mark.parametrize("size", [0, 3, 513, -1])
def test_a_size_out_of_range_is_refused(size):
    with pytest.raises(UserError, match=rf"4\.\.512 pixels, got {size}"):
        load_images("mnist", size)


def test_an_unknown_data_set_is_refused_and_the_known_ones_are_told(tmp_path):
    with pytest.raises(UserError, match="mnist, digits, fashion-mnist.*neither.*'minst'"):
        load_images("minst")
    (tmp_path / "images.tar").write_bytes(b"x")
    with pytest.raises(UserError, match=r"must end in \.zip or \.npz"):
        load_images(str(tmp_path / "images.tar"))
