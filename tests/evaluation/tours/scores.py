import numpy as np

from hringur.evaluation.tours.scores import Score


def score(name, gap, kind="heuristic", decoding="", seconds=1.0, held_out="toy"):
    """A score of tours around an optimum of 100 km."""
    gap = np.asarray(gap, dtype=float)
    return Score(
        name=name,
        kind=kind,
        held_out=held_out,
        decoding=decoding,
        length=100 * (1 + gap),
        optimal=np.full(len(gap), 100.0),
        seconds=seconds,
        command=f"measure {name}",
    )
