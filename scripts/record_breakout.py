"""Record a game of Breakout for the page to play with: pictures, probabilities, points, lives.

python scripts/record_breakout.py runs/breakout

A picture is kept as what changed since the one before: runs of pixels in one colour. The page
plays it in ``hringur/play/static/breakout.js``.
"""

import json
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from jaxtyping import UInt8

from hringur.data.files import write_whole
from hringur.evaluation.films.film import probabilities_of
from hringur.evaluation.films.game import Game
from hringur.evaluators.episodes import HELD_OUT_SEED
from hringur.trained import load_trained

ENVIRONMENT = "ThreeActionBreakout-v0"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Whose game, and where to."""

    run: Annotated[Path, tyro.conf.Positional]
    """run folder of an agent"""

    seed: int = HELD_OUT_SEED
    """of the game"""

    most: int = 1_500
    """decisions, 15 a second"""

    output: Path = Path("hringur/play/static/breakout.json")
    """overwritten if it exists"""


def changes(before: UInt8[np.ndarray, " P"], now: UInt8[np.ndarray, " P"]) -> list[int]:
    """Runs of changed pixels that have one colour now: pixels skipped, length, colour, ..."""
    changed = np.flatnonzero(before != now)
    if not len(changed):
        return []
    new = (np.diff(changed) > 1) | (np.diff(now[changed].astype(int)) != 0)
    starts = changed[np.append(True, new)]
    ends = changed[np.append(new, True)] + 1
    skipped = starts - np.append(0, ends[:-1])
    return np.stack([skipped, ends - starts, now[starts]], axis=1).ravel().tolist()


def record(agent: Any, env_options: dict[str, Any], seed: int, most: int) -> dict[str, Any]:
    """Play with the likeliest actions; what ``breakout.json`` holds."""
    game = Game(
        ENVIRONMENT,
        env_options,
        lambda observation, _: agent.predict(observation, deterministic=True)[0],
        probabilities=probabilities_of(agent),
        seed=seed,
        max_steps=most,
    )
    moments = list(game)
    pictures = np.stack([moment.picture for moment in moments]).astype(np.uint32)
    coded = (pictures << np.array([16, 8, 0], dtype=np.uint32)).sum(axis=-1)  # one number a colour
    palette, indices = np.unique(coded, return_inverse=True)
    flat = indices.reshape(len(moments), -1).astype(np.uint8)
    before = chain([np.full_like(flat[0], 255)], flat)
    return {
        "options": {key: env_options[key] for key in ("sticky", "noop_max")} | {"seed": seed},
        "size": list(pictures.shape[2:0:-1]),
        "per_second": game.record.frames_per_second,
        "palette": [f"#{colour:06x}" for colour in palette.tolist()],
        "frames": [changes(old, new) for old, new in zip(before, flat, strict=False)],
        "percent": [[round(100 * p) for p in one] for one in game.record.chances],
        "actions": game.record.actions[:-1],
        "points": [round(score) for score in game.record.scores],
        "lives": game.record.lives,
    }


def main(options: Options) -> None:
    agent = load_trained(options.run, "cpu").learner
    found = record(agent, agent.env_options, options.seed, options.most)
    write_whole(options.output, json.dumps(found, separators=(",", ":")) + "\n")
    print(f"{options.output}: {len(found['frames'])} pictures, {found['points'][-1]} points")


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
