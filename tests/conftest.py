"""One thread, no window and fixed seeds for every test."""

import gc
import os

# Before NumPy and torch are imported, which read it once.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")

import random

# Before the package is: while jaxtyping instruments a module, Python looks for the bytecode of all
# that it imports under another name, finds none, and would compile these libraries anew.
import lightning_fabric  # noqa: F401
import matplotlib.pyplot
import numpy as np
import pytest
import scipy.stats  # noqa: F401
import sklearn.mixture  # noqa: F401
import stable_baselines3  # noqa: F401
import torch

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
