"""``hringur evaluate RUN --video game.mp4``: the film of a trained agent, and what is beside it.

What draws and writes is imported only where a film is wanted; other evaluations need not wait.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hringur.commands.console import note
from hringur.evaluation.agents.scores import reseed
from hringur.trained import Trained
from hringur.types import UserError


def check_path(path: Path | None) -> None:
    """Refuse what no film can be written to, before anything is loaded or played."""
    if path is not None:
        from hringur.evaluation.films.video import check_video

        check_video(path)


def check_agent(trained: Trained, options: Any) -> None:
    """Refuse for a model of images what only an agent can do."""
    asked = ["--video"] if options.video is not None else []
    asked += ["--actions sampled"] if options.actions == "sampled" else []
    asked += ["--option"] if options.option else []
    if asked:
        raise UserError(f"{trained.name} is a model of images, no agent: it has no {asked[0]}")


def check_policy(trained: Trained, options: Any) -> None:
    """Refuse to draw actions where there is nothing to draw them from."""
    if options.actions == "sampled" and not getattr(trained.learner, "has_policy", True):
        raise UserError(f"{trained.name} knows values, not chances: it has no --actions sampled")


def film(trained: Trained, options: Any, env_options: Mapping[str, Any]) -> list[Path]:
    """The first held-out episode, if it is wanted: the film and the figures beside it."""
    if options.video is None:
        return []
    from hringur.evaluation.films.film import film_agent

    learner = trained.learner
    note(f"filming {learner.env_id} ...")
    reseed(learner, options.seed)
    game, written = film_agent(
        learner,
        learner.env_id,
        env_options,
        options.video,
        max_steps=options.video_steps,
        likeliest=options.actions == "likeliest",
    )
    note(f"a return of {game.score:g} after {len(game.actions) - 1:,} decisions")
    for path in written:
        note(f"written: {path}")
    return written
