"""``hringur evaluate RUN`` where the run is of no tours: whole episodes, beside the best known."""

import shlex
from pathlib import Path
from typing import Any

from hringur.agents.yardstick import EpisodeYardstick, yardstick_for
from hringur.commands.console import json_text, note, print_json, show
from hringur.commands.runs import Trained
from hringur.data.files import write_whole
from hringur.evaluation.episode_scores import (
    EpisodeScore,
    measure_learner,
    random_decider,
    references,
    table,
)


def main(trained: Trained, options: Any, arguments: list[str]) -> None:
    """Play, compare with the optimum and with random actions, print."""
    settings, episodes = trained.settings, options.episodes
    assert settings is not None, "only agents of tours are saved without"
    yardstick = yardstick_for(settings.env, settings.env_options, episodes)
    assert isinstance(yardstick, EpisodeYardstick)
    note(f"playing {episodes:,} held-out episodes of {settings.env} ...")
    played = measure_learner(trained.learner, yardstick)
    score = EpisodeScore(name=trained.name, kind="learned", played=played)
    chance = random_decider(settings.env, settings.env_options, options.seed)
    by_chance = EpisodeScore(name="random actions", kind="reference", played=yardstick.play(chance))
    scores = [score, *references(score), by_chance]
    record = {
        "run": str(trained.path),
        "learner": trained.name,
        "env": settings.env,
        "env_options": settings.env_options,
        "episodes": episodes,
        "scores": [one.to_json() for one in scores],
        "command": shlex.join(["hringur", "evaluate", *arguments]),
    }
    if options.output is not None:
        each = {"returns": score.played.returns.tolist(), "lengths": score.played.lengths.tolist()}
        write_whole(Path(options.output), json_text(record | each) + "\n")
    if options.json:
        print_json(record)
    else:
        show(table(scores, f"{settings.env}, {episodes:,} episodes: mean return, 95 % interval"))
