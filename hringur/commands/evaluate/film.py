"""What ``hringur evaluate RUN`` can do with an agent alone: a film, and actions that are drawn.

The modules that draw and write films are imported only with ``--video``, as they are slow to load.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hringur.commands.console import note
from hringur.evaluation.agents.scores import reseed
from hringur.trained import Trained
from hringur.types import UserError


def check_files(options: Any) -> None:
    """Refuse, before anything is loaded or played, files that could not be written."""
    output = options.output
    if output is not None:
        if output.exists():
            raise UserError(f"{output} exists already: choose another name")
        if not output.parent.is_dir():
            raise UserError(f"cannot write {output}: there is no folder {output.parent}")
    if options.video is not None:
        from hringur.evaluation.films.video import check_video

        check_video(options.video)


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
    """The files of the film of the first held-out episode, if ``--video`` asks for one."""
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
