"""``hringur push RUN user/name``: a run to the Hugging Face Hub, with figures and a film."""

import io
import json
import shlex
import shutil
import tempfile
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path
from pkgutil import resolve_name
from typing import Annotated, Any

import gymnasium as gym
import tyro

from hringur.commands.console import note, parse
from hringur.commands.evaluate.command import Evaluate
from hringur.commands.evaluate.episodes import own_options
from hringur.commands.options import check_counts
from hringur.data.files import json_text, write_whole
from hringur.data.hub import CONFIG, PREFIX, WEIGHTS, check, send
from hringur.evaluation.cards import Card
from hringur.registry import TOURS, config_of, models
from hringur.trained import RunSettings, Trained, load_trained
from hringur.training.run_folder import RunFolder
from hringur.training.trainer import TrainerConfig
from hringur.types import UserError

FILM_DECISIONS = 300
"""Longest film of an episode: a card is opened in a browser."""


@dataclass(frozen=True, kw_only=True)
class Push:
    """Send a run to the Hugging Face Hub, with a card of measured figures."""

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """run folder, or a saved agent or model"""

    repo_id: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="USER/NAME")]
    """where to; it is made if it is not there"""

    private: bool = False
    """make a private one"""

    count: int | None = None
    """measure so many held-out episodes, instances, images; as hringur evaluate when not given"""

    no_figures: bool = False
    """measure nothing"""

    message: str = ""
    """of the commit"""

    def __post_init__(self) -> None:
        check_counts(self, "count")


def main(arguments: list[str]) -> None:
    """Load, measure, send, and print where it is."""
    options = parse(Push, arguments, "push")
    if str(options.run).startswith(PREFIX):
        raise UserError(f"{options.run} is on the Hub already: name a run or a file to push")
    trained = load_trained(options.run, "auto")
    figures = not options.no_figures
    print(push(trained, options.repo_id, options.private, figures, options.count, options.message))


def push_learner(
    learner: Any, repo_id: str, *, private: bool, measure: bool, count: int | None, message: str
) -> str:
    """Send an agent or a model that is in memory."""
    if measure and getattr(learner, "evaluator", True) is None:
        raise UserError("figures need an environment by name: push_to_hub(..., measure=False)")
    trained = Trained(path=Path(PREFIX + repo_id), name=learner.config.name, learner=learner)
    return push(trained, repo_id, private, measure, count, message)


def push(
    trained: Trained, repo_id: str, private: bool, measure: bool, count: int | None, message: str
) -> str:
    """Measure, draw, make the repository and send; returns the address of the commit.

    A repository is made last: there is none where measuring is refused.
    """
    check(repo_id, private)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        command, record, tables = evaluated(trained, repo_id, count) if measure else ("", {}, "")
        settings = write_files(trained, folder)
        names = [path.name for path in draw(trained, folder)]
        domain = trained.domain
        card = Card(
            repo_id=repo_id,
            learner=trained.name,
            of=trained.learner.of if domain is None else None,
            data=settings["env"],
            version=version("hringur"),
            made_by=made_by(trained),
            settings=settings["env_options"],
            command=command,
            record=record,
            tables=tables,
            pictures=names,
        )
        write_whole(folder / "README.md", card.text())
        message = message or f"{trained.name} on {settings['env']}"
        return send(folder, repo_id, message, private)


def evaluated(trained: Trained, repo_id: str, count: int | None) -> tuple[str, dict[str, Any], str]:
    """A command that measures it, what that records, and its tables in Markdown."""
    name = "count" if trained.domain in (TOURS, None) else "episodes"
    counts: dict[str, Any] = {} if count is None else {name: count}
    words = [f"{PREFIX}{repo_id}", *(f"--{key}={value}" for key, value in counts.items())]
    with tempfile.TemporaryDirectory() as place, redirect_stdout(io.StringIO()) as tables:
        output = Path(place) / "figures.json"
        options = Evaluate(run=trained.path, output=output, markdown=True, **counts)
        resolve_name(trained.evaluation)(trained, options, words)
        record = json.loads(output.read_text(encoding="utf-8"))
    return shlex.join(["hringur", "evaluate", *words]), record, tables.getvalue()


def write_files(trained: Trained, folder: Path) -> dict[str, Any]:
    """Weights and settings: of a run as they lie there, of what is in memory as ``save`` writes it.

    Returns the settings.
    """
    learner = trained.learner
    if trained.folder is not None:
        run = RunFolder.open(trained.folder)
        file = trained.path if trained.path.is_file() else run.latest_checkpoint()
        assert file is not None, "it was loaded from one"
        shutil.copyfile(file, folder / WEIGHTS)
        settings = run.settings()
    else:
        learner.save(folder / WEIGHTS)
        about = learner.description() if trained.domain is None else vars(learner)
        settings = {
            "learner": trained.name,
            "config": asdict(learner.config),
            "env": learner.env_id if trained.domain else str(about.get("dataset", learner.of)),
            "env_options": learner.env_options if trained.domain else {},
            "seed": learner.seed,
        }
    write_whole(folder / CONFIG, json_text(settings) + "\n")
    return settings


def draw(trained: Trained, folder: Path) -> list[Path]:
    """A film of the first held-out episode, or a model's pictures; none where there are none."""
    learner = trained.learner
    try:
        if trained.domain is None:
            return learner.write_pictures(folder)
        from hringur.evaluation.films.film import film_agent  # slow to load

        options, film = own_options(trained), folder / "replay.gif"
        return film_agent(learner, learner.env_id, options, film, max_steps=FILM_DECISIONS)[1]
    except (UserError, gym.error.Error) as error:
        note(f"no pictures: {error}")
        return []


def made_by(trained: Trained) -> str:
    """How it was trained, in Markdown."""
    if trained.settings is None:
        return f"Python; `{CONFIG}` has the settings."
    return f"```\n{train_command(trained.settings)}\n```"


def train_command(settings: RunSettings) -> str:
    """The command that trains like this run: its options where they differ from the defaults."""
    env_options = settings.env_options
    if settings.learner in models():
        where = ["--dataset", settings.env, *options_given(env_options, {})]
    else:
        given = [f"{key}={value}" for key, value in env_options.items()]
        where = ["--env", settings.env, *(["--option", *given] if given else [])]
    words = ["hringur", "train", settings.learner, *where]
    usual = config_of(settings.learner)(), TrainerConfig()
    for own, other in zip((settings.config, settings.trainer), usual, strict=True):
        names = [field.name for field in fields(other)]
        values = {name: getattr(own, name) for name in names}
        if values.get("seconds", 0) is None:  # as another budget is given
            del values["seconds"]
        words += options_given(values, {name: getattr(other, name) for name in names})
    return shlex.join([*words, "--seed", str(settings.seed)])


def options_given(values: dict[str, Any], defaults: dict[str, Any]) -> list[str]:
    """Each value as an option, unless it is the default."""
    words = []
    for name, value in values.items():
        option = name.replace("_", "-")
        if value == defaults.get(name, ...):
            continue
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        elif isinstance(value, tuple | list):
            words += [f"--{option}", *map(str, value)]
        else:
            words += [f"--{option}", str(value)]
    return words
