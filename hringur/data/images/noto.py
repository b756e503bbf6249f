"""Sprites of animals and foods: Noto Emoji, Google, Apache-2.0 (NOTICE)."""

from functools import cache
from importlib import resources
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64, UInt8


class Sprites(NamedTuple):
    """Pictures with their names and boxes."""

    name: tuple[str, ...]
    rgba: UInt8[np.ndarray, "K 32 32 4"]
    box: Int64[np.ndarray, "K 4"]
    """top, left, bottom, right of what is not transparent [pixels]"""


@cache
def noto_sprites() -> Sprites:
    """All of them; the arrays are shared and must not be changed."""
    with resources.files("hringur.data.images").joinpath("sprites/noto.npz").open("rb") as file:
        stored = np.load(file, allow_pickle=False)
        names, rgba, box = (stored[key] for key in ("name", "rgba", "bbox"))
    return Sprites(tuple(names.tolist()), rgba, box.astype(np.int64))
