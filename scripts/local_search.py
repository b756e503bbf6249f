"""Nearly shortest round trips in milliseconds, to learn from, and for proofs to begin with.

Iterated local search by or_opt.c: 2-opt and or-opt, kicked by double bridges. A C compiler
(``cc``) is needed.
"""

import ctypes
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64


def nearly_shortest(
    distance: Float64[np.ndarray, "B N N"], kicks: int, seed: int
) -> Int64[np.ndarray, "B N"]:
    """A round trip of each instance, of symmetric distances between up to 256 places."""
    batch, n = distance.shape[:2]
    if n > 256:
        raise ValueError(f"at most 256 places, got {n}")
    distance = np.ascontiguousarray(distance, dtype=np.float64)
    tour = np.tile(np.arange(n, dtype=np.int32), (batch, 1))
    pointers = (ctypes.c_void_p(array.ctypes.data) for array in (distance, tour))
    _library().improve(*pointers, batch, n, kicks, ctypes.c_uint64(seed))
    return tour.astype(np.int64)


@cache
def _library() -> ctypes.CDLL:
    """or_opt.c, compiled for this process."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "or_opt.so"
        source = Path(__file__).with_name("or_opt.c")
        subprocess.run(["cc", "-O3", "-shared", "-fPIC", "-o", library, source], check=True)
        return ctypes.CDLL(str(library))
