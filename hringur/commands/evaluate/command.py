"""``hringur evaluate RUN``: a trained learner beside the best that is known, with intervals.

What is measured depends on what was learned: ``tours.py``, ``episodes.py`` and ``images.py`` beside
this file, chosen by the registry's table. ``--video`` films the first held-out episode before
anything is measured.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Annotated, Literal

import tyro

from hringur.agents.tours.decoding import Decoding, Method
from hringur.commands.console import parse
from hringur.commands.evaluate.trading import check_report
from hringur.commands.options import Imports, Options, Printed, check_counts, check_seed
from hringur.data.files import check_writable
from hringur.evaluation.tours.methods import DECODINGS
from hringur.evaluators.environments import import_typed
from hringur.trained import load_trained
from hringur.training.config import Device
from hringur.types import UserError

MOST_SAMPLES = 100_000
"""Tours drawn for each instance."""


@dataclass(frozen=True, kw_only=True)
class Evaluate(Printed):
    """Measure a trained run against the proven optimum, on instances it was not trained on."""

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """run folder, or a saved agent, or attention-model: the shipped one"""

    held_out: str | None = None
    """iceland-20, iceland-50, euclidean-20, -50 or -100; what fits the run when not given"""

    count: int | None = None
    """take only so many instances, the first of the set, or held-out images; all when not given"""

    episodes: int = 100
    """episodes to play, where the run is of an environment without tours"""

    actions: Literal["likeliest", "sampled"] = "likeliest"
    """of an agent without tours: the likeliest ones, or drawn from its policy"""

    option: Options = ()
    """options of an environment without tours other than the run's, each as KEY=VALUE"""

    video: Path | None = None
    """film the first held-out episode to this .mp4 or .gif, with a filmstrip beside it"""

    video_steps: int = 9_000
    """decisions after which the film ends, if the episode has not: ten minutes of Breakout"""

    method: tuple[Method, ...] = ()
    """how tours are taken from the network, one row each; greedy and all-starts when not given"""

    samples: int = 128
    """tours drawn for each instance (sampling)"""

    beam_width: int = 16
    """tours kept after each step (beam)"""

    symmetries: Literal[1, 8] = 1
    """8: also decide on the seven mirrored and turned maps, and keep the best"""

    reconstructions: int = 0
    """rounds in which the network builds stretches of its tours anew"""

    two_opt: bool = False
    """add a row for each method, with its tours improved by 2-opt"""

    seed: int = 0
    """of what is random, which is sampling tours or actions [0 .. 2**32 - 1]"""

    device: Device = "auto"
    """where the network computes; auto takes the GPU when there is one"""

    output: Path | None = None
    """write the figures of every instance to this JSON file, which must not exist"""

    report: Path | None = None
    """write a page about a trader to this new folder: chart, wealth, drawdown, fees, every year"""

    imports: Imports = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_seed(self.seed)
        check_counts(self, "count", "episodes", "video_steps", "beam_width")
        if not 1 <= self.samples <= MOST_SAMPLES:
            raise UserError(f"--samples must be in 1..{MOST_SAMPLES:,}, got {self.samples}")

    def decodings(self, round_trip: bool = True) -> list[Decoding]:
        """Each method; with 2-opt, each method beside itself with it."""
        usual = DECODINGS if round_trip else DECODINGS[:1]  # an open path begins where it must
        network = [
            Decoding(
                method=method,
                samples=self.samples,
                beam_width=self.beam_width,
                symmetries=self.symmetries,
                reconstructions=self.reconstructions,
            )
            for method in self.method or [decoding.method for decoding in usual]
        ]
        if not self.two_opt:
            return network
        return [dataclasses.replace(d, two_opt=x) for d in network for x in (False, True)]


def main(arguments: list[str]) -> None:
    """Load, measure, print; everything that can be refused is refused before it is measured."""
    options = parse(Evaluate, arguments, "evaluate")
    for module in options.imports:
        import_typed(module)
    check_files(options)
    options.decodings()  # refuses what is none
    trained = load_trained(options.run, options.device)
    if options.report is not None:
        check_report(trained, options.report)
    resolve_name(trained.evaluation)(trained, options, arguments)


def check_files(options: Evaluate) -> None:
    """Refuse, before anything is loaded or played, files that could not be written."""
    output = options.output
    if output is not None:
        if output.exists():
            raise UserError(f"{output} exists already: choose another name")
        check_writable(output)
    if options.video is not None:
        from hringur.evaluation.films.video import check_video  # slow to load

        check_video(options.video)
