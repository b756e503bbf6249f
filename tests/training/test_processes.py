"""Two processes learn what one learns with the doubled batch: every learner and model."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hringur.registry import LEARNERS
from hringur.training import checkpoint
from hringur.training.fabric import average_gradients, everyones, together
from hringur.training.trainer import TrainerConfig, make_fabric
from tests.generative.small_images import IMAGE_MODELS
from tests.training.two_processes import MINIBATCHES, trained

SCRIPT = Path(__file__).with_name("two_processes.py")
FAST = ["attention-model", "reinforce", "wae-mmd"]
TOLERANCE = 0.03
"""How far apart the weights may be, over how far they have come."""


def in_two_processes(file: Path, names: list[str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_PORT": port}
    shared |= {"MASTER_ADDR": "127.0.0.1", "OMP_NUM_THREADS": "1", "TORCHELASTIC_RUN_ID": "test"}
    shared |= {"PYTHONPATH": str(SCRIPT.parents[2])}
    ranks = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", str(SCRIPT), str(file), *names],
            env=os.environ | shared | {"RANK": rank, "LOCAL_RANK": rank},
            stderr=subprocess.PIPE,
        )
        for rank in ("0", "1")
    ]
    errors = [rank.communicate(timeout=1200)[1].decode() for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], errors[0][-3000:] + errors[1][-3000:]


def check_one_with_the_doubled_batch(tmp_path: Path, names: list[str]) -> None:
    in_two_processes(tmp_path / "found.safetensors", names)
    found = checkpoint.load(tmp_path / "found.safetensors")
    apart = {}
    for name in names:
        if name not in MINIBATCHES:
            before, alone = trained(name, make_fabric(TrainerConfig(device="cpu")))
            moved = sum(float((alone[key] - before[key]).square().sum()) for key in alone)
            error = sum(float((alone[key] - found[name][key]).square().sum()) for key in alone)
            apart[name] = (error / moved) ** 0.5
    assert {name: share for name, share in apart.items() if share > TOLERANCE} == {}


def test_two_processes_learn_as_one_with_the_doubled_batch(tmp_path):
    check_one_with_the_doubled_batch(tmp_path, FAST)


@pytest.mark.slow
def test_every_other_learner_and_model_does(tmp_path):
    others = [name for name in (*LEARNERS, *IMAGE_MODELS) if name not in FAST]
    check_one_with_the_doubled_batch(tmp_path, others)


def test_one_process_pays_nothing():
    rows = torch.ones(3, 2)
    assert together(rows) is rows and everyones(rows) is rows
    layer = torch.nn.Linear(2, 1)
    average_gradients(layer)
    assert layer.weight._post_accumulate_grad_hooks is None
