"""``hringur evaluate RUN`` where the run infers what is known by construction: graphs, counts."""

import shlex
from dataclasses import replace
from typing import Any

from hringur.commands.console import note, present
from hringur.commands.evaluate.images import check_agent
from hringur.commands.options import check_without_tours
from hringur.evaluation.generative.structures import structure_report
from hringur.trained import Trained


def main(trained: Trained, options: Any, arguments: list[str]) -> None:
    """Compare what the model infers with the truth, beside simple methods; print."""
    check_agent(trained, options)
    check_without_tours(trained, options)
    note(f"measuring {trained.path} ...")
    report = structure_report(trained.learner, options.count)
    record = {
        "run": str(trained.path),
        "learner": trained.name,
        **report.to_json(),
        "command": shlex.join(["hringur", "evaluate", *arguments]),
    }
    title = f"{report.dataset}, {report.count:,} held-out {report.what}"
    present(options, record, [replace(report.table(), title=title)])
