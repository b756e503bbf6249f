"""A run on Breakout, small enough to be made in a moment."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hringur.agents.reinforce.agent import Reinforce
from hringur.agents.sb3.learner import SB3Learner
from tests.commands.tiny_runs import train

BREAKOUT = ["--env=ThreeActionBreakout-v0", "--seed=3"]
EASED = ["--option", "frame_size=42", "max_frames=800", "life_loss=True", "clip_reward=True"]


@contextmanager
def unmeasured() -> Iterator[None]:
    """Training without its last evaluation, which would load the cartridge a hundred times."""
    with pytest.MonkeyPatch.context() as patch:
        for learner in (Reinforce, SB3Learner):
            patch.setattr(learner, "evaluate", lambda self: {})
        yield


def train_on_breakout(folder: Path, name: str = "reinforce", *options: str) -> Path:
    """The run folder."""
    with unmeasured():
        assert train(name, folder, *BREAKOUT, *(options or ["--steps=2"]), *EASED) == 0
    return folder
