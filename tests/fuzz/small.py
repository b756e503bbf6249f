"""What children would each do again, done once and smaller: data sets, schemas, entry points.

A named data set is cut to a few rows; one that is drawn takes seconds otherwise. Names, shapes,
classes, attributes and grammars stay. Files that a case brings are read as ever.
"""

import functools
import importlib
import importlib.metadata
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, TypeVar

import lightning_fabric.utilities.registry
import pydantic

from hringur import registry
from hringur.commands import rewrite
from hringur.data import trajectories
from hringur.data.images import domains, faces, images, scenes
from hringur.data.molecules import strings
from hringur.data.sentences import styles, words
from hringur.generative.models import attend_infer_repeat
from hringur.training.config import TrainerConfig

Set = TypeVar("Set")

ROWS = 300
"""Of each part, at most."""

IMPORTED = (
    *("huggingface_hub.hf_api", "huggingface_hub.errors", "sklearn.gaussian_process"),
    *("torch.profiler._cupti_monitor", "torch.onnx._internal.exporter._flags", "encodings.ascii"),
    *("tensorboard.plugins.hparams.metadata", "tensorboard.plugins.hparams.error"),
)
"""What single commands import."""


def prepare() -> None:
    """In this process, and so in its children."""
    for module in IMPORTED:
        importlib.import_module(module)
    use_small_sets()
    found = functools.cache(importlib.metadata.entry_points)
    asking: tuple[Any, ...] = (lightning_fabric.utilities.registry, registry)
    for asker in asking:
        asker.entry_points = found
    pydantic.TypeAdapter = functools.cache(pydantic.TypeAdapter)  # type: ignore[misc, assignment]
    for name in (*registry.learners(), *registry.models()):
        pydantic.TypeAdapter(registry.config_of(name))
    pydantic.TypeAdapter(TrainerConfig)


def use_small_sets() -> None:
    """Before anything has read them."""
    faces.TRAINING = faces.TEST = domains.DRAWN = domains.DRAWN_PAIRS = ROWS
    strings.EXPRESSIONS, strings.HELD_OUT = 2 * ROWS, ROWS
    attend_infer_repeat.HELD_OUT = attend_infer_repeat.UNSEEN = 20
    trajectories.load_trajectories.__defaults__ = (ROWS // 3, ROWS // 3)
    for name in ("mnist", "digits", "faces"):
        images.NAMED[name] = always(cut(images.NAMED[name](None)))
    scenes.mnist = always(images.NAMED["mnist"](None))
    tables: tuple[dict[str, Any], ...] = (domains.DOMAINS, strings.SETS, scenes.SCENES)
    for table in tables:
        for name, make in table.items():
            table[name] = always(cut(make()))
    for name, make in domains.DOMAINS.items():
        images.NAMED[name] = always(make().image_set())
    few = {name: cut(styles.load_sentences(name)) for name in ("verses", "topics")}
    load = or_few(few, styles.load_sentences)
    styles.load_sentences.cache_clear()
    for module in (styles, words, rewrite):
        module.load_sentences = load  # type: ignore[attr-defined]
    for whole in (strings.molecules, strings.expressions):  # a smaller process forks faster
        whole.cache_clear()


def always(made: Set) -> Callable[..., Set]:
    """A loader that hands out what was made before."""
    return lambda *_: made


def or_few(few: dict[str, Set], load: Callable[[str], Set]) -> Callable[[str], Set]:
    """Sets by name; a file's is loaded."""
    return lambda name: few[name] if name in few else load(name)


def cut(whole: Set) -> Set:
    """The first rows of each part of a data set, which is a dataclass."""
    parts = {field.name: getattr(whole, field.name) for field in fields(whole)}  # type: ignore[arg-type]
    names = ("name", "names", "classes", "attributes", "styles", "grammar")
    return replace(whole, **{k: first(v) for k, v in parts.items() if k not in names})  # type: ignore[type-var]


def first(part: Any) -> Any:
    """Rows of an array, of strings, or of each of several by name."""
    if isinstance(part, dict):
        return {name: first(one) for name, one in part.items()}
    rows = isinstance(part, tuple) or bool(getattr(part, "shape", None))
    return part[:ROWS] if rows else part
