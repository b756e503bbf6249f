"""A single environment that can be watched: everything that does not depend on what is played."""

import os
from abc import ABC, abstractmethod
from typing import Any

import gymnasium as gym
import numpy as np
from jaxtyping import UInt8

from hringur.types import MissingExtra, UserError

RENDER_MODES = ["human", "rgb_array"]


class SingleEnv(gym.Env, ABC):
    """Render modes and window of one environment, and the words that films and tables use.

    An environment of one's own may have the same three attributes, or any of them.
    """

    action_names: tuple[str, ...] = ()
    """of each action of a Discrete space; empty: their numbers"""

    time_unit: str = "decision"
    """what passes in a step; "s" stands for seconds of play, at ``render_fps`` steps a second"""

    reference_name: str = "reference"
    """the policy whose return ``info["reference_return"]`` tells"""

    def __init__(self, render_mode: str | None) -> None:
        if render_mode not in (None, *RENDER_MODES):
            raise UserError(
                f"render_mode must be None or one of {', '.join(RENDER_MODES)}, got {render_mode!r}"
            )
        self.render_mode = render_mode
        self._begun, self._ended = False, True
        # Made here, so that a missing pygame is refused before the first frame.
        self._window = Window() if render_mode == "human" else None

    @abstractmethod
    def _frame(self) -> UInt8[np.ndarray, "height width 3"]:
        """The present picture."""

    def _check_begun(self, what: str) -> None:
        if not self._begun:
            raise gym.error.ResetNeeded(f"call reset() before {what}()")

    def _check_running(self) -> None:
        if self._ended:
            raise gym.error.ResetNeeded("call reset() before step()")

    def render(self) -> UInt8[np.ndarray, "height width 3"] | None:
        """The present picture, as pixels (``rgb_array``) or in a window (``human``)."""
        if self.render_mode is None:
            gym.logger.warn("render() needs a render_mode: gymnasium.make(..., render_mode=...)")
            return None
        self._check_begun("render")
        if self.render_mode == "human":
            self._show()
            return None
        return self._frame()

    def _show(self) -> None:
        if self._window is not None:
            self._window.show(self._frame(), self.metadata["render_fps"])

    def close(self) -> None:
        """Close the window, if there is one; closing twice is fine."""
        if self._window is not None:
            self._window.close()

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the window, which cannot be pickled: a copy plays on without one."""
        return self.__dict__ | {"_window": None}


def told(names: tuple[str, ...]) -> str:
    """Actions in a message: "0 (left), 1 (wait) or 2 (right)"."""
    *others, last = [f"{number} ({name.lower()})" for number, name in enumerate(names)]
    return f"{', '.join(others)} or {last}"


class Window:
    """A window by pygame; it opens at the first frame, and again at the next one if closed."""

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
