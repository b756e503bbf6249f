"""A question's own figures of the agent, of random actions and of simple policies."""

from collections.abc import Mapping, Sequence
from typing import Any

from hringur.evaluation.agents import measures
from hringur.evaluation.agents.comparison import AgentRuns
from hringur.evaluation.agents.measures import Means, Measured
from hringur.evaluation.agents.scores import Evaluated, Report
from hringur.evaluation.statistics import estimate_mean, over_runs_words
from hringur.evaluators.environments import make_single
from hringur.evaluators.episodes import EpisodeEvaluator, EpisodeReturns


def report(evaluated: Evaluated) -> Report:
    """The question's figures of the agent, of simple policies and of random actions."""
    score = evaluated.score
    episodes = len(score.played.returns)
    played = {score.name: score.played, "random actions": evaluated.by_chance.played}
    played |= play_policies(evaluated.env_id, evaluated.env_options, episodes)
    rows = [Measured(name, _means(one), one is score.played) for name, one in played.items()]
    return _report(rows, f"means over {episodes:,} episodes, 95 % bootstrap interval")


def comparison(runs: Sequence[AgentRuns], env_id: str, env_options: Mapping[str, Any]) -> Report:
    """The question's figures of every agent over its seeds, beside those of simple policies."""
    cells = runs[0].cells
    rows = measures.over_agents(runs, cells[0].played.figures)
    policies = play_policies(env_id, env_options, len(cells[0].played.returns))
    for name, played in policies.items():
        rows.append(Measured(name, measures.without_intervals(_means(played))))
    return _report(rows, over_runs_words([len(one.cells) for one in runs]))


def play_policies(
    env_id: str, env_options: Mapping[str, Any], episodes: int
) -> dict[str, EpisodeReturns]:
    """The question's simple policies on the held-out episodes."""
    env: Any = make_single(env_id, **env_options)
    env.close()
    evaluator = EpisodeEvaluator(env_id, dict(env_options), episodes)
    policies = env.unwrapped.problem.policies()
    return {name: evaluator.play_policy(decide) for name, decide in policies.items()}


def _means(played: EpisodeReturns) -> Means:
    """The return, the gap and every figure."""
    returns: Means = {"return": estimate_mean(played.returns)}
    return returns | measures.over_episodes(played, played.figures)


def _report(rows: Sequence[Measured], title: str) -> Report:
    tags = dict.fromkeys(tag for row in rows for tag in row.means)
    headings = {
        tag: tag.removeprefix("question/").replace("_percent", " %").replace("_", " ")
        for tag in tags
    }
    columns = {tag: (heading, ".4g") for tag, heading in headings.items()}
    return Report(
        tables=[measures.table(rows, columns, title)], record={"question": measures.to_json(rows)}
    )
