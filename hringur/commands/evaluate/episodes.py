"""``hringur evaluate RUN`` where the run is of no tours: whole episodes, beside the best known."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym

from hringur.commands.console import Patience, note, print_json, show
from hringur.commands.options import parse_options
from hringur.data.files import json_text, write_whole
from hringur.evaluation.agents import breakout as breakout_scores
from hringur.evaluation.agents.scores import (
    EpisodeScore,
    measure_learner,
    random_decider,
    references,
    reseed,
    table,
)
from hringur.evaluators.choice import EpisodeEvaluator, evaluator_for
from hringur.evaluators.tours import gym_spec, refusals
from hringur.references.breakout import CEILING
from hringur.trained import RunSettings, Trained
from hringur.training.run_folder import RunFolder
from hringur.types import UserError


def played_options(trained: Trained, given: Sequence[str]) -> dict[str, Any]:
    """The run's options of its environment, but for those that are ``given`` as KEY=VALUE.

    Raises:
        UserError: there is no such option, or with it something else is seen or decided.
    """
    settings = trained.settings
    assert settings is not None, "only agents of tours are saved without"
    if not given:
        return settings.env_options
    options = settings.env_options | parse_options(given)
    spaces = []
    for one in (settings.env_options, options):
        with refusals(settings.env):
            env = gym.make(settings.env, **one)
        spaces.append((env.observation_space, env.action_space))
        env.close()
    if spaces[0] != spaces[1]:
        raise UserError(
            f"--option {' '.join(given)}: the run was trained on other observations or actions"
        )
    return options


def main(
    trained: Trained,
    options: Any,
    env_options: dict[str, Any],
    arguments: list[str],
    films: Sequence[Path] = (),
) -> None:
    """Play, compare with the optimum and with random actions, print."""
    settings, episodes = trained.settings, options.episodes
    assert settings is not None, "only agents of tours are saved without"
    evaluator = evaluator_for(settings.env, env_options, episodes)
    assert isinstance(evaluator, EpisodeEvaluator)
    note(f"playing {episodes:,} held-out episodes of {settings.env} ...")
    reseed(trained.learner, options.seed)
    likeliest = options.actions == "likeliest"
    patience = Patience("episodes", episodes)
    played = measure_learner(trained.learner, evaluator, likeliest=likeliest, watch=patience)
    score = EpisodeScore(name=trained.name, kind="learned", played=played)
    chance = random_decider(settings.env, env_options, options.seed)
    by_chance = EpisodeScore(name="random actions", kind="reference", played=evaluator.play(chance))
    scores = [score, *references(score), by_chance]
    played_with = env_options | evaluator.overruled
    record = {
        "run": str(trained.path),
        "learner": trained.name,
        "env": settings.env,
        "env_options": settings.env_options,
        "played_with": played_with,
        "actions": options.actions,
        "episodes": episodes,
        "scores": [one.to_json() for one in scores],
        "command": shlex.join(["hringur", "evaluate", *arguments]),
    }
    lines = []
    if gym_spec(settings.env).id == breakout_scores.ENV_ID:
        lines = breakout_lines(trained, settings, played_with, options.actions, score, by_chance)
        record["beside"] = breakout_scores.to_json(lines)
        record["different_games"] = breakout_scores.different_games(score)
    if films:
        record["written"] = [str(path) for path in films]
    if options.output is not None:
        each = {"returns": score.played.returns.tolist(), "lengths": score.played.lengths.tolist()}
        write_whole(Path(options.output), json_text(record | each) + "\n")
    if options.json:
        print_json(record)
    elif lines:
        title = f"{settings.env}, {episodes:,} games: mean score, 95 % interval, gap to {CEILING}"
        show(breakout_scores.table(lines, title))
        print(breakout_scores.legend(lines))
        print(breakout_scores.variety(score))
    else:
        drawn = "" if likeliest else ", actions drawn from the policy"
        title = f"{settings.env}, {episodes:,} episodes{drawn}: mean return, 95 % interval"
        show(table(scores, title))


def breakout_lines(
    trained: Trained,
    settings: RunSettings,
    played_with: dict[str, Any],
    actions: str,
    score: EpisodeScore,
    by_chance: EpisodeScore,
) -> list[breakout_scores.Line]:
    """What was played, beside what is published."""
    history = RunFolder.open(trained.path).read_history()
    skip = played_with.get("frame_skip", 4)
    frames = history[-1]["samples"] * skip / 1e6 if history else None
    protocol = breakout_scores.protocol(played_with, actions)
    by_chance_protocol = breakout_scores.protocol(played_with, "random")
    return breakout_scores.beside_published(
        [
            breakout_scores.own(score, frames, protocol),
            breakout_scores.own(by_chance, None, by_chance_protocol),
        ]
    )
