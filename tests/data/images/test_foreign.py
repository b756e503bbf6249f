"""Data sets of other libraries: each gives the very pixels, labels and names that went in."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Subset, TensorDataset

from hringur.data.images.arrays import as_image_set
from hringur.types import UserError

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (20, 5, 6), dtype=np.uint8)
LABELS = np.arange(20) % 3
PICTURES = [Image.fromarray(one) for one in PIXELS]
NAMES = ["cat", "dog", "hen"]


class Torchvision:
    """As ``torchvision.datasets``: pairs by number, with names of the classes."""

    classes = NAMES

    def __init__(self, transform=lambda image: image):
        self.transform = transform

    def __len__(self):
        return len(PICTURES)

    def __getitem__(self, row):
        return self.transform(PICTURES[row]), int(LABELS[row])


class ClassLabel:
    names = NAMES


class HuggingFace:
    """As ``datasets.Dataset``: columns by name, rows by number."""

    def __init__(self, image="image", rows=slice(None), **more):
        self.columns = {image: PICTURES[rows], "label": LABELS[rows].tolist(), **more}
        self.column_names = list(self.columns)
        self.features = {"label": ClassLabel(), image: None}

    def __len__(self):
        return len(self.columns["label"])

    def __getitem__(self, key):
        if isinstance(key, str):
            return self.columns[key]
        return {name: column[key] for name, column in self.columns.items()}


class Rows:
    """A data set of mappings, which knows no columns."""

    def __len__(self):
        return len(PICTURES)

    def __getitem__(self, row):
        return {"img": PICTURES[row], "label": LABELS[row]}


def as_tensor(image):
    return torch.tensor(np.asarray(image) / np.float32(255))[None]


@pytest.mark.parametrize(
    "dataset, names",
    [
        ({"image": PIXELS, "label": LABELS}, None),
        ({"x": torch.tensor(PIXELS), "y": torch.tensor(LABELS), "remark": "none"}, None),
        ({"images": PICTURES, "labels": LABELS.tolist(), "classes": NAMES}, NAMES),
        (Torchvision(), NAMES),
        (Torchvision(as_tensor), NAMES),
        (TensorDataset(torch.tensor(PIXELS), torch.tensor(LABELS)), None),
        (Subset(Torchvision(), range(20)), None),
        (HuggingFace(), NAMES),
        (HuggingFace("img", sentence=["one"] * 20), NAMES),
        (Rows(), None),
        ({"train": HuggingFace()}, NAMES),
    ],
)
def test_a_tenth_of_any_data_set_is_held_out(dataset, names):
    found, plain = as_image_set(dataset), as_image_set(PIXELS, LABELS)
    np.testing.assert_array_equal(found.train, plain.train)
    np.testing.assert_array_equal(found.test_labels, plain.test_labels)
    assert found.classes == (tuple(names) if names else plain.classes)


@pytest.mark.parametrize("test", ["test", "validation"])
def test_splits_of_a_data_set_are_kept(test):
    early, late = slice(0, 14), slice(14, 20)
    found = as_image_set({"train": HuggingFace(rows=early), test: HuggingFace(rows=late)})
    np.testing.assert_array_equal(found.train[:, 0], PIXELS[early])
    np.testing.assert_array_equal(found.test[:, 0], PIXELS[late])
    np.testing.assert_array_equal(found.train_labels, LABELS[early])
    np.testing.assert_array_equal(found.test_labels, LABELS[late])
    assert found.classes == tuple(NAMES)


@pytest.mark.parametrize(
    "dataset, told",
    [
        ({}, "it has none"),
        ({"a": [1, 2], "b": 1}, "needs 'images', or 'train' and 'test'; it has 'a', 'b'"),
        (HuggingFace("picture"), "it has 'picture', 'label'"),
        ({"image": PIXELS, "label": LABELS[:3]}, "'labels' must hold 20 whole numbers"),
        (Torchvision(lambda image: 2 * as_tensor(image) - 1), "floats in 0..1, got float32 in -1"),
        ([(PICTURES[0], "cat"), (PICTURES[1], "dog")], "'labels' must hold 2 whole numbers"),
        (5, "'images' must hold bytes"),
    ],
)
def test_what_is_no_data_set_of_images_is_told(dataset, told):
    with pytest.raises(UserError) as refused:
        as_image_set(dataset)
    assert told in str(refused.value) and "\n" not in str(refused.value)


def test_a_data_set_brings_its_own_labels():
    with pytest.raises(UserError, match="a data set brings its own"):
        as_image_set(Torchvision(), LABELS)
