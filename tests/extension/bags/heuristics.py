"""Tours without thought."""

import numpy as np


def in_order(distance: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
    """Every place after the one before it in the table."""
    batch, n = distance.shape[:2]
    first = np.zeros(batch, dtype=np.int64) if start is None else start
    return (first[:, None] + np.arange(n)) % n
