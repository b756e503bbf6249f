"""States of the shared random streams: torch's (CPU and CUDA), NumPy's and Python's."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from hringur.types import State


def seed_everything(seed: int) -> None:
    """Start all shared random streams from ``seed`` [0 .. 2**32 - 1]."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def random_state() -> State:
    """The states of the streams; CUDA's only once a GPU is in use."""
    return {
        "python": random.getstate(),
        "numpy": np.random.get_state(legacy=False),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
    }


def restore_random_state(state: State) -> None:
    """Go on from ``state``; CUDA's streams only where as many GPUs are present as then."""
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    torch.set_rng_state(state["torch"])
    if state["cuda"] and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])


@contextmanager
def undisturbed() -> Iterator[None]:
    """Whatever is drawn inside, the streams go on afterwards as if nothing had been."""
    state = random_state()
    try:
        yield
    finally:
        restore_random_state(state)
