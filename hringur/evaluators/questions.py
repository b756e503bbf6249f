"""Figures that a question tells at the end of each episode, collected over many of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float64

KNOWN = ("optimal_return", "reference_return")
"""Kept elsewhere."""


class QuestionRecorder:
    """Is called after every step of episodes side by side, and keeps what ended ones tell."""

    def __init__(self, env: Any = None) -> None:
        """The environment is not asked: what it tells stands in ``info``."""
        self._figures: dict[str, Float64[np.ndarray, " E"]] = {}

    def __call__(
        self,
        observation: Any,
        actions: np.ndarray,
        rewards: Float[np.ndarray, " E"],
        info: Mapping[str, Any],
        playing: Bool[np.ndarray, " E"],
    ) -> None:
        """Keep the figures of the episodes that have just ended."""
        for name, values in info.items():
            mark = info.get(f"_{name}")
            if mark is None or name in KNOWN or np.ndim(values) != 1:
                continue
            column = self._figures.setdefault(f"question/{name}", np.full(len(playing), np.nan))
            told = mark & playing
            column[told] = values[told]

    def figures(self) -> Mapping[str, Float64[np.ndarray, " E"]]:
        """Figures of each episode, by tag."""
        return self._figures
