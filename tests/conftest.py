"""One thread, no window and fixed seeds for every test."""

import gc
import os

# Before NumPy and torch are imported, which read it once.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")

import importlib
import inspect
import random
from contextlib import suppress
from typing import get_args

import jaxtyping
import matplotlib
import numpy as np
import pytest
import torch

# Before the package is: while jaxtyping instruments a module, Python looks for the bytecode of all
# that it imports under another name, finds none, and would compile these libraries anew.
for name in (
    "lightning_fabric",
    "matplotlib.pyplot",
    "scipy.stats",
    "sklearn.mixture",
    "stable_baselines3",
):
    with suppress(ImportError):  # of an extra
        importlib.import_module(name)

matplotlib.use("Agg")


def shapes_or_types(*, typechecker):
    """Check types and shapes, as jaxtyping does; of a function without arrays the types alone.

    Three calls of five are of such ones, and take a tenth of the time without looking for shapes.
    """

    def check(function):
        hints = getattr(function, "__annotations__", {}).values()
        if inspect.isfunction(function) and not any(map(has_shape, hints)):
            return typechecker(function)
        return both(function, typechecker=typechecker)

    return check


def has_shape(hint):
    """Whether an array is in an annotation, or may be: some annotations are strings."""
    array = inspect.isclass(hint) and issubclass(hint, jaxtyping.AbstractArray)
    return isinstance(hint, str) or array or any(map(has_shape, get_args(hint)))


# What the import hook that pyproject.toml asks for puts above all that is defined in the package.
both, jaxtyping.jaxtyped = jaxtyping.jaxtyped, shapes_or_types

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def fixed_seeds():
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


def pytest_collection_finish():
    """The collector leaves alone what has been imported: it would walk all of it many times."""
    gc.collect()
    gc.freeze()
