"""``hringur evaluate RUN`` of an agent without tours: whole episodes, beside the best known."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from hringur.commands.console import ProgressNotes, note, present
from hringur.commands.evaluate.trading import write_report
from hringur.commands.options import check_only, check_without_tours, parse_options
from hringur.evaluation.agents.scores import (
    EpisodeScore,
    Evaluated,
    Report,
    random_decider,
    references,
    reseed,
    table,
    variety,
)
from hringur.evaluators.choice import domain_for
from hringur.evaluators.environments import make_single
from hringur.evaluators.episodes import EpisodeEvaluator, decider
from hringur.trained import Trained
from hringur.training.run_folder import RunFolder
from hringur.types import UserError


def main(trained: Trained, options: Any, arguments: Sequence[str]) -> None:
    """Play, compare with the optimum and with random actions, print."""
    check_policy(trained, options)
    check_without_tours(trained, options)
    check_only(trained, options, ("count",), "instances and images, agents have --episodes")
    env_options = played_options(trained, options.option)
    samples = samples_of(trained)
    films = film(trained, options, env_options)
    evaluated = play(trained, options, env_options, samples)
    domain = domain_for(evaluated.env_id, evaluated.env_options)
    report = Report(tables=(), record={})
    if domain.report is not None:
        report = resolve_name(domain.report)(evaluated)
    score, episodes = evaluated.score, len(evaluated.score.played.returns)
    scores = [score, *references(score), evaluated.by_chance]
    record = {
        "run": str(trained.path),
        "learner": trained.name,
        "env": evaluated.env_id,
        "env_options": own_options(trained),
        "played_with": evaluated.env_options,
        "actions": options.actions,
        "episodes": episodes,
        "history": score.played.history,
        "trained_on_share": share_trained_on(trained, evaluated),
        "scores": [one.to_json() for one in scores],
        "command": shlex.join(["hringur", "evaluate", *arguments]),
        **report.record,
    }
    if options.report is not None:
        own, command = own_options(trained), record["command"]
        films.append(write_report(trained.name, own, evaluated, options.report, command))
        note(f"written: {films[-1]}")
    if films:
        record["written"] = [str(path) for path in films]
    tables = list(report.tables)
    if not report.instead:
        drawn = "" if options.actions == "likeliest" else ", actions drawn from the policy"
        where = origin(trained, evaluated)
        about = f"{evaluated.env_id}, {episodes:,} episodes{where}{drawn}"
        interval = ", 95 % bootstrap interval" if score.played.history is None else ""
        title = f"{about}: mean return{interval}"
        tables = [table(scores, title), variety(score), *tables]
    each = {"returns": score.played.returns.tolist(), "lengths": score.played.lengths.tolist()}
    present(options, record, tables, each)


def origin(trained: Trained, evaluated: Evaluated) -> str:
    """Which part of a history the episodes are cut from, and whether it was trained on."""
    history = evaluated.score.played.history
    if history is None:
        return ""
    seen = share_trained_on(trained, evaluated)
    part = "which" if seen == 1 else f"{100 * (seen or 0):.0f} % of which"
    return f" on {history}{f', {part} it was trained on' if seen else ''}"


def share_trained_on(trained: Trained, evaluated: Evaluated) -> float | None:
    """The share of the days of an evaluation that training saw; None where there are none."""
    if evaluated.score.played.history is None:
        return None
    if dict(evaluated.env_options) == own_options(trained):
        return 1.0
    learned, played = (
        _history_days(evaluated.env_id, options)
        for options in (own_options(trained), dict(evaluated.env_options))
    )
    return len(learned & played) / max(1, len(played))


def _history_days(env_id: str, env_options: dict[str, Any]) -> frozenset[Any]:
    env = make_single(env_id, **env_options)
    env.close()
    return getattr(env.unwrapped, "history_days", frozenset())


def samples_of(trained: Trained) -> int | None:
    """Environment steps of the training; None of what is no run folder."""
    history = [] if trained.folder is None else RunFolder.open(trained.folder).read_history()
    return history[-1]["samples"] if history else None


def play(
    trained: Trained, options: Any, env_options: dict[str, Any], samples: int | None
) -> Evaluated:
    """The held-out episodes, by the agent and by random actions."""
    learner, episodes = trained.learner, options.episodes
    env_id = learner.env_id
    chosen = frozenset(parse_options(options.option))
    evaluator = EpisodeEvaluator(env_id, env_options, episodes, chosen)
    note(f"playing {episodes:,} episodes of {env_id} ...")
    reseed(learner, options.seed)
    decide = decider(learner, options.actions == "likeliest")
    played = evaluator.play_policy(decide, on_decision=ProgressNotes("episodes", episodes))
    chance = random_decider(env_id, env_options, options.seed)
    return Evaluated(
        env_id=env_id,
        env_options=env_options | evaluator.overruled,
        decide=decide,
        actions=options.actions,
        score=EpisodeScore(name=trained.name, kind="learned", played=played),
        by_chance=EpisodeScore(
            name="random actions", kind="reference", played=evaluator.play_policy(chance)
        ),
        samples=samples,
    )


def played_options(trained: Trained, given: Sequence[str]) -> dict[str, Any]:
    """The options that the agent learned with, but for those that are ``given`` as KEY=VALUE."""
    own = own_options(trained)
    if not given:
        return own
    options = own | parse_options(given)
    spaces = []
    for one in (own, options):
        env = make_single(trained.learner.env_id, **one)
        spaces.append((env.observation_space, env.action_space))
        env.close()
    if spaces[0] != spaces[1]:
        raise UserError(
            f"--option {' '.join(given)}: the run was trained on other observations or actions"
        )
    return options


def own_options(trained: Trained) -> dict[str, Any]:
    """Options of the environment given for training; a saved agent keeps all it learned with."""
    if trained.settings is None:
        return dict(trained.learner.env_options)
    return trained.settings.env_options


def check_policy(trained: Trained, options: Any) -> None:
    """Refuse to draw actions where there is nothing to draw them from."""
    if options.actions == "sampled" and not getattr(trained.learner, "has_policy", True):
        raise UserError(f"{trained.name} knows values, not chances: it has no --actions sampled")


def film(trained: Trained, options: Any, env_options: Mapping[str, Any]) -> list[Path]:
    """The files of the film of the first held-out episode, if ``--video`` asks for one."""
    if options.video is None:
        return []
    from hringur.evaluation.films.film import film_agent  # slow to load

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
