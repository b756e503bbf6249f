"""Two processes under torchrun: one model, and the same one as a single process's."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import torch

from hringur.generative.models.vae import VAEConfig
from hringur.training import checkpoint
from hringur.training.trainer import TrainerConfig, make_fabric
from tests.generative.two_processes import game, weights

SCRIPT = Path(__file__).with_name("two_processes.py")


def test_two_processes_train_one_model_as_one_does_with_the_doubled_batch(tmp_path):
    """Both optimisers of the GAN; gradients are summed in another order, hence the tolerance."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_PORT": port}
    shared |= {"MASTER_ADDR": "127.0.0.1", "OMP_NUM_THREADS": "1", "TORCHELASTIC_RUN_ID": "test"}
    shared |= {"PYTHONPATH": os.pathsep.join([str(SCRIPT.parents[2]), str(SCRIPT.parent)])}
    command = [sys.executable, str(SCRIPT), str(tmp_path)]
    ranks = [
        subprocess.Popen(
            command,
            env=os.environ | shared | {"RANK": rank, "LOCAL_RANK": rank},
            stderr=subprocess.PIPE,
        )
        for rank in ("0", "1")
    ]
    errors = [rank.communicate(timeout=240)[1].decode() for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], errors[0][-2000:] + errors[1][-2000:]
    if Path("/proc/self/task").exists():
        for rank in ("0", "1"):  # a thread of gloo's that is left may abort the process
            left = tmp_path.joinpath(f"threads-{rank}").read_text().split()
            assert left and not [name for name in left if "gloo" in name]

    together = checkpoint.load(tmp_path / "found.safetensors")["gan"]
    alone = weights(game(make_fabric(TrainerConfig(device="cpu"))))
    for key, value in alone.items():
        torch.testing.assert_close(together[key], value, atol=1e-4, rtol=1e-3, msg=key)


def test_every_process_draws_noise_of_its_own(monkeypatch):
    fabric = make_fabric(TrainerConfig(device="cpu"))
    drawn = []
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        torch.manual_seed(0)
        VAEConfig(batch=8, channels=4, hidden=16).build("digits", {}, 0, fabric)
        drawn.append(torch.randn(4))
    assert not torch.equal(*drawn)
