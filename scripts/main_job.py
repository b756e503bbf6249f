"""The main job, ``make run``: train two learners for the same time, compare them, draw the maps."""

import io
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from main_job_figures import draw_gaps, draw_tours, write_tables

from hringur.agents.tours.agent import TourAgent
from hringur.agents.tours.decoding import Decoding
from hringur.cli import one_line
from hringur.commands.console import note, parse, print_json, show
from hringur.commands.train import command as train
from hringur.data.tours.held_out import held_out
from hringur.evaluation.tours import table as compare
from hringur.evaluation.tours.methods import exact_score, heuristic_scores, learner_scores
from hringur.evaluation.tours.scores import Score
from hringur.trained import load_run
from hringur.training.config import Device
from hringur.types import UserError

LEARNERS = {"attention-model": "attention model", "maskable-ppo": "MaskablePPO (SB3)"}
HELD_OUT = "iceland-20"
DECODINGS = (
    Decoding(),
    Decoding(method="all-starts"),
    Decoding(method="all-starts", two_opt=True),
)


@dataclass(frozen=True, kw_only=True)
class MainJob:
    """Train the attention model and MaskablePPO, then print how far both are from the optimum."""

    seconds: float = 180.0
    """training time of each learner [s]"""

    folder: Path | None = None
    """where everything goes, must be new; runs/main, or runs/main-2 and so on, when not given"""

    seed: int = 0
    """of everything that is random"""

    device: Device = "auto"
    """where to train"""

    json: bool = False
    """print the figures as JSON instead of tables"""


def main(job: MainJob) -> None:
    began = time.perf_counter()
    folder = job.folder or free_folder(Path("runs/main"))
    command = f"python scripts/main_job.py --seconds {job.seconds:g} --seed {job.seed}"
    problem, scores = held_out(HELD_OUT), list[Score]()
    agents = {}
    for learner, name in LEARNERS.items():
        train_one(job, learner, name, folder / learner)
        _, agents[learner] = load_run(folder / learner, job.device)
    note(f"\nevaluating on {len(problem):,} held-out instances ...")
    for learner, name in LEARNERS.items():
        scores += learner_scores(name, agents[learner], problem, DECODINGS, command)
    scores += heuristic_scores(problem, command)
    scores.append(exact_score(problem, command=command))
    figures = write_all(scores, agents["attention-model"], folder, quiet=job.json)
    if job.json:
        print_json(
            {
                "folder": str(folder),
                "scores": [score.to_json(per_instance=False) for score in scores],
                "figures": [str(path) for path in figures],
                "seconds": time.perf_counter() - began,
            }
        )
    else:
        say_next(folder, figures, time.perf_counter() - began)


def train_one(job: MainJob, learner: str, name: str, folder: Path) -> None:
    """One learner through the command line's own ``train``; Ctrl-C ends the whole job."""
    arguments = [
        learner,
        f"--seconds={job.seconds:g}",
        f"--seed={job.seed}",
        f"--device={job.device}",
        f"--folder={folder}",
        f"--evaluate-every-seconds={max(job.seconds / 18, 0.5):g}",
    ]
    note(f"\ntraining the {name} for {job.seconds:g} s: hringur train {' '.join(arguments)}")
    with redirect_stdout(io.StringIO()):
        train.main(arguments)
    if not (folder / "metrics.json").exists():
        raise KeyboardInterrupt


def write_all(scores: list[Score], agent: TourAgent, folder: Path, quiet: bool) -> list[Path]:
    """Tables and figures; the table is printed too, unless ``quiet``."""
    write_tables(scores, folder)
    greedy, best = "evaluation/gap_percent", "evaluation/gap_all_starts_percent"
    curves = {
        "attention model, greedy": (folder / "attention-model", greedy),
        "attention model, all starts": (folder / "attention-model", best),
        "MaskablePPO (SB3), greedy": (folder / "maskable-ppo", greedy),
    }
    figures = draw_gaps(scores, curves, folder)
    maps, tours = draw_tours(agent, folder)
    if not quiet:
        show(compare.table(scores))
        for tour in tours:
            show(f"{tour.title}: {tour.note}")
    return [*maps, *figures]


def say_next(folder: Path, figures: Sequence[Path], seconds: float) -> None:
    """What to look at, and what to type."""
    lines = [
        f"\nDone in {seconds / 60:.1f} minutes. Look at:",
        *(f"  {path}" for path in figures),
        f"  {folder / 'results.md'}",
        "and type next:",
        f"  .venv/bin/tensorboard --logdir {folder}",
        f"  .venv/bin/hringur tour Reykjavík Akureyri Egilsstaðir Höfn --agent "
        f"{folder / 'attention-model'}",
        f"  .venv/bin/hringur train attention-model --resume {folder / 'attention-model'} "
        "--seconds 1800",
    ]
    print("\n".join(lines))


def free_folder(wanted: Path) -> Path:
    """``wanted``, or the first of ``wanted-2``, ``wanted-3``, ... that does not exist."""
    folder, number = wanted, 1
    while folder.exists():
        number += 1
        folder = wanted.with_name(f"{wanted.name}-{number}")
    return folder


def run(arguments: Sequence[str]) -> int:
    """The exit code: 2 on bad input, 130 after Ctrl-C."""
    try:
        main(parse(MainJob, arguments, "main-job"))
    except UserError as error:
        note(f"main_job: {one_line(str(error))}")
        return 2
    except KeyboardInterrupt:
        note("main_job: stopped")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
