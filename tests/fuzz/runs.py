"""Tiny trained runs, and copies of them in which one thing is wrong."""

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from hringur.registry import config_of
from hringur.training import checkpoint
from tests.fuzz.call import call

RUNS = {
    "att": ["attention-model", "--places=10", "--batch=4", "--width=64", "--layers=1", "--steps=4"],
    "rf": ["reinforce", "--env=CartPole-v1", "--n-envs=2", "--n-steps=8", "--steps=4"],
    "ppo": ["ppo", "--env=CartPole-v1", "--n-envs=2", "--epochs=1", "--steps=1"],
    "gan": ["gan", "--dataset=digits", "--batch=8", "--channels=2", "--hidden=8", "--steps=4"],
}
"""Options of the four runs, by the name of their folder."""

OF_SEQUENCES = [
    *("--batch=4", "--latent=4", "--hidden=8", "--encoder-hidden=8", "--plan=4", "--embedding=4"),
    "--steps=2",
]
OF_PAIRS = ["--channels=2", "--hidden=4", "--batch=2", "--steps=2"]
OF_STRUCTURES = ["--width=8", "--batch=2", "--steps=2"]
SHORT = ["--n-envs=2", "--n-steps=8", "--steps=2"]
MORE_RUNS = {
    "str": ["grammar-vae", "--dataset=expressions", *OF_SEQUENCES],
    "sentences": [
        *("sequence-autoencoder", "--dataset=styles.tsv", "--critic-width=4", *OF_SEQUENCES)
    ],
    "style": ["text-style", "--dataset=styles.tsv", "--critic-width=4", *OF_SEQUENCES],
    "scenes": ["attend-infer-repeat", "--latent=4", "--refining-steps=1", *OF_STRUCTURES],
    "bodies": ["relational-inference", *OF_STRUCTURES],
    "sides": ["translation", "--dataset=two", "--critic-channels=2", *OF_PAIRS],
    "bridge": ["translation", "--dataset=two", "--method=light-bridge", *OF_PAIRS],
    "hats": [
        *("attribute-autoencoder", "--dataset=hatted", "--latent=4", "--completion-channels=2"),
        *("--completion-depth=1", *OF_PAIRS),
    ],
    "trader": [
        *("reinforce", "--env=StockTrading-v0", "--option", "prices=prices.csv", "window=5"),
        *SHORT,
    ],
    "box": ["reinforce", "--env=BoundingBox-v0", *SHORT],
    "lake": ["dqn", "--env=FrozenLake-v1", "--n-envs=2", "--steps=1"],
}
"""Runs of all other kinds, which scripts/fuzz.py asks for too."""

READ = {
    **dict.fromkeys(("sentences", "style"), "styles.tsv"),
    **dict.fromkeys(("sides", "bridge"), "two"),
    "hats": "hatted",
    "trader": "prices.csv",
}
"""What the data set of such a run is."""

SMALLER = {"mnist": "digits", "molecules": "expressions"}
"""Data sets of the same kind that are read in less time."""

BIG = int("9" * 23)

WRONG: dict[str, list[Any]] = {
    "config.batch": [0, -1, "x", 1.5, None, BIG],
    "config.frequencies": [-1, "x", None],
    "config.heads": [0, 3, "x", -1],
    "config.layers": [-1, None, 10**6, "x"],
    "config.width": [0, -8, "x", None, 10**9],
    "config.lr": ["x", None, -1.0, 0],
    "config.latent": [0, -1, "x", 10**9],
    "config.activation": [5, "nope", None],
    "config.n_envs": [0, -1, [2], "1.5"],
    "env": [
        *("Nope", 5, None, "", "CartPole-v1", "EuclideanTSP-v0", [], "\ud800", "../x"),
        *("CartPole-v1", "os:system", "nonexistmod:X-v0"),
    ],
    "env_options": [
        *(5, None, ["x", "y"], [], "x", {"places": "x"}, {"places": -1}, {"places": 10**12}),
        *({"bogus": 1}, {"season": 3}, {"distance": "x"}, {"start": 5}, {"round_trip": "x"}),
        *({"places": None}, {"places": [1]}, {"start": "Nowhere"}, {"render_mode": "human"}),
        {"num_envs": 3},
    ],
    "seed": [-1, "x", 2**64, 0.5, None, True, []],
    "trainer.checkpoint_every_seconds": ["x", -1.0],
    "trainer.compile": ["x", 5],
    "trainer.device": ["tpu", None, 5],
    "trainer.evaluate_every_steps": ["x", 0],
    "trainer.keep_checkpoints": [0, -1, "x", None],
    "trainer.log_every": [0, "x", None],
    "trainer.precision": ["x", None, 5],
    "trainer.steps": [0, -1, "x", 0.5, 10**400],
    "trainer.threads": [0, -1, "x"],
}
"""What a field of config.json must not be."""

STATES = [
    *("", "[", "5", '"x"', "null", "[]", '{"tensor": "nokey"}', '{"dict": {}, "x": 1}', "{}"),
    *('{"items": 5}', '{"dict": 5}', '{"items": [5]}', '{"tuple": 5}', '{"items": [[1]]}'),
    *('{"tuple": 5}', '{"float": "x"}', '{"array": "nokey"}', '{"unknown": 1}'),
    *("[" * 10**5, '{"dict": {"a":' * 10**5),
]
"""JSON in a checkpoint's header that stands for no state."""

EDITS: list[Callable[[dict[str, Any]], Any]] = [
    lambda state: state.clear(),
    lambda state: state["now"].update(steps="x"),
    lambda state: state["now"].update(steps=1.5),
    lambda state: state["now"].update(seconds=None),
    lambda state: state["now"].update(bogus=1),
    lambda state: state["now"].update(steps=-1),
    lambda state: state.update(processes=[]),
    lambda state: state.update(processes=[None]),
    lambda state: state.update(processes=[{}]),
    lambda state: state.update(averages=None),
    lambda state: state.update(metrics=5),
    lambda state: state.update(evaluated_at="x"),
    lambda state: state.update(learner=[]),
    lambda state: state["processes"][0].update(random={}),
    lambda state: state["processes"][0].update(batches=5),
    lambda state: state["now"].update(steps=10**30),
]
"""Changes of a trainer's state."""

HISTORIES: list[bytes] = [
    *(b'{"step": 1\n', b"null\n", b"{}\n", b"5\n", b"\x80" * 200 + b"\n", b'{"step": "x"}\n'),
    *(b"{x}\n", b"[" * 10**5 + b"\n"),
]
"""Learning curves that are none."""


def small_dataset(model: str) -> str:
    """The data set that a generative model usually has, or a smaller one of its kind."""
    usual = config_of(model).usual_dataset
    return SMALLER.get(usual, usual)


def make_runs(
    folder: Path,
    runs: Mapping[str, Sequence[str]] = RUNS,
    prepare: Callable[[], None] | None = None,
) -> None:
    """Train ``runs`` in ``folder``, in children: torch stays as it is in this process.

    ``prepare`` runs in each child first; what they read lies in ``folder`` already.
    """
    folder.mkdir(exist_ok=True)
    for name, options in runs.items():
        words = ["train", *options, "--device=cpu", "--json", f"--folder={name}"]
        outcome = call(words, folder, prepare, seconds=120.0)
        assert outcome.code == 0, f"the run {name} could not be trained: {outcome.err}"


def last_checkpoint(run: Path) -> Path:
    """The newest checkpoint."""
    return max((run / "checkpoints").iterdir())


def set_field(run: Path, field: str, value: Any) -> None:
    """Write ``value`` as a field of config.json, named with dots."""
    path = run / "config.json"
    settings = json.loads(path.read_text())
    place, *names = settings, *field.split(".")
    for name in names[:-1]:
        place = place[name]
    place[names[-1]] = value
    path.write_text(json.dumps(settings))


def edit_state(run: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    """Change the newest checkpoint's state; its digest is right again afterwards."""
    path = last_checkpoint(run)
    state = checkpoint.load(path)
    edit(state)
    checkpoint.save(path, state)


def set_state_text(run: Path, text: str) -> None:
    """Put ``text`` where a checkpoint has its JSON, with a fitting digest."""
    path = last_checkpoint(run)
    tensors = load_tensors(path.read_bytes())
    digest = checkpoint._digest(text, tensors)
    header = {"kind": checkpoint.KIND, "version": checkpoint.VERSION, "state": text}
    path.write_bytes(save_tensors(tensors, header | {"digest": digest}))


def fill_weights(run: Path, value: float) -> None:
    """Put ``value`` into each tensor of weights."""

    def fill(state: Any) -> None:
        for part in state.values():
            if isinstance(part, torch.Tensor) and part.is_floating_point() and part.numel():
                part.view(-1)[0] = value
            elif isinstance(part, dict):
                fill(part)

    edit_state(run, lambda state: fill(state["learner"]))


def absurd_shape(run: Path) -> None:
    """Give the newest checkpoint a tensor without numbers, whose other sizes overflow."""
    header = {"x": {"dtype": "F32", "shape": [0, 2**62, 2**62], "data_offsets": [0, 0]}}
    meta = {"kind": checkpoint.KIND, "version": checkpoint.VERSION, "state": '{"tensor": "x"}'}
    text = json.dumps({"__metadata__": meta | {"digest": ""}, **header}).encode()
    last_checkpoint(run).write_bytes(len(text).to_bytes(8, "little") + text)


def damaged(name: str, runs: Path, folder: Path) -> Path:
    """A copy in ``folder`` of one of ``runs``, damaged as its ``name`` says.

    ``cfg_FIELD_K``, ``rf_FIELD_K``: a field has its K-th wrong value; ``fg_RUN_no_KEY`` and
    ``fg_RUN_str_KEY``: a part of the learner's state is missing or text; ``fg_RUN_edK``,
    ``fg_state_K``, ``hist_K``, ``fg_nan_RUN``, ``fg_inf_RUN``, ``fg_huge_RUN`` and a few more.
    """
    words = name.split("_")
    base = next((word for word in words if word in RUNS), "att")
    run = folder / name
    shutil.copytree(runs / base, run, ignore=shutil.ignore_patterns(".lock"))
    if words[0] == "fg":
        forge(run, [word for word in words[1:] if word != base])
    elif words[0] == "hist" and words[1] != "dir":
        (run / "history.jsonl").write_bytes(HISTORIES[int(words[1])])
    elif name in ("hist_dir", "metrics_dir"):
        path = run / ("history.jsonl" if words[0] == "hist" else "metrics.json")
        path.unlink()
        path.mkdir()
    elif name == "ck_fifo":
        path = last_checkpoint(run)
        path.unlink()
        os.mkfifo(path)
    elif name == "ck_absurd_zero":
        absurd_shape(run)
    elif name in ("cfg_deep", "cfg_deepobj"):
        text = "[" * 10**5 if name == "cfg_deep" else '{"a":' * 10**5
        (run / "config.json").write_text(text)
    else:
        field, number = name.split("_", 1)[1].rsplit("_", 1)
        set_field(run, field, WRONG[field][int(number)])
    return run


def forge(run: Path, words: list[str]) -> None:
    """Change the newest checkpoint as ``words`` say."""
    kind, rest = words[0], "_".join(words[1:])
    values = {"nan": np.nan, "inf": np.inf, "huge": 1e38}
    if kind == "state":
        set_state_text(run, STATES[int(rest)])
    elif kind == "nostate":
        set_state_text(run, "")
    elif kind in values:
        fill_weights(run, values[kind])
    elif kind == "random":
        edit_state(run, lambda state: state["processes"][0]["random"].update(python=(3, (), None)))
    elif kind == "no":
        edit_state(run, lambda state: state["learner"].pop(renamed(state["learner"], rest)))
    elif kind == "str":
        edit_state(
            run, lambda state: state["learner"].update({renamed(state["learner"], rest): "x"})
        )
    else:
        edit_state(run, EDITS[int(kind.removeprefix("ed"))])


def renamed(state: dict[str, Any], key: str) -> str:
    """A key's present name."""
    present = {"players": "networks", "watch": "monitor"}
    return key if key in state else present[key]
