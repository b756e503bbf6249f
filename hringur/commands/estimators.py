"""``hringur estimators``: bias, variance and time of the gradient estimators, side by side."""

import dataclasses
import shlex
from dataclasses import dataclass
from pathlib import Path

from hringur.commands.console import note, parse, print_json, show
from hringur.commands.options import Printed, check_seed
from hringur.evaluation.estimators import report as estimator_report
from hringur.evaluation.estimators.bench import Measurement, bench
from hringur.evaluation.estimators.problems import PROBLEMS
from hringur.types import UserError


@dataclass(frozen=True, kw_only=True)
class Estimators(Printed):
    """Measure every gradient estimator against the exact gradient, on problems where it is known.

    The lecture's bit, the (b - 0.499)² of Tucker et al. 2017, a code of eight bits, three
    choices of five, four normal numbers, and a tour policy of IcelandTSP with 8 places. With
    nothing named all of them are measured, in about half a minute.
    """

    problem: tuple[str, ...] = ()
    """lecture, tucker, code, categorical, gaussian, tour; all when none is given"""

    samples: int = 4
    """samples of z for each estimate, at least 2"""

    estimates: int = 20_000
    """independent estimates of each estimator, at least 100; more make narrower intervals"""

    seed: int = 0
    """of everything that is random"""

    folder: Path | None = None
    """also write tables, JSON, the figure and TensorBoard's events to this new folder"""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.problem:
            if name not in PROBLEMS:
                raise UserError(f"unknown problem {name!r}; there are {', '.join(PROBLEMS)}")
            if self.problem.count(name) > 1:
                raise UserError(f"the problem {name} is given twice")
        check_seed(self.seed)
        for option, least, most in (("samples", 2, 1024), ("estimates", 100, 10**6)):
            if not least <= getattr(self, option) <= most:
                given = getattr(self, option)
                raise UserError(f"{option} must be in {least}..{most:,}, got {given}")


def main(arguments: list[str]) -> None:
    """Measure, print, and write what was asked for."""
    options = parse(Estimators, arguments, "estimators")
    if options.folder is not None:
        estimator_report.make_folder(options.folder)
    measured: list[Measurement] = []
    for name in options.problem or PROBLEMS:
        problem = PROBLEMS[name]()
        note(f"measuring {len(problem.estimators())} estimators on {problem.title} ...")
        measured += bench(problem, options.samples, options.estimates, options.seed)
    settings = dataclasses.asdict(options) | {
        "folder": None if options.folder is None else str(options.folder),
        "command": shlex.join(["hringur", "estimators", *arguments]),
    }
    present(options, measured, settings)
    if options.folder is not None:
        files = estimator_report.write(measured, settings, options.folder, options.samples)
        note(f"wrote {', '.join(str(file) for file in files)}")
        note(f"and curves: tensorboard --logdir {options.folder}")


def present(options: Estimators, measured: list[Measurement], settings: dict) -> None:
    """In the form asked for."""
    if options.json:
        print_json(estimator_report.as_json(measured, settings))
    elif options.markdown:
        print(estimator_report.markdown(measured, options.samples))
    else:
        for table in estimator_report.tables(measured, options.samples):
            show(table)
        show(estimator_report.CAPTION)
