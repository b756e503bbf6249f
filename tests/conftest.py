"""One thread, no window and fixed seeds for every test."""

import gc
import os

# Before NumPy and torch are imported, which read it once.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")

import importlib
import random
from contextlib import suppress

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
