"""What an evaluation of a question tells beside the return: its own figures, and simple policies.

The agent, random actions and the question's own policies meet the same episodes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hringur.evaluation.agents.comparison import AgentRuns
from hringur.evaluation.agents.scores import Evaluated, Report
from hringur.evaluation.statistics import Estimate, estimate_mean, over_runs
from hringur.evaluation.tables import Column, Table, estimate_json, stacked
from hringur.evaluators.environments import make_single
from hringur.evaluators.episodes import EpisodeEvaluator, EpisodeReturns

Row = tuple[str, Mapping[str, Estimate | None]]
"""Name of a policy, and its figures by tag."""


def report(evaluated: Evaluated) -> Report:
    """The question's figures of the agent, of simple policies and of random actions."""
    score = evaluated.score
    episodes = len(score.played.returns)
    played = {score.name: score.played, "random actions": evaluated.by_chance.played}
    played |= play_policies(evaluated.env_id, evaluated.env_options, episodes)
    rows = [(name, over_episodes(one)) for name, one in played.items()]
    return _report(rows, f"means over {episodes:,} episodes, 95 % bootstrap interval")


def comparison(runs: Sequence[AgentRuns], env_id: str, env_options: Mapping[str, Any]) -> Report:
    """The question's figures of every agent over its seeds, beside those of simple policies."""
    rows: list[Row] = []
    for one in runs:
        tags = one.cells[0].played.figures
        means = {
            tag: np.array([float(np.nanmean(cell.played.figures[tag])) for cell in one.cells])
            for tag in tags
        }
        rows.append((one.agent, {tag: over_runs(values) for tag, values in means.items()}))
    episodes = len(runs[0].cells[0].played.returns)
    for name, played in play_policies(env_id, env_options, episodes).items():
        means_only = over_episodes(played).items()
        rows.append((name, {tag: mean and Estimate(mean.value) for tag, mean in means_only}))
    return _report(rows, "means over runs, 95 % interval")


def play_policies(
    env_id: str, env_options: Mapping[str, Any], episodes: int
) -> dict[str, EpisodeReturns]:
    """The question's simple policies on the held-out episodes."""
    env: Any = make_single(env_id, **env_options)
    env.close()
    evaluator = EpisodeEvaluator(env_id, dict(env_options), episodes)
    policies = env.unwrapped.problem.policies()
    return {name: evaluator.play_policy(decide) for name, decide in policies.items()}


def over_episodes(played: EpisodeReturns) -> dict[str, Estimate | None]:
    """The return, the gap and every figure, by tag."""
    means: dict[str, Estimate | None] = {"return": estimate_mean(played.returns)}
    for tag, values in played.figures.items():
        told = values[np.isfinite(values)]
        means[tag] = estimate_mean(told) if len(told) else None
    return means


def _report(rows: Sequence[Row], title: str) -> Report:
    """A column for each figure."""
    tags = list(dict.fromkeys(tag for _, means in rows for tag in means))

    def column(tag: str) -> Column[Row]:
        heading = tag.removeprefix("question/").replace("_percent", " %").replace("_", " ")
        return Column(heading, lambda row: stacked(row[1].get(tag), ".4g"), wrap=True)

    table = Table(
        title=title,
        columns=[Column("policy", lambda row: row[0], text=True, wrap=True), *map(column, tags)],
        rows=rows,
    )
    record = []
    for name, means in rows:
        record.append({"name": name})
        for tag, mean in means.items():
            record[-1] |= estimate_json(tag, mean)
    return Report(tables=[table], record={"question": record})
