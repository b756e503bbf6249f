"""A window for ``render_mode="human"``, by pygame."""

import os
from typing import Any

import numpy as np
from jaxtyping import UInt8

from hringur.types import MissingExtra


class Window:
    """Opens at the first frame; closing it is fine, the next frame opens it again."""

    def __init__(self) -> None:
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
        try:
            import pygame
        except ImportError as missing:
            raise MissingExtra("render_mode 'human'", "human") from missing
        self._pygame = pygame
        self._screen: Any = None
        self._clock = pygame.time.Clock()

    def show(self, frame: UInt8[np.ndarray, "height width 3"], frames_per_second: int) -> None:
        """Show one frame, then wait until it is time for the next."""
        pygame = self._pygame
        if self._screen is None:
            pygame.display.init()
            pygame.display.set_caption("Hringur")
            self._screen = pygame.display.set_mode((frame.shape[1], frame.shape[0]))
        pygame.event.pump()
        pygame.surfarray.blit_array(self._screen, frame.swapaxes(0, 1))
        pygame.display.flip()
        self._clock.tick(frames_per_second)

    def close(self) -> None:
        """Close the window, if it is open."""
        if self._screen is not None:
            self._pygame.display.quit()
            self._screen = None
