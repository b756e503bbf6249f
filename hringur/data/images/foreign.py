"""Data sets of other libraries: dictionaries, and what acts as torchvision's or Hugging Face's.

They are told by their habits, and no such library is imported: a mapping of names,
``column_names``, or ``len`` and items that are pairs (image, class) or mappings.
"""

from collections.abc import Mapping
from typing import Any

from hringur.types import UserError

ALIASES = {
    "images": ("images", "x", "image", "img", "pixel_values"),
    "labels": ("labels", "y", "label", "target", "targets"),
    "train": ("train", "x_train", "train_images"),
    "test": ("test", "x_test", "test_images", "validation"),
    "train_labels": ("train_labels", "y_train"),
    "test_labels": ("test_labels", "y_test"),
    "classes": ("classes",),
}
"""Names under which an array, or a column, may lie."""


def named(columns: Mapping[str, Any]) -> dict[str, Any]:
    """What lies under one of its names, by the first of them."""
    return {
        name: columns[found[0]]
        for name, aliases in ALIASES.items()
        if (found := [alias for alias in aliases if alias in columns])
    }


def parts_of(dataset: Any) -> dict[str, Any] | None:
    """Images, labels and classes by the first of their names; None of an array or a sequence.

    Raises:
        UserError: no images are among its names.
    """
    if isinstance(dataset, Mapping):
        parts, present = _with_splits(named(dataset)), list(dataset)
    elif hasattr(dataset, "column_names"):
        parts, present = _columns(dataset), list(dataset.column_names)
    elif hasattr(dataset, "__array__") or not hasattr(dataset, "__getitem__") or not len(dataset):
        return None
    else:
        first = dataset[0]
        if not isinstance(first, Mapping | tuple):
            return None
        rows = [dataset[row] for row in range(len(dataset))]
        if isinstance(first, tuple):
            parts = dict(zip(("images", "labels"), zip(*rows, strict=False), strict=False))
        else:
            parts = named({name: [row[name] for row in rows] for name in first})
        parts |= {"classes": dataset.classes} if hasattr(dataset, "classes") else {}
        present = list(first) if isinstance(first, Mapping) else []
    if "images" not in parts and not {"train", "test"} <= parts.keys():
        names = ", ".join(map(repr, present)) or "none"
        raise UserError(f"a data set needs 'images', or 'train' and 'test'; it has {names}")
    return parts


def _columns(dataset: Any) -> dict[str, Any]:
    """The columns that count, of a table as Hugging Face has it, with the names of its classes."""
    names = named({name: name for name in dataset.column_names})
    parts = {part: dataset[name] for part, name in names.items()}
    classes = getattr((dataset.features or {}).get(names.get("labels")), "names", None)
    return parts | ({} if classes is None else {"classes": classes})


def _with_splits(parts: dict[str, Any]) -> dict[str, Any]:
    """Splits that are data sets themselves, taken apart; without a test, of the training alone."""
    for split in {"train", "test"} & parts.keys():
        if (inner := parts_of(parts[split])) is not None:
            own = {"images": split, "labels": f"{split}_labels", "classes": "classes"}
            parts |= {own[name]: inner[name] for name in own.keys() & inner.keys()}
    if "train" in parts and "test" not in parts:
        alone = {"train": "images", "train_labels": "labels"}
        parts = {alone.get(name, name): value for name, value in parts.items()}
    return parts
