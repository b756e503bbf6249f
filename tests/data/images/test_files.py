"""Folders and zips of images: what they say by where the files lie, and what is refused."""

import io
import os
import zipfile

import numpy as np
import pytest
from PIL import Image

from hringur.data.images import files as image_files
from hringur.data.images.domains import load_domains
from hringur.data.images.images import load_images
from hringur.types import UserError

RNG = np.random.default_rng(0)


def encoded(pixels, form="PNG", mode=None):
    image = Image.fromarray(pixels)
    content = io.BytesIO()
    (image.convert(mode) if mode else image).save(content, format=form)
    return content.getvalue()


def grey(value=None, size=(6, 6)):
    if value is not None:
        return encoded(np.full(size, value, dtype=np.uint8))
    return encoded(RNG.integers(0, 256, size, dtype=np.uint8))


def colour(value, size=(6, 6)):
    return encoded(np.full((*size, 3), value, dtype=np.uint8))


@pytest.fixture(params=["folder", "zip"])
def stored(request, tmp_path):
    """Writes files by name, and gives the path that holds them."""

    def store(files):
        if request.param == "zip":
            path = tmp_path / "pictures.zip"
            with zipfile.ZipFile(path, "w") as packed:
                for name, content in files.items():
                    packed.writestr(name, content)
            return str(path)
        for name, content in files.items():
            path = tmp_path / "pictures" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return str(tmp_path / "pictures")

    return store


def test_images_in_one_place_have_no_classes(stored):
    values = range(20)
    images = load_images(stored({f"{value:02d}.png": grey(value) for value in values}))
    assert images.name == "pictures" and images.shape == (1, 6, 6)
    assert len(images.test) == 2 and images.train_labels is None and images.classes == ()
    found = np.concatenate([images.train, images.test])
    assert sorted(found[:, 0, 0, 0].tolist()) == list(values)


def test_sub_folders_are_classes_and_what_is_no_image_is_left_out(stored):
    files = {f"top/cat/{k}.png": grey(10) for k in range(4)}
    files |= {f"top/dog/{k}.JPG": grey(200) for k in range(4)}
    files |= {"top/readme.txt": b"hello", "__MACOSX/top/cat/._0.png": b"x", "top/.x.png": b"x"}
    images = load_images(stored(files))
    assert images.classes == ("cat", "dog")
    every = np.concatenate([images.train, images.test])[:, 0, 0, 0]
    labels = np.concatenate([images.train_labels, images.test_labels])
    assert every.tolist() == np.where(labels == 0, 10, 200).tolist()


def test_train_and_test_are_taken_as_they_lie(stored):
    files = {f"train/{name}/{k}.png": grey(k) for name in "ab" for k in range(3)}
    files |= {f"test/{name}/{k}.png": grey(100 + k) for name in "ab" for k in range(2)}
    images = load_images(stored(files))
    assert (len(images.train), len(images.test)) == (6, 4)
    assert images.train_labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert images.test.max() == 101 and images.test.min() == 100
    assert images.classes == ("a", "b")


def test_a_class_in_only_one_of_train_and_test_is_refused(stored):
    files = {"train/a/1.png": grey(1), "train/b/2.png": grey(2), "test/a/3.png": grey(3)}
    with pytest.raises(UserError, match="class 'b' is in only one"):
        load_images(stored(files))


def test_an_image_beside_train_and_test_is_refused(stored):
    files = {"train/1.png": grey(1), "test/2.png": grey(2), "3.png": grey(3)}
    with pytest.raises(UserError, match=r"3\.png lies beside"):
        load_images(stored(files))


def test_one_colour_image_makes_all_of_them_colour(stored):
    images = load_images(stored({"1.png": grey(7), "2.png": colour((1, 2, 3)), "3.png": grey(9)}))
    every = np.concatenate([images.train, images.test])
    assert every.shape == (3, 3, 6, 6)
    assert sorted(every[:, :, 0, 0].tolist()) == [[1, 2, 3], [7, 7, 7], [9, 9, 9]]


def test_channels_come_first_and_rows_stay_rows(stored):
    pixels = RNG.integers(0, 256, (5, 4, 3), dtype=np.uint8)
    images = load_images(stored({"1.png": encoded(pixels), "2.png": encoded(pixels)}))
    assert images.shape == (3, 5, 4)
    assert (images.test[0].transpose(1, 2, 0) == pixels).all()


def test_a_photograph_stands_upright(stored):
    """Orientation 6 of a camera held upright: the first row of pixels is its right edge."""
    pixels, exif, packed = np.zeros((8, 16), dtype=np.uint8), Image.Exif(), io.BytesIO()
    pixels[:, :8], exif[0x0112] = 255, 6
    Image.fromarray(pixels).save(packed, "JPEG", exif=exif)
    images = load_images(stored({"1.jpg": packed.getvalue(), "2.jpg": packed.getvalue()}))
    assert images.shape == (1, 16, 8)
    assert images.train[0, 0, :8].min() > 200 and images.train[0, 0, 8:].max() < 50


@pytest.mark.parametrize("mode", ["RGBA", "P", "L", "LA", "1"])
def test_every_mode_of_8_bits_is_read(stored, mode):
    picture = encoded(np.zeros((6, 6, 3), dtype=np.uint8), mode=mode)
    images = load_images(stored({"1.png": picture, "2.png": picture}))
    assert images.shape[0] == (3 if mode in ("RGBA", "P") else 1) and images.train.max() == 0


def test_each_is_brought_to_the_size_asked_for(stored):
    images = load_images(stored({f"{k}.png": grey(50, (10, 14)) for k in range(3)}), size=8)
    assert images.shape == (1, 8, 8) and (images.train == 50).all()


def test_mixed_sizes_are_refused_by_file_name(stored):
    files = {"a.png": grey(), "b.png": grey(size=(6, 7)), "c.png": grey()}
    with pytest.raises(UserError, match=r"of one size: .*b\.png has 7 x 6 pixels, a\.png.*6 x 6"):
        load_images(stored(files))


def test_a_damaged_image_is_named(stored):
    whole = grey(size=(40, 40))
    with pytest.raises(
        UserError, match=r"cannot read .*b\.png as a PNG or JPEG image: .*truncated"
    ):
        load_images(stored({"a.png": whole, "b.png": whole[: len(whole) // 2]}))


def test_what_only_claims_to_be_an_image_is_named(stored):
    with pytest.raises(UserError, match=r"cannot read .*b\.jpg as a PNG or JPEG image"):
        load_images(stored({"a.png": grey(), "b.jpg": b"GIF89a and no image"}))


def test_sixteen_bits_are_refused(stored):
    deep = encoded(np.zeros((6, 6), dtype=np.uint16))
    with pytest.raises(UserError, match=r"a\.png must have 8 bits a channel, its mode is I;16"):
        load_images(stored({"a.png": deep, "b.png": deep}))


def test_fewer_than_two_images_are_refused(stored):
    with pytest.raises(UserError, match="at least 2 images.*it has 1"):
        load_images(stored({"a.png": grey(), "b.txt": b"x"}))


def test_a_picture_of_far_too_many_pixels_is_refused(stored, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(
        UserError, match=r"cannot read .*a\.png .*: Image size \(36 pixels\) exceeds"
    ):
        load_images(stored({"a.png": grey(), "b.png": grey()}))


def test_more_than_fits_into_memory_is_refused(stored, monkeypatch):
    monkeypatch.setattr(image_files, "MAX_SET_BYTES", 10_000)
    monkeypatch.setattr(image_files, "MAX_ARCHIVE_BYTES", 10_000)
    assert len(load_images(stored({f"{k}.png": grey(0, (50, 50)) for k in range(4)})).train) == 3
    with pytest.raises(UserError, match="4 images of 60 x 50 pixels are more than"):
        load_images(stored({f"{k}.png": grey(0, (50, 60)) for k in range(4)}))


def test_a_damaged_zip_is_refused(tmp_path):
    path = tmp_path / "x.zip"
    path.write_bytes(b"PK\x03\x04 and nothing more")
    with pytest.raises(UserError, match=r"cannot read .*x\.zip as a zip"):
        load_images(str(path))


def test_a_zip_with_a_flipped_bit_names_the_file(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("a.png", grey())
        packed.writestr("b.png", grey())
    content = bytearray(path.read_bytes())
    content[content.index(b"a.png") + 60] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"cannot read .*x\.zip/a\.png: Bad CRC"):
        load_images(str(path))


def test_a_huge_entry_of_a_zip_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(image_files, "MAX_FILE_BYTES", 20)
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("a.png", grey())
        packed.writestr("b.png", grey())
    with pytest.raises(UserError, match=r"x\.zip: a\.png unpacks to 0 MiB, at most"):
        load_images(str(path))


def test_names_of_folders_cannot_steer_a_terminal(stored):
    images = load_images(stored({f"{name}/{k}.png": grey() for name in "a\x1b" for k in range(3)}))
    assert images.classes == (r"\x1b", "a")


def test_an_entry_without_a_name_and_deep_folders_do_no_harm(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(zipfile.ZipInfo(""), b"")
        for k in range(3):
            packed.writestr("d/" * 20_000 + f"{k}.png", grey())
    assert load_images(str(path)).classes == ()


def test_a_pipe_among_the_images_is_refused(tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(grey())
    os.mkfifo(tmp_path / "c.png")
    with pytest.raises(UserError, match=r"cannot read .*c\.png: it is a pipe or a device"):
        load_images(str(tmp_path))
    for name in ("x" * 300, ""):  # an empty one is not the present folder
        with pytest.raises(UserError, match=f"neither a set nor a file named '{name}'"):
            load_images(name)
        with pytest.raises(UserError, match=f"neither a set nor a folder named '{name}'"):
            load_domains(name)


def test_large_images_need_a_size(stored, tmp_path):
    path = stored({f"{k}.png": grey(0, (600, 20)) for k in range(3)})
    with pytest.raises(UserError, match=r"0\.png has 20 x 600 pixels, at most 512 to a side"):
        load_images(path)
    assert load_images(path, 8).shape == (1, 8, 8)
    np.savez(tmp_path / "large.npz", images=np.zeros((3, 20, 600), dtype=np.uint8))
    with pytest.raises(UserError, match=r"large\.npz has 600 x 20 pixels"):
        load_images(str(tmp_path / "large.npz"))
