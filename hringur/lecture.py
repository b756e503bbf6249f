"""The lecture's experiments by their numbers: ``--xp_id exp0 --dataset mnist``.

``scripts/run_models.py`` is this on a command line, and ``run run_models`` in IPython
(``hringur/notebook.py``). Every setting of an experiment's model is an option.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from hringur.cli import one_line
from hringur.registry import EXPERIMENTS, experiment
from hringur.types import UserError


def usage() -> str:
    """What there is, a line each."""
    lines = [f"  {name:6}{one.teaches} ({one.model})" for name, one in EXPERIMENTS.items()]
    return "\n".join(["usage: run_models.py --xp_id EXPERIMENT [--dataset mnist] ...", "", *lines])


def split(arguments: Sequence[str]) -> tuple[str | None, list[str]]:
    """The experiment's name, and all other arguments."""
    name, others, rest = None, list[str](), iter(arguments)
    for argument in rest:
        key, _, value = argument.partition("=")
        if key in ("--xp_id", "--xp-id"):
            name = value or next(rest, "")
        else:
            others.append(argument)
    return name, others


def main(arguments: Sequence[str], again: bool = False) -> Path | None:
    """Train the model of an experiment with its settings; returns its folder, None after help."""
    name, others = split(arguments)
    if name is None:
        if {"-h", "--help"} & set(others):
            print(usage())
            return None
        raise UserError(f"--xp_id is needed: one of {', '.join(EXPERIMENTS)}")
    one = experiment(name)
    from hringur.commands.train import model as train_model  # torch only when it is needed

    return train_model.main(one.model, others, name, one.settings, again)


def exit_code(arguments: Sequence[str]) -> int:
    """The exit code of ``main``, with what went wrong in one line."""
    try:
        main(arguments)
    except UserError as error:
        print(f"run_models: {one_line(str(error))}", file=sys.stderr)
        return 2
    except FloatingPointError as error:
        print(f"run_models: the training failed: {one_line(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except SystemExit as stopped:  # --help ends this way
        return int(stopped.code or 0)
    return 0
