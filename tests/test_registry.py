"""Contract: what every learner of the registry keeps, whoever wrote it."""

import dataclasses
import math
from pathlib import Path

import pytest

from hringur.registry import learner_config, learners
from hringur.training import checkpoint
from hringur.training.random_state import random_state, restore_random_state, seed_everything
from hringur.training.trainer import TrainerConfig, make_fabric
from hringur.types import Batches, Learner, UserError

DOCUMENTED = Path(__file__).parents[1] / "docs" / "metrics.md"
# Small enough for seconds; a field that a configuration lacks is left out.
TINY = {
    "batch": 4,
    "tours": 4,
    "width": 16,
    "heads": 2,
    "layers": 1,
    "n_envs": 2,
    "tours_per_update": 2,
    "epochs": 1,
    "replay_megabytes": 1,
}


def tiny(name: str):
    config_class = learner_config(name)
    known = {field.name for field in dataclasses.fields(config_class)}
    return config_class(**{key: value for key, value in TINY.items() if key in known})


def build(name: str, seed: int = 0) -> tuple[Learner, Batches]:
    seed_everything(seed)
    fabric = make_fabric(TrainerConfig(device="cpu", steps=4))
    return tiny(name).build("IcelandTSP-v0", {"places": 6}, seed, fabric)


def scalars(metrics: dict[str, float]) -> dict[str, float]:
    """Without clocks, which never show the same time twice."""
    return {tag: value for tag, value in metrics.items() if not tag.startswith("time/")}


def updates(learner: Learner, batches: Batches, count: int, first: int = 0) -> list[dict]:
    return [scalars(learner.update(next(batches), (first + step) / 4)) for step in range(count)]


every_learner = pytest.mark.parametrize("name", learners())


@every_learner
def test_settings_are_frozen_documented_and_keyword_only(name):
    config_class = learner_config(name)
    config = config_class()
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(config, dataclasses.fields(config)[0].name, 1)
    assert all(field.kw_only for field in dataclasses.fields(config_class))
    assert config_class.__doc__


@every_learner
def test_updates_are_finite_and_every_tag_is_documented(name):
    learner, batches = build(name)
    assert isinstance(learner, Learner) and isinstance(batches, Batches)
    assert len(next(batches)) > 0
    found = [*updates(learner, batches, 2), learner.evaluate()]
    assert learner.headline in found[-1]
    documented = DOCUMENTED.read_text(encoding="utf-8")
    for metrics in found:
        assert metrics
        for tag, value in metrics.items():
            assert math.isfinite(value), tag
            assert f"`{tag}`" in documented, f"{tag} is not in docs/metrics.md"


@every_learner
def test_same_seed_same_scalars_and_another_seed_others(name):
    first, again, other = (updates(*build(name, seed), 2) for seed in (3, 3, 4))
    assert first == again
    assert first != other


@every_learner
def test_resumed_from_a_file_it_goes_on_to_the_very_same_scalars(name, tmp_path):
    learner, batches = build(name)
    updates(learner, batches, 2)
    path = tmp_path / "checkpoint.safetensors"
    state = {
        "learner": learner.state_dict(),
        "batches": batches.state_dict(),
        "random": random_state(),
    }
    checkpoint.save(path, state)
    unbroken = updates(learner, batches, 2, first=2)

    resumed, batches = build(name, seed=9)  # another seed: all must come from the file
    state = checkpoint.load(path)
    resumed.load_state_dict(state["learner"])
    batches.load_state_dict(state["batches"])
    restore_random_state(state["random"])
    assert updates(resumed, batches, 2, first=2) == unbroken


def test_an_unknown_learner_is_refused_by_name():
    with pytest.raises(UserError, match="'reinforse'.*attention-model"):
        learner_config("reinforse")
