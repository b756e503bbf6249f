"""Generated command lines: options, fields of settings, states of checkpoints, bytes of files."""

import dataclasses
import io
import json
import os
import re
import shutil
import signal
import tempfile
import typing
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import tyro
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image

from hringur.commands.applications.edit import Edit
from hringur.commands.applications.mix import Mix
from hringur.commands.applications.translate import Translate
from hringur.commands.applications.transport import Transport
from hringur.commands.compare.agents import CompareAgents
from hringur.commands.compare.command import Compare
from hringur.commands.compare.models import CompareModels
from hringur.commands.demo import Demo
from hringur.commands.estimators import Estimators
from hringur.commands.evaluate.command import Evaluate
from hringur.commands.listing import List
from hringur.commands.options import IcelandOptions
from hringur.commands.push import Push
from hringur.commands.rewrite import Rewrite
from hringur.commands.search import SearchOptions
from hringur.commands.signal import Signal
from hringur.commands.tour.command import Tour
from hringur.commands.train.command import Resume, Train
from hringur.commands.train.model import TrainModel
from hringur.commands.tune.command import TuneAgent, TuneModel
from hringur.commands.tune.trials import create_study
from hringur.registry import config_of, learners, models
from hringur.training.config import TrainerConfig
from tests.fuzz.runs import (
    MORE_RUNS,
    OF_SEQUENCES,
    READ,
    RUNS,
    edit_state,
    set_field,
    small_dataset,
)

ALL_RUNS = {**RUNS, **MORE_RUNS}


@dataclass(frozen=True)
class Case:
    """A command line, and what is done to its folder before."""

    words: tuple[str, ...]
    told: str
    """what was done, for a person"""

    of: str
    """what was changed: options, config.json, state, or the bytes of which file"""

    prepare: Callable[[Path], None]


TEXTS = [
    *("", " ", "x", "-1", "0", "1", "2", "3.5", "1e400", "nan", "inf", "-inf", "1_0", "9" * 23),
    *("None", "True", "true", "[]", "{}", "[1, 2]", "places=x", "a=b=c", "=", "--", "-", "..", "/"),
    *("x" * 300, "a\0b", "../x", "/dev/full", "/proc/x.png", "tour.png", "x.json", "r", "att"),
    *(
        "\ud800",
        "\x1b[31m",
        "\uff11\uff12",
        "Þórsmörk",
        "CartPole-v1",
        "IcelandTSP-v0",
        "os:system",
    ),
    *("digits", "mnist", "lecture", "all", "cpu", "cuda", "iceland-20", "9steps", "exp0", "gan"),
]
SHARES = st.floats(0, 1, allow_subnormal=False)
FLOATS = st.floats(allow_subnormal=False)  # torch may have turned the others off
NUMBERS = [0, 1, -1, 2, 3, 0.5, -0.0, 1e-320, 1e308, 2**31, 2**63, 2**64, 10**12, 10**30, 10**400]
WORK_SECONDS = 0.5
"""of a first update, which is no longer waited for"""

CONFIGS: dict[str, list[type[Any]]] = {
    "evaluate": [Evaluate],
    "compare": [Compare],
    "compare --agents": [CompareAgents],
    "compare --models": [CompareModels],
    "tour": [Tour],
    "mix": [Mix],
    "edit": [Edit],
    "transport": [Transport],
    "translate": [Translate],
    "search": [SearchOptions],
    "signal": [Signal],
    "rewrite": [Rewrite],
    "tune": [TuneAgent],
    "tune --models": [TuneModel],
    "push": [Push],
    "demo": [Demo],
    "list": [List],
    "estimators": [Estimators],
    "train --resume": [Resume],
}
SMALLER_ONES = {
    **dict.fromkeys(("ppo", "a2c", "dqn", "maskable-ppo"), ["--n-envs=2", "--places=6"]),
    **dict.fromkeys(("attention-model", "pointer-network"), ["--places=6", "--batch=2"]),
    **dict.fromkeys(("text-style", "sequence-autoencoder"), ["--critic-width=4", *OF_SEQUENCES]),
    "grammar-vae": OF_SEQUENCES,
    "attribute-autoencoder": ["--channels=2", "--completion-channels=2", "--completion-depth=1"],
}
"""Options of learners whose usual first update takes long."""

POLES = ["reinforce", "--env=CartPole-v1", "--budget=9steps", "--trials=1"]
USUAL: dict[str, list[list[str]]] = {
    "evaluate": [
        ["att", "--held-out", "iceland-20", "--count", "2"],
        ["rf", "--episodes", "2"],
        ["ppo", "--episodes", "2"],
        ["gan", "--count", "50"],
        *([name, "--count", "10"] for name in ("str", "style", "scenes", "bodies", "sides")),
        *([name, "--episodes", "2"] for name in ("trader", "box", "lake")),
    ],
    "compare": [
        ["att", "--held-out", "iceland-20", "--count", "2"],
        ["--heuristics", "all", "--count", "2"],
    ],
    "compare --agents": [
        ["compare", "--agents", "reinforce", "--env", "CartPole-v1", "--budget", "9steps"]
    ],
    "compare --models": [["compare", "--models", "exp0", "--dataset", "digits"]],
    "tour": [["Reykjavik", "Akureyri", "Selfoss"], ["--csv", "places.csv"], ["lecture"]],
    "mix": [["face:1", "face:2", "--steps=3"], ["a.png", "face:3", "--model=gan"]],
    "edit": [
        ["face:1", "--smile=1"],
        ["face:1", "--age=1", "--route=conditional"],
        ["hatted/1.png", "--model=hats", "--hat=1"],
    ],
    "transport": [
        ["--samples=100", "--steps=3", "--figure=t.png"],
        ["--dimensions", "1", "2", "--samples=100", "--steps=3"],
    ],
    "translate": [["a.png", "--model=gan"], ["two/x/1.png", "--model=sides"]],
    "search": [
        ["--model=gan", "--evaluations=20"],
        ["--model=str", "--property=error", "--evaluations=2", "--known=10"],
    ],
    "signal": [["rf", "--prices=places.csv"], ["trader", "--prices=prices.csv"]],
    "rewrite": [
        ["good day", "--to=modern", "--dataset=styles.tsv"],
        ["thou good day", "--to=modern", "--model=style"],
    ],
    "tune": [["tune", *POLES]],
    "tune --models": [
        ["tune", "gan", "--dataset=digits", "--budget=9images", "--trials=1"],
        ["tune", "grammar-vae", "--dataset=expressions", "--budget=9strings", "--trials=1"],
    ],
    "push": [[name, "user/name", "--count=10"] for name in ("rf", "box", "gan", "str")],
    "demo": [["--folder=page"], ["--no-browser"]],
    "list": [[]],
    "estimators": [["--problem", "lecture", "--estimates", "100"]],
    "train --resume": [["--resume", name] for name in ALL_RUNS],
}


def option_fields(classes: list[type[Any]]) -> dict[str, Any]:
    """Default of each option of the command line that is a field of these dataclasses."""
    found = {}
    for one in classes:
        hints = typing.get_type_hints(one, include_extras=True)
        for field in dataclasses.fields(one):
            extras = getattr(hints[field.name], "__metadata__", ())
            if tyro.conf.Positional not in extras:
                found[f"--{field.name.replace('_', '-')}"] = field.default, hints[field.name]
    return found


def fitting(default: Any, hint: Any) -> list[str]:
    """A few values near what an option may be."""
    choices = [str(one) for one in re.findall(r"Literal\[(.*?)\]", str(hint))]
    named = [name.strip(" '") for names in choices for name in names.split(",")]
    if isinstance(default, bool) or default is dataclasses.MISSING:
        return named
    if isinstance(default, int | float):
        return [*named, *(str(type(default)(k * default)) for k in (1, 2, 0.5, -1)), "1", "2", "3"]
    return [*named, *map(str, default if isinstance(default, tuple) else [default])]


def any_text() -> st.SearchStrategy[str]:
    """A value on the command line."""
    numbers = st.sampled_from(NUMBERS).map(str)
    return st.one_of(st.sampled_from(TEXTS), numbers, st.integers().map(str), st.text(max_size=12))


def any_json() -> st.SearchStrategy[Any]:
    """A value in a file of settings or in a checkpoint."""
    plain = st.one_of(
        st.none(), st.booleans(), st.sampled_from(NUMBERS), st.sampled_from(TEXTS), FLOATS
    )
    return st.one_of(
        plain,
        st.lists(plain, max_size=3),
        st.dictionaries(st.sampled_from(["places", "x", "season", "start"]), plain, max_size=2),
    )


@st.composite
def options(draw: st.DrawFn) -> Case:
    """A command with one to three options of any value."""
    names = [*CONFIGS, *(f"train {name}" for name in {**learners(), **models()})]
    name = draw(st.sampled_from(names))
    if name in CONFIGS:
        words = name.split()[:1] + draw(st.sampled_from(USUAL[name]))
        if name.startswith(("compare --", "tune")):
            words = words[1:]
        classes = CONFIGS[name]
    else:
        learner = name.split()[1]
        what = Train if learner in learners() else TrainModel
        classes = [what, config_of(learner), TrainerConfig, IcelandOptions]
        of = []
        if learner in models():
            of = [f"--dataset={small_dataset(learner)}"]
        if learner in SMALLER_ONES:
            of += SMALLER_ONES[learner]
        words = ["train", learner, *of, "--steps=1", "--device=cpu", "--folder=r"]
    known = option_fields(classes)
    takes_options = "train" in words or "--agents" in words or not known.keys() - {"--option"}
    given: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        names = [*known, "--option"] if takes_options else [*known]
        option = draw(st.sampled_from(names or ["--json"]))
        default, hint = known.get(option, (None, str))
        near, likely = fitting(default, hint), draw(st.booleans())
        value = draw(st.sampled_from(near) if near and likely else any_text())
        if option == "--option":
            keys = ["places", "start", "window", "fee", "sticky", "season", "split", "fold", "x"]
            value = f"{draw(st.sampled_from(keys))}={value}"
        if option in ("--video", "--agents", "--models") and draw(st.booleans()):
            continue
        if isinstance(default, bool) and draw(st.integers(0, 3)):
            given += [option if not default else option.replace("--", "--no-", 1)]
        else:
            given += [f"{option}={value}"] if draw(st.booleans()) else [option, value]
    return Case((*words, *given), "options", "options", lambda folder: copy_inputs(folder, words))


def write_inputs(folder: Path) -> None:
    """Files that runs and cases read: places, prices, sentences, images with and without labels."""
    folder.mkdir()
    for name in ("places.csv", "prices.csv", "styles.tsv"):
        (folder / name).write_bytes(FILES[name])
    (folder / "a.png").write_bytes(FILES["folder/a.png"])
    for place, count in (("two/x", 12), ("two/y", 12), ("hatted", 24)):
        (folder / place).mkdir(parents=True)
        for number in range(count):
            (folder / place / f"{number}.png").write_bytes(png(number))
    (folder / "hatted/attributes.csv").write_bytes(FILES["hatted/attributes.csv"])


def copy_inputs(folder: Path, words: Sequence[str]) -> None:
    """Copy into a case's folder the runs that a command line names, and what it reads."""
    runs = folder.parent / "runs"
    named = {part for word in words for part in re.split("[=/]", word)}
    named |= {READ[name] for name in named & READ.keys()}
    for name in named & {*ALL_RUNS, "two", "hatted"}:
        shutil.copytree(runs / name, folder / name)
    for name in named & {"places.csv", "prices.csv", "styles.tsv", "a.png"}:
        shutil.copy(runs / name, folder / name)


def leaves(values: Any, where: str = "") -> list[str]:
    """Names of all fields of nested settings, with dots, and of the groups too."""
    if not isinstance(values, dict):
        return [where]
    inner = [name for key in values for name in leaves(values[key], f"{where}.{key}".lstrip("."))]
    return ([where] if where else []) + inner


@st.composite
def settings(draw: st.DrawFn, runs: Path) -> Case:
    """A run of which a field of config.json is anything."""
    name = draw(st.sampled_from(list(ALL_RUNS)))
    fields = leaves(json.loads((runs / name / "config.json").read_text()))
    field, value = draw(st.sampled_from(fields)), draw(any_json())

    words = draw(uses(name))

    def prepare(folder: Path) -> None:
        copy_inputs(folder, words)
        set_field(folder / name, field, value)

    return Case(words, f"{field} = {value!r}"[:200], "config.json", prepare)


OWN_USES = {
    "att": ["tour lecture --agent att"],
    "rf": ["tour lecture --agent rf"],
    "gan": ["mix a.png a.png --model=gan --steps=3"],
    "str": ["search --model=str --property=error --evaluations=2 --known=10"],
    "style": ["rewrite thou --to=modern --model=style"],
    "sides": ["translate two/x/1.png --model=sides"],
    "bridge": ["translate two/x/1.png --model=bridge"],
    "hats": [
        "edit hatted/1.png --model=hats --hat=1",
        "mix hatted/1.png hatted/2.png --model=hats --steps=3",
    ],
    "trader": ["signal trader --prices=prices.csv"],
}
"""Commands that only some runs are for."""


def uses(run: str) -> st.SearchStrategy[tuple[str, ...]]:
    """Commands that read a run."""
    count = "--count=10"
    if run in ("rf", "ppo", "trader", "box", "lake"):
        count = "--episodes=2"
    if run == "att":
        count = "--held-out=iceland-20 --count=2"
    lines = [f"train --resume {run} --steps 9", f"evaluate {run} {count}"]
    lines += [f"push {run} user/name --no-figures", *OWN_USES.get(run, [])]
    return st.sampled_from([tuple(line.split()) for line in lines])


@st.composite
def states(draw: st.DrawFn, runs: Path) -> Case:
    """A run in whose checkpoint any part of the state is anything; the digest fits."""
    name, value = draw(st.sampled_from(list(ALL_RUNS))), draw(any_json())
    depth, choice = draw(st.integers(1, 5)), draw(st.integers(0, 10**6))
    gone, words = draw(st.booleans()), draw(uses(name))

    def edit(state: dict[str, Any]) -> None:
        place: Any = state
        for level in range(depth):
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = keys[(choice >> (3 * level)) % len(keys)]
            inner = place[key]
            last = level == depth - 1 or not isinstance(inner, dict | list) or not inner
            if last:
                if gone and isinstance(place, dict):
                    del place[key]
                else:
                    place[key] = value
                return
            place = inner

    def prepare(folder: Path) -> None:
        copy_inputs(folder, words)
        edit_state(folder / name, edit)

    what = f"state of {name}: depth {depth}, choice {choice}, {'gone' if gone else repr(value)}"
    return Case(words, what[:200], "state", prepare)


def packed(**arrays: Any) -> bytes:
    """An .npz."""
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def zipped(content: bytes, count: int = 3) -> bytes:
    """A .zip of so many files of this content."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(count):
            archive.writestr(f"class/{number}.png", content)
    return file.getvalue()


def png(seed: int = 0, side: int = 16) -> bytes:
    """A small picture."""
    content = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side), dtype=np.uint8)
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def parquet() -> bytes:
    """Prices of thirty days."""
    content = io.BytesIO()
    days = np.arange("2020-01-01", "2020-01-31", dtype="datetime64[D]")
    prices = np.arange(1.0, 31.0)
    pq.write_table(pa.table({"Date": days, "Open": prices, "Close": prices}), content)
    return content.getvalue()


def study() -> bytes:
    """A search of settings before its first trial."""
    with tempfile.TemporaryDirectory() as folder:
        create_study(Path(folder), "minimize", "evaluation/gap_percent")
        return (Path(folder) / "study.db").read_bytes()


STUDIED = {"name": "reinforce", "budget": "9steps", "seed": 0, "device": "cpu"}
STUDIED |= {"env": "CartPole-v1", "env_options": {}}
DAYS = "".join(f"2020-01-{day:02d},{day},{day + 1},{day - 0.5},{day}\n" for day in range(1, 31))
TSP = "NAME: a\nTYPE: TSP\nDIMENSION: 4\nEDGE_WEIGHT_TYPE: EUC_2D\nNODE_COORD_SECTION\n"
FILES = {
    "places.csv": b"name,lat,lon\nA,64.1,-21.9\nB,65.7,-18.1\nC,64.0,-20.2\nD,65.2,-14.0\n",
    "matrix.csv": b",A,B,C\nA,0,1,2\nB,1,0,3\nC,2,3,0\n",
    "a.tsp": f"{TSP}1 0 0\n2 0 3\n3 4 0\n4 4 3\nEOF\n".encode(),
    "prices.csv": f"Date,Open,High,Low,Close\n{DAYS}".encode(),
    "images.npz": packed(images=np.zeros((20, 8, 8), np.uint8), labels=np.arange(20) % 2),
    "images.zip": zipped(png(side=8)),
    "folder/a.png": png(side=8),
    "folder/b.png": png(side=8),
    "left.png": png(side=8),
    "prices.parquet": parquet(),
    "styles.tsv": "".join(
        f"{style}\t{word} {how} {long} day\n"
        for style, word in (("old", "thou"), ("modern", "you"))
        for how in ("good", "bad", "fair", "cold", "hot")
        for long in ("long", "short", "first", "last")
    ).encode(),
    "hatted/attributes.csv": "\n".join(
        ["file,smile,hat", *(f"{k}.png,{k % 2},{k // 2 % 2}" for k in range(24))]
    ).encode(),
    "study/study.db": study(),
    "study/study.json": json.dumps(STUDIED).encode(),
}
BESIDE = {
    "folder/a.png": ("folder/b.png",),
    "folder/b.png": ("folder/a.png",),
    "study/study.db": ("study/study.json",),
    "study/study.json": ("study/study.db",),
}
"""Files that a reader needs too."""

READERS = {
    "places.csv": ["tour", "--csv", "places.csv", "--seconds", "2"],
    "matrix.csv": ["tour", "--matrix", "matrix.csv", "--seconds", "2"],
    "a.tsp": ["tour", "--tsplib", "a.tsp", "--seconds", "2"],
    "prices.csv": [
        *("train", "reinforce", "--env", "StockTrading-v0", "--steps=1", "--folder=r"),
        *("--option", "prices=prices.csv", "window=5"),
    ],
    "images.npz": ["train", "gan", "--dataset", "images.npz", "--batch=4", "--steps=1"],
    "images.zip": ["train", "gan", "--dataset", "images.zip", "--batch=2", "--steps=1"],
    "folder/a.png": ["train", "gan", "--dataset", "folder", "--batch=2", "--steps=1"],
    "folder/b.png": ["train", "gan", "--dataset", "folder", "--batch=2", "--steps=1"],
    "left.png": ["mix", "left.png", "left.png", "--model=gan", "--steps=3"],
    "prices.parquet": [
        *("train", "reinforce", "--env", "StockTrading-v0", "--steps=1", "--folder=r"),
        *("--option", "prices=prices.parquet", "window=5"),
    ],
    "styles.tsv": ["rewrite", "good day", "--to=modern", "--dataset=styles.tsv"],
    "hatted/attributes.csv": [
        *("train", "attribute-autoencoder", "--dataset", "hatted", "--batch=2", "--steps=1"),
        *("--channels=2", "--hidden=4", "--latent=4"),
    ],
    "study/study.db": ["tune", *POLES, "--folder=study"],
    "study/study.json": ["tune", *POLES, "--folder=study"],
}


@st.composite
def file_bytes(draw: st.DrawFn, runs: Path) -> Case:
    """A file of any format with some bytes changed, cut off, doubled or put in."""
    of_runs = [
        f"{run}/{path.relative_to(runs / run)}"
        for run in ALL_RUNS
        for path in sorted((runs / run).rglob("*"))
        if path.name in ("config.json", "history.jsonl") or path.suffix == ".safetensors"
    ]
    name = draw(st.one_of(st.sampled_from([*FILES]), st.sampled_from(of_runs)))
    words = READERS[name] if name in FILES else draw(uses(name.split("/")[0]))
    changes = draw(st.lists(st.tuples(SHARES, st.binary(max_size=9)), max_size=4))
    end = draw(st.sampled_from([1.0, 1.0, 1.0, 0.5, 0.1, 0.0]))

    def damage(content: bytes) -> bytes:
        data = bytearray(content)
        for share, new in changes:
            at = int(share * len(data))
            data[at : at + len(new) // 2] = new
        return bytes(data[: int(end * len(data))])

    def prepare(folder: Path) -> None:
        copy_inputs(folder, words)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        for other in BESIDE.get(name, ()):
            (folder / other).write_bytes(FILES[other])
        path.write_bytes(damage(FILES[name] if name in FILES else path.read_bytes()))

    of = f"bytes of {re.sub('[0-9.]{5,}', 'N', Path(name).name)}"
    return Case(tuple(words), f"{name}: {changes!r} to {end}"[:200], of, prepare)


def any_case(runs: Path) -> st.SearchStrategy[Case]:
    """All of them."""
    return st.one_of(options(), settings(runs), states(runs), file_bytes(runs))


class Enough(Exception):
    """The first update takes longer than ``WORK_SECONDS``."""


def enough(*_: Any) -> None:
    """Of SIGALRM."""
    raise Enough


def stub_work() -> None:
    """In the child: what comes after the last check takes no time."""
    from hringur.agents.tours.agent import TourAgent
    from hringur.commands import demo, estimators, push
    from hringur.commands.compare import training
    from hringur.commands.train import running
    from hringur.commands.tune import command as tune
    from hringur.data import figures
    from hringur.evaluation.estimators import bench
    from hringur.evaluation.films import film
    from hringur.evaluation.generative import transport
    from hringur.evaluators import episodes, tours
    from hringur.generative.applications.transport import LEARNED, SOLVERS
    from hringur.training import trainer

    def saved(run: Any, interruption: Any) -> bool:
        signal.signal(signal.SIGALRM, enough)
        signal.setitimer(signal.ITIMER_REAL, WORK_SECONDS)
        with suppress(Enough):
            run.update(0.5)
        signal.setitimer(signal.ITIMER_REAL, 0)
        run.save()
        return False

    def planned(agent: Any, instances: Any, *others: Any, **options: Any) -> np.ndarray:
        return np.tile(np.arange(instances.n_places), (len(instances), 1))

    def unlearned(problem: Any, *others: Any) -> Any:
        return measure(problem, 2, 100, others[-1])

    figures.DOTS_PER_INCH, transport.PLACES = 10, 5
    bench.WARM_UP, bench.TIMED_LEAST, bench.TIMED_SECONDS = 1, 1, 0.0
    solve, play, measure = tours.own_held_out, episodes.play_episodes, estimators.bench
    stubs: list[tuple[Any, str, Callable[..., Any]]] = [
        (trainer._Run, "until_done", saved),
        (TourAgent, "plan", planned),
        (running, "draw", lambda *others: None),
        (training, "run_cells", lambda *others: iter(())),
        (tune, "run_cells", lambda *others: iter(())),
        (tune, "report", lambda *others: None),
        (
            film,
            "film_agent",
            lambda *others, **options: (SimpleNamespace(score=0.0, actions=[0]), []),
        ),
        (tours, "own_held_out", lambda env, options, n=2: solve(env, options, min(n, 2))),
        (estimators, "bench", unlearned),
        (demo.ThreadingHTTPServer, "serve_forever", lambda server: None),
        (demo.webbrowser, "open", lambda address: True),
        (push, "draw", lambda *given: []),
        (push, "check", lambda repo_id, private: None),
        (push, "send", lambda folder, repo_id, message, private: "the Hub"),
        (os, "fsync", lambda number: None),
        (Figure, "savefig", lambda figure, file, **options: file.write(b"a figure")),
        (torch, "compile", lambda function, **options: function),
        (
            episodes,
            "play_episodes",
            lambda env, options, decide, n=2, *others, **more: play(
                env, options, decide, min(n, 2), *others, **more
            ),
        ),
    ]

    def hurried(solve: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given, steps, **more: solve(*given, steps=min(steps, 3), **more)

    for owner, name, stub in stubs:
        setattr(owner, name, stub)
    SOLVERS.update({name: hurried(SOLVERS[name]) for name in LEARNED})
