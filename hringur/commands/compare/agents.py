"""``hringur compare --env ID --agents ...``: agents trained side by side with the same budget."""

import dataclasses
import json
import math
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from hringur.commands.compare.agent_cells import AgentTask, read_cell
from hringur.commands.compare.cells import Failed
from hringur.commands.compare.folder import check_same, keep_settings
from hringur.commands.compare.pool import Backend
from hringur.commands.compare.training import (
    check_buildable,
    check_contenders,
    check_counts,
    parse_budget,
    tell_failed,
    train_cells,
)
from hringur.commands.console import note, parse, print_json, show
from hringur.commands.options import Options, check_figure, named_options, parse_options
from hringur.data.files import plain, write_whole
from hringur.evaluation.agents import comparison
from hringur.evaluation.agents import plots as comparison_plots
from hringur.evaluation.agents.report import Report
from hringur.evaluation.figures import save
from hringur.evaluators.choice import domain_for, evaluator_for
from hringur.registry import learner_config, learners
from hringur.training.config import Device, TrainerConfig
from hringur.types import UserError

UNITS = {"s": ("seconds", 1.0), "m": ("seconds", 60.0), "steps": ("samples", 1.0)}
BUDGETS = "60s, 2m or 200000steps"
EVALUATIONS = 12  # of each run, while it trains


@dataclass(frozen=True, kw_only=True)
class CompareAgents:
    """Train every agent from several seeds on one environment, and lay the results side by side.

    What is done already is not done again: the same command goes on where it was stopped.
    """

    env: str
    """environment, by its name in Gymnasium"""

    agents: tuple[str, ...]
    """names of learners, as for hringur train"""

    seeds: int = 5
    """runs of each agent, from seeds 0, 1, ..."""

    budget: str = "60s"
    """training of each run: 60s, 2m, or 200000steps (of the environment)"""

    option: Options = ()
    """options of the environment, each as KEY=VALUE"""

    episodes: int = 100
    """held-out episodes that each trained run plays, the same for all"""

    jobs: int | None = None
    """runs at the same time, one thread each; as many as there are processors when not given"""

    backend: Backend = "joblib"
    """where the runs go: processes of this machine, or a Ray cluster"""

    device: Device = "cpu"
    """where networks are trained; runs at the same time share a GPU"""

    folder: Path | None = None
    """where everything is kept; runs/compare-ENV-BUDGET when not given"""

    figure: Path | None = None
    """draw the comparison to this PNG too; it is always in the folder"""

    json: bool = False
    """print the figures as JSON instead of tables"""

    def __post_init__(self) -> None:
        check_contenders("agent", self.agents, list(learners()), learner_config)
        check_counts(seeds=self.seeds, episodes=self.episodes, jobs=self.jobs)
        self.trainer()
        if self.figure is not None:
            check_figure(self.figure)

    def trainer(self) -> TrainerConfig:
        """The budget of each run."""
        name, amount = parse_budget(self.budget, UNITS, BUDGETS)
        every = amount / EVALUATIONS
        settings: dict[str, Any] = {"device": self.device, "threads": 1}
        if name == "seconds":
            settings |= {"seconds": amount, "evaluate_every_seconds": every}
            settings["checkpoint_every_seconds"] = max(5.0, every)
        else:
            settings |= {"samples": int(amount), "evaluate_every_samples": math.ceil(every)}
            settings |= {"evaluate_every_seconds": None, "checkpoint_every_seconds": 10.0}
        return TrainerConfig(**settings)

    def env_options(self) -> dict[str, Any]:
        """Options for ``gymnasium.make``; tours have as many places as ``hringur train`` gives."""
        return named_options(self.env) | parse_options(self.option)

    def where(self) -> Path:
        """The folder of the comparison."""
        name = re.sub(r"[^\w.-]+", "-", f"compare-{self.env}-{self.budget}")
        return self.folder or Path("runs") / name

    def tasks(self) -> list[AgentTask]:
        """Every cell, seed by seed."""
        return [
            AgentTask(
                contender=agent,
                seed=seed,
                env=self.env,
                env_options=self.env_options(),
                episodes=self.episodes,
                trainer=self.trainer(),
                folder=self.where().resolve(),  # a cluster's processes work elsewhere
            )
            for seed in range(self.seeds)
            for agent in self.agents
        ]


def main(arguments: list[str]) -> None:
    """Train what is missing, then report; exit code 1 if a cell failed."""
    options = parse(CompareAgents, arguments, "compare")
    unit = sample_unit(options)
    tasks = options.tasks()
    folder, common = options.where(), comparison_settings(options)
    check_same(folder, common)
    done = {task.file: read_cell(task.file) for task in tasks if task.file.exists()}
    missing = [task for task in tasks if task.file not in done]
    failed: list[Failed] = []
    if missing:
        check_buildable("agent", missing)
        keep_settings(folder, common)
        how = options.budget, options.jobs, options.backend
        failed = train_cells(missing, len(done), *how, lambda task: read_cell(task.file).words)
    cells = [read_cell(task.file) for task in tasks if task.file.exists()]
    report(options, cells, failed, unit, shlex.join(["hringur", "compare", *arguments]))
    if failed:
        raise SystemExit(1)


def sample_unit(options: CompareAgents) -> str:
    """What the agents' samples are.

    Raises:
        UserError: there is no such environment, or its agents count no steps.
    """
    unit = evaluator_for(options.env, options.env_options()).samples
    if unit != "environment steps" and parse_budget(options.budget, UNITS, BUDGETS)[0] == "samples":
        raise UserError(
            f"--budget {options.budget}: these agents count {unit}, not steps of the"
            " environment; give a budget in seconds, such as 60s"
        )
    return unit


def comparison_settings(options: CompareAgents) -> dict[str, Any]:
    """What all cells of a folder must have in common; agents and seeds may be added."""
    settings = {
        "env": options.env,
        "env_options": options.env_options(),
        "budget": options.budget,
        "episodes": options.episodes,
        "device": options.device,
    }
    return json.loads(json.dumps(plain(settings)))


def report(
    options: CompareAgents,
    cells: Sequence[comparison.Cell],
    failed: Sequence[Failed],
    unit: str,
    command: str,
) -> None:
    """Tables or JSON, and the figure; those of the cells that were done."""
    tell_failed(failed)
    if not cells:
        note("no run could be trained; the reasons stand above")
        return
    runs, folder = comparison.grouped(cells), options.where()
    seeds = comparison.seed_words(sorted({cell.seed for cell in cells}))
    where = ", ".join((options.env, *options.option))
    title = f"{where}, {options.budget} of training each, seeds {seeds}"
    figure = comparison_plots.comparison_figure(runs, title, unit)
    files = [save(figure, folder / "comparison.png")]
    if options.figure is not None:
        files.append(save(figure, options.figure))
    domain = domain_for(options.env, options.env_options())
    further = Report(tables=(), record={})
    if domain.comparison is not None:
        further = resolve_name(domain.comparison)(runs, options.env, options.env_options())
    record = {
        "settings": plain(dataclasses.asdict(options)),
        "agents": [one.to_json() for one in runs],
        "improvement": comparison.improvements(runs),
        **further.record,
        "failed": [{"cell": one.task.name, "reason": one.reason} for one in failed],
        "command": command,
    }
    text = json.dumps(plain(record), indent=2, ensure_ascii=False)
    write_whole(folder / "results.json", text + "\n")
    write_whole(folder / "results.md", comparison.markdown(runs, unit) + f"\n`{command}`\n")
    if options.json:
        print_json(record)
        return
    show(comparison.table(runs, f"{title}, {options.episodes} held-out episodes", unit))
    print("interquartile means over runs, with 95 % intervals\n")
    for table in further.tables:
        show(table)
    if len(runs) > 1 and all(len(one.cells) > 1 for one in runs):
        show(comparison.improvement_table(runs))
    print(f"the command: {command}")
    for path in files:
        print(f"drawn: {path}")
