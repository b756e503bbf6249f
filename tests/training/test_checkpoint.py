import math
import pickle
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from stable_baselines3.common.sb2_compat.rmsprop_tf_like import RMSpropTFLike
from torch import nn

from hringur.training import checkpoint
from hringur.types import UserError

STATE = {
    "tensors": {
        "float32": torch.tensor([[1.5, -math.inf, math.nan]]),
        "float64": torch.tensor(math.pi, dtype=torch.float64),
        "bfloat16": torch.ones(3, dtype=torch.bfloat16),
        "uint8": torch.arange(4, dtype=torch.uint8),
        "int64": torch.tensor(-(2**62)),
        "bool": torch.tensor([True, False]),
        "empty": torch.zeros(0, 3),
    },
    "arrays": {
        "float64": np.linspace(0, 1, 5),
        "uint32": np.array([[2**32 - 1]], dtype=np.uint32),
        "bool": np.array([True, False]),
        "scalar": np.array(7, dtype=np.int64),
    },
    "pcg64": np.random.default_rng(3).bit_generator.state,
    "tuple": (1, (2.5, None), [True, "vegur"]),
    "list": [],
    "infinite": [math.inf, -math.inf],
    "int keys": {0: {"step": torch.tensor(3.0)}, 1: "one", "1": "another"},
    "a/b": torch.zeros(2),
    "a": {"b": torch.ones(2)},
    "Þjóðvegur": "1",
}


def assert_same(found, expected):
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key in expected:
            assert_same(found[key], expected[key])
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for left, right in zip(found, expected, strict=True):
            assert_same(left, right)
    elif isinstance(expected, torch.Tensor):
        assert found.dtype == expected.dtype
        assert found.shape == expected.shape
        assert torch.equal(torch.nan_to_num(found), torch.nan_to_num(expected))
    elif isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected, strict=True)
    else:
        assert found == expected


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("good") / "a.safetensors"
    checkpoint.save(path, STATE)
    return path.read_bytes()


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        checkpoint.load(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def test_everything_comes_back_as_it_was(tmp_path):
    checkpoint.save(tmp_path / "a", STATE)
    assert_same(checkpoint.load(tmp_path / "a"), STATE)
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_numpy_scalars_become_python_numbers(tmp_path):
    checkpoint.save(tmp_path / "a", {"a": np.int64(3), "b": np.float64(0.1), "c": np.bool_(True)})
    assert_same(checkpoint.load(tmp_path / "a"), {"a": 3, "b": 0.1, "c": True})


def test_tied_weights_views_and_gradients_are_saved_by_value(tmp_path):
    weight = torch.arange(6.0, requires_grad=True)
    state = {"one": weight, "tied": weight, "view": weight.reshape(2, 3).T[1:]}
    checkpoint.save(tmp_path / "a", state)
    loaded = checkpoint.load(tmp_path / "a")
    assert torch.equal(loaded["view"], torch.tensor([[1.0, 4.0], [2.0, 5.0]]))
    loaded["one"][0] = 9
    assert loaded["tied"][0] == 0


def test_an_optimiser_goes_on_as_if_never_saved(tmp_path):
    def start():
        torch.manual_seed(0)
        net = nn.Linear(3, 1)
        return net, torch.optim.Adam(net.parameters(), lr=0.1)

    def step(net, optimizer):
        optimizer.zero_grad()
        net(torch.ones(3)).square().sum().backward()
        optimizer.step()

    net, optimizer = start()
    step(net, optimizer)
    checkpoint.save(tmp_path / "a", {"net": net.state_dict(), "optimizer": optimizer.state_dict()})
    step(net, optimizer)
    resumed, resumed_optimizer = start()
    state = checkpoint.load(tmp_path / "a")
    checkpoint.load_weights(resumed, state["net"], "a")
    resumed_optimizer.load_state_dict(state["optimizer"])
    step(resumed, resumed_optimizer)
    assert torch.equal(net.weight, resumed.weight)


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", lambda: 0, torch.float32])
def test_code_and_objects_are_refused_by_place(tmp_path, value):
    with pytest.raises(TypeError, match=f"{type(value).__name__}, found at 'a/b/1'"):
        checkpoint.save(tmp_path / "a", {"a": {"b": [0, value]}})
    assert not list(tmp_path.iterdir())


def test_cut_off_anywhere_is_refused(tmp_path, good):
    path = tmp_path / "cut"
    lengths = {*range(0, len(good), 97), *range(12), len(good) - 1}
    for length in sorted(lengths):
        path.write_bytes(good[:length])
        assert "cut off" in refusal(path)
    path.write_bytes(good + b"\0")
    refusal(path)


def test_one_wrong_bit_anywhere_is_refused(tmp_path, good):
    path = tmp_path / "flipped"
    for place in sorted({*range(0, len(good), 31), *range(80), *range(len(good) - 40, len(good))}):
        flipped = bytearray(good)
        flipped[place] ^= 4
        path.write_bytes(flipped)
        refusal(path)


def test_foreign_files_are_refused(tmp_path):
    path = tmp_path / "foreign"
    path.write_text("not a checkpoint at all, but a longer line of text\n")
    assert "no checkpoint" in refusal(path)
    path.write_bytes(pickle.dumps(STATE["tuple"]))
    assert "no checkpoint" in refusal(path)
    torch.save({"a": torch.ones(3)}, path)
    assert "no checkpoint" in refusal(path)
    save_file({"a": torch.ones(3)}, path)
    assert "no Hringur checkpoint" in refusal(path)
    save_file({"a": torch.ones(3)}, path, {"kind": checkpoint.KIND, "version": "99"})
    assert "format 99" in refusal(path)
    assert "No such file" in refusal(tmp_path / "missing")
    assert "directory" in refusal(tmp_path)


def test_a_failed_save_leaves_the_old_one(tmp_path):
    checkpoint.save(tmp_path / "a", {"step": 1})
    with pytest.raises(TypeError):
        checkpoint.save(tmp_path / "a", {"step": 2, "bad": object()})
    assert checkpoint.load(tmp_path / "a") == {"step": 1}


def test_another_architecture_is_told_in_one_line():
    small = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    wide = nn.Sequential(nn.Linear(2, 4), nn.Linear(4, 1), nn.Linear(1, 1))
    before = {name: weight.clone() for name, weight in small.state_dict().items()}
    with pytest.raises(UserError) as caught:
        checkpoint.load_weights(small, wide.state_dict(), "run/x")
    message = str(caught.value)
    assert message == (
        "run/x is of another architecture (unexpected: 2.weight and 1 more; "
        "of another shape: 0.weight is [4, 2] instead of [3, 2] and 2 more)"
    )
    with pytest.raises(UserError, match=r"\(missing: 2.weight and 1 more; of another shape"):
        checkpoint.load_weights(wide, small.state_dict(), "run/x")
    with pytest.raises(UserError, match="0.bias is str instead of"):
        checkpoint.load_weights(small, before | {"0.bias": "text"}, "run/x")
    for name, weight in small.state_dict().items():
        assert torch.equal(weight, before[name])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_weights_that_are_not_finite_are_refused_by_name(value, tmp_path):
    weights = {"body": {"bias": torch.tensor([0.0, value])}}
    checkpoint.save(tmp_path / "a", {"learner": weights})
    with pytest.raises(UserError, match="the tensor learner/body/bias holds numbers that are not"):
        checkpoint.load(tmp_path / "a")


def test_an_average_before_its_first_update_and_episodes_may_be_without_value(tmp_path):
    state = {
        "learner": {"baseline": {"average": torch.tensor(math.nan)}},
        "processes": [{"batches": {"observation": torch.tensor([math.inf])}}],
    }
    checkpoint.save(tmp_path / "a", state)
    assert checkpoint.load(tmp_path / "a")["learner"]["baseline"]["average"].isnan()


class Counting:
    """A learner with little to keep."""

    def __init__(self):
        self.state = {"updates": 3, "lr": 0.5, "network": {"w": torch.ones(2)}, "best": None}

    def state_dict(self):
        return self.state

    def load_state_dict(self, state):
        self.state = {name: state[name] for name in self.state}


def test_a_state_of_the_same_types_is_restored():
    learner = Counting()
    checkpoint.restore(learner, {**learner.state, "updates": 4, "lr": 1, "best": 2.0}, "here")
    assert (learner.state["updates"], learner.state["best"]) == (4, 2.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"updates": "x"}, "updates must be of type int, got 'x'"),
        ({"updates": True}, "updates must be of type int, got True"),
        ({"updates": None}, "updates must be of type int, got None"),
        ({"network": "x"}, "network must be of type dict, got 'x'"),
        ({"lr": [1]}, r"lr must be of type float, got \[1\]"),
    ],
)
def test_a_state_of_other_types_is_refused(change, message):
    learner = Counting()
    with pytest.raises(UserError, match=f"^cannot read here: {message}"):
        checkpoint.restore(learner, learner.state | change, "here")


def test_what_is_missing_from_a_state_is_named():
    learner = Counting()
    with pytest.raises(UserError, match="cannot read here as the state of a Counting: .*'lr'"):
        checkpoint.restore(learner, {"updates": 1, "network": {}, "best": None}, "here")


OPTIMIZERS = [partial(torch.optim.Adam, fused=True), torch.optim.RMSprop, RMSpropTFLike]


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_moments_that_are_not_those_of_the_weights_are_refused(make):
    weight = nn.Parameter(torch.ones(2))
    optimizer = make([weight])
    weight.sum().backward()
    optimizer.step()
    moments = optimizer.state_dict()["state"]
    checkpoint.load_moments(make([weight]), moments)
    for name in moments[0]:
        rest = {k: v for k, v in moments[0].items() if k != name}
        other = torch.ones(2 if name == "step" else ())
        wrong = (rest, rest | {name: [None]}, rest | {name: torch.ones(3)}, rest | {name: other})
        for kept in (*wrong, moments[0] | {"more": torch.ones(2)}):
            with pytest.raises(UserError, match="optimiser has no (more|" + name + ") of a weight"):
                checkpoint.load_moments(make([weight]), {0: kept})
