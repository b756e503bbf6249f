"""``hringur evaluate RUN``: a trained learner on held-out instances, with its gap's interval.

A run of an environment without tours plays whole episodes instead: ``evaluate_episodes``. Samples
of a model of images are laid beside held-out images: ``evaluate_images``. ``--video`` films the
first held-out episode before anything is measured.
"""

import dataclasses
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from hringur.agents.tours.decoding import Decoding, Method
from hringur.commands.console import note, parse, print_json, show
from hringur.commands.evaluate import episodes as evaluate_episodes
from hringur.commands.evaluate import film as evaluate_film
from hringur.commands.options import Options
from hringur.data.files import json_text, write_whole
from hringur.data.tours.held_out import HELD_OUT, HeldOut, held_out
from hringur.evaluation.tours import table as compare
from hringur.evaluation.tours.methods import DECODINGS, Planner, learner_scores
from hringur.evaluation.tours.scores import Score
from hringur.registry import MODELS
from hringur.trained import Trained, load_trained
from hringur.training.config import Device
from hringur.training.random_state import seed_everything
from hringur.types import UserError

FAMILIES = {"IcelandTSP-v0": "iceland", "EuclideanTSP-v0": "euclidean"}
USUAL = {"season": "summer", "distance": "road", "round_trip": True}
"""Options of which all held-out sets are; others may have any value."""


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Measure a trained run against the proven optimum, on instances it was not trained on."""

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """run folder, or a saved agent, or attention-model: the shipped one"""

    held_out: str | None = None
    """iceland-20, iceland-50, euclidean-20 or euclidean-50; what fits the run when not given"""

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

    two_opt: bool = False
    """add a row for each method, with its tours improved by 2-opt"""

    seed: int = 0
    """of what is random, which is sampling tours or actions [0 .. 2**32 - 1]"""

    device: Device = "auto"
    """where the network computes; auto takes the GPU when there is one"""

    output: Path | None = None
    """write the figures of every instance to this JSON file, which must not exist"""

    json: bool = False
    """print the figures as JSON instead of a table"""

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**32:
            raise UserError(f"--seed must be in 0..{2**32 - 1}, got {self.seed}")
        for name, value in (("episodes", self.episodes), ("video-steps", self.video_steps)):
            if value < 1:
                raise UserError(f"--{name} must be at least 1, got {value}")

    def decodings(self) -> list[Decoding]:
        """Each method; with 2-opt, each method beside itself with it."""
        network = [
            Decoding(
                method=method,
                samples=self.samples,
                beam_width=self.beam_width,
                symmetries=self.symmetries,
            )
            for method in self.method or [decoding.method for decoding in DECODINGS]
        ]
        if not self.two_opt:
            return network
        return [dataclasses.replace(d, two_opt=x) for d in network for x in (False, True)]


def main(arguments: list[str]) -> None:
    """Load, measure, print; everything that can be refused is refused before it is measured."""
    options = parse(Evaluate, arguments, "evaluate")
    if options.output is not None:
        check_new(options.output)
    evaluate_film.check_path(options.video)
    decodings = options.decodings()
    trained = load_trained(options.run, options.device)
    if trained.name in MODELS:
        evaluate_film.check_agent(trained, options)
        from hringur.commands.evaluate import images as evaluate_images  # others need not wait

        evaluate_images.main(trained, options, arguments)
        return
    if not hasattr(trained.learner, "n_places"):  # what every learner of tours has
        evaluate_film.check_policy(trained, options)
        env_options = evaluate_episodes.played_options(trained, options.option)
        films = evaluate_film.film(trained, options, env_options)
        evaluate_episodes.main(trained, options, env_options, arguments, films)
        return
    if options.actions == "sampled":
        raise UserError("--actions is for agents without tours; these have --method sampling")
    if options.option:
        raise UserError("--option is for agents without tours; these have --held-out")
    problem = problem_for([trained], options.held_out, options.count)
    if not isinstance(trained.learner, Planner):
        check_greedy(options, trained)
    films = evaluate_film.film(trained, options, trained.learner.env_options)
    note(f"measuring {options.run} on {len(problem):,} instances of {problem.name} ...")
    command = shlex.join(["hringur", "evaluate", *arguments])
    scores = measure(trained, trained.name, problem, decodings, options.seed, command)
    if options.output is not None:
        content = record(trained, problem, scores, films, per_instance=True)
        write_whole(options.output, json_text(content) + "\n")
    if options.json:
        print_json(record(trained, problem, scores, films))
    else:
        show(compare.table(scores))


def measure(
    trained: Trained,
    name: str,
    problem: HeldOut,
    decodings: Sequence[Decoding],
    seed: int,
    command: str,
) -> list[Score]:
    """One score for each decoding, each from the same seed; SB3's learners have their own two."""
    if not isinstance(trained.learner, Planner):
        return learner_scores(name, trained.learner, problem, command=command)
    scores = []
    for decoding in decodings:
        seed_everything(seed)  # so that 2-opt improves the very samples of the row without it
        scores += learner_scores(name, trained.learner, problem, [decoding], command)
    return scores


def problem_for(trained: Sequence[Trained], name: str | None, count: int | None) -> HeldOut:
    """The held-out instances: the set called ``name``, or the one that fits all of ``trained``.

    Raises:
        UserError: none fits, the runs do not agree, or ``count`` is out of range.
    """
    fitting = {fitting_set(one) for one in trained} if name is None else {name}
    if len(fitting) > 1:
        raise UserError(
            f"these runs were trained on different problems ({', '.join(sorted(fitting))}): "
            "say with --held-out on which to measure them"
        )
    problem = held_out(fitting.pop())
    if count is not None and not 1 <= count <= len(problem):
        raise UserError(f"--count must be in 1..{len(problem)} for {problem.name}, got {count}")
    for one in trained:
        if not one.learner.env_options.get("round_trip", True):
            raise UserError(f"{one.path} plans open paths; the held-out optima are of round trips")
        if not isinstance(one.learner, Planner) and one.learner.n_places != problem.n:
            raise UserError(
                f"{one.path} decides on {one.learner.n_places} places and on no other number: "
                f"{problem.name} has {problem.n}"
            )
    return problem if count is None else problem.first(count)


def fitting_set(trained: Trained) -> str:
    """Name of the held-out set of such instances as ``trained`` learned from.

    Raises:
        UserError: there is none.
    """
    learner = trained.learner
    options: dict[str, Any] = {"places": learner.n_places} | learner.env_options
    name = f"{FAMILIES.get(learner.env_id.rpartition(':')[2])}-{options['places']}"
    if name in HELD_OUT and all(options.get(key, usual) == usual for key, usual in USUAL.items()):
        return name
    about = ", ".join(f"{key} {value}" for key, value in options.items())
    raise UserError(
        f"no held-out set is of the kind that {trained.path} was trained on "
        f"({learner.env_id}, {about}): choose one with --held-out, of {', '.join(HELD_OUT)}"
    )


def check_greedy(options: Evaluate, trained: Trained) -> None:
    """Refuse what only a learner that plans whole tours can do."""
    asked = [f"--method {method}" for method in options.method if method != "greedy"]
    asked += ["--two-opt"] if options.two_opt else []
    asked += ["--symmetries 8"] if options.symmetries == 8 else []
    if asked:
        raise UserError(f"{trained.name} decides step by step, greedily: it has no {asked[0]}")


def check_new(path: Path) -> None:
    """Refuse a file that exists, or that could not be written, before any work is done."""
    if path.exists():
        raise UserError(f"{path} exists already: choose another name")
    if not path.parent.is_dir():
        raise UserError(f"cannot write {path}: there is no folder {path.parent}")


def record(
    trained: Trained,
    problem: HeldOut,
    scores: Sequence[Score],
    films: Sequence[Path] = (),
    per_instance: bool = False,
) -> dict[str, Any]:
    """The figures for a program."""
    written = {"written": [str(path) for path in films]} if films else {}
    return written | {
        "run": str(trained.path),
        "learner": trained.name,
        "held_out": problem.name,
        "instances": len(problem),
        "scores": [score.to_json(per_instance) for score in compare.ranked(scores)],
    }
