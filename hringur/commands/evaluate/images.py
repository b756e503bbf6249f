"""``hringur evaluate RUN`` where the run is of a model of images: samples beside real images."""

import shlex
from typing import Any

from hringur.commands.console import note, present
from hringur.commands.options import check_counts, check_only, check_without_tours
from hringur.evaluation.generative.scores import check_extras, score_model
from hringur.evaluators.images import COUNT
from hringur.trained import Trained
from hringur.types import UserError


def main(trained: Trained, options: Any, arguments: list[str]) -> None:
    """Measure samples, and both references with as many images; print."""
    check_agent(trained, options)
    model, count = trained.learner, options.count or COUNT
    check_counts(options, "count")
    check_without_tours(trained, options)
    check_extras(type(model))
    evaluator = model.evaluator(count)
    note(f"measuring {evaluator.count:,} samples of {trained.path} ...")
    report = score_model(model, evaluator, options.seed)
    record = {
        "run": str(trained.path),
        "learner": trained.name,
        **report.to_json(),
        "command": shlex.join(["hringur", "evaluate", *arguments]),
    }
    present(options, record, [report.table()])


def check_agent(trained: Trained, options: Any) -> None:
    """Refuse for a model of images what only an agent can do."""
    asked = ["--video"] if options.video is not None else []
    asked += ["--actions sampled"] if options.actions == "sampled" else []
    asked += ["--option"] if options.option else []
    if asked:
        raise UserError(
            f"{trained.name} is a model of {trained.learner.of}, no agent: it has no {asked[0]}"
        )
    check_only(trained, options, ("episodes", "video_steps"), "agents")
