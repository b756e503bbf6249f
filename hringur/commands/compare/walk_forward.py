"""``hringur compare --agents ... --walk-forward F``: trained on each past, tested on what follows.

Every fold is a comparison of its own, in a folder of its own; here they become one table.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hringur.commands.compare.cells import CellTask
from hringur.commands.compare.training import Findings
from hringur.commands.console import note
from hringur.evaluation.agents.trading_report import Passage, passages
from hringur.evaluation.agents.walk_forward import chart, table, walks
from hringur.evaluators.choice import domain_for
from hringur.evaluators.environments import make_single
from hringur.evaluators.episodes import decider
from hringur.registry import TRADING
from hringur.trained import load_run
from hringur.types import UserError

OF_FOLDS = ("split", "fold", "folds")
MOST_FOLDS = 50


def check_walk(env_id: str, env_options: dict[str, Any], folds: int) -> None:
    """Refuse what has no history to walk along.

    Raises:
        UserError: a number of folds, an environment or an option that does not go with them.
    """
    if not 1 <= folds <= MOST_FOLDS:
        raise UserError(f"--walk-forward must be in 1..{MOST_FOLDS}, got {folds}")
    if domain_for(env_id, env_options) is not TRADING:
        raise UserError(f"--walk-forward is of trading, {env_id} is not")
    given = [name for name in OF_FOLDS if name in env_options]
    if given:
        raise UserError(f"--option {given[0]} is chosen by --walk-forward: leave it out")
    env: Any = make_single(env_id, **env_options)
    env.close()
    if env.unwrapped.history is None:
        raise UserError(
            "--walk-forward needs prices with a history, such as --option prices=stocks ticker=IBM"
        )


def findings(tasks: Sequence[Sequence[CellTask]], where: str) -> Findings:
    """One table and one chart over the tests of all folds; ``tasks`` are those of each fold.

    Raises:
        UserError: no agent has a run of one and the same seed in every fold.
    """
    done = [{task.name: task for task in fold if task.file.exists()} for fold in tasks]
    whole = [task for task in tasks[0] if all(task.name in fold for fold in done)]
    if not whole:
        raise UserError("no run was trained in every fold: the same command goes on with them")
    tests: dict[str, list[list[list[Passage]]]] = {}
    for task in whole:
        folds = tests.setdefault(task.contender, [[] for _ in done])
        for seeds, fold in zip(folds, done, strict=True):
            seeds.append(tested(fold[task.name]))
    found = walks(tests)
    counts = [len(one.gained) for one in found]
    assets = [one.name for one in next(iter(tests.values()))[0][0]]
    first = [seeds[0][0] for seeds in next(iter(tests.values()))]
    days, behind = [], 0
    for one in first:
        days.append(one.days if one.prices.dates is not None else one.days + behind)
        behind += len(one.days)
    title = f"{where}, {len(done)} folds, gain in % on the days after each training"
    shown = table(found, title)
    return Findings(
        figure=chart(found, days, f"{where}: tested on what followed each training"),
        tables=[shown],
        markdown=shown.markdown(),
        record={
            "folds": [
                {"first": str(one[0]), "last": str(one[-1]), "days": len(one)} for one in days
            ],
            "assets": assets,
            "walk_forward": [one.to_json() for one in found],
        },
        runs=counts[: len(tests)],
    )


def tested(task: CellTask) -> list[Passage]:
    """The trained agent on every day of its fold's test, asset by asset."""
    note(f"testing {task.run} ...")
    settings, learner = load_run(task.run, task.trainer.device)
    options = settings.env_options | {"split": "test"}
    decide = decider(learner)
    return list(passages(lambda seen, mask: np.asarray(decide(seen, mask)), settings.env, options))
