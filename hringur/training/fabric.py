"""Device, precision and processes, through Lightning Fabric, and one step down a gradient."""

import math
import os

import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer

from hringur.training import processes
from hringur.training.config import TrainerConfig
from hringur.types import UserError


def make_fabric(config: TrainerConfig) -> Fabric:
    """Device, precision and, under torchrun, the connected processes; before any network.

    Raises:
        UserError: the device is not there, or cannot compute at that precision.
    """
    local_processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    gpus = torch.cuda.device_count()
    device = config.device if config.device != "auto" else ("cuda" if gpus else "cpu")
    if device == "cuda" and gpus < local_processes:
        raise UserError(f"device cuda: needs {local_processes} GPU(s), this machine offers {gpus}")
    if device == "cpu" and config.precision == "16-mixed":
        raise UserError("precision 16-mixed needs a GPU; the CPU offers 32-true and bf16-mixed")
    # Moments of weights that rest shrink below 1e-38, where a processor takes twenty times as long.
    torch.set_flush_denormal(True)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    fabric = Fabric(
        accelerator=device,
        devices=local_processes,
        num_nodes=processes.world_size() // local_processes,
        strategy="ddp" if processes.world_size() > 1 else "auto",
        precision=config.precision,
    )
    fabric.launch()
    if processes.world_size() > 1:
        processes.part_at_exit()
    return fabric


def gradient_step(
    fabric: Fabric,
    loss: Float[Tensor, ""],
    module: nn.Module,
    optimizer: Optimizer,
    clip_norm: float | None = None,
) -> float:
    """Follow the gradient of ``loss``, cut to the length ``clip_norm``; returns its length.

    Raises:
        FloatingPointError: loss or gradient is not finite; the weights are left as they were.
    """
    optimizer.zero_grad()
    fabric.backward(loss)
    longest = math.inf if clip_norm is None else clip_norm
    norm = fabric.clip_gradients(module, optimizer, max_norm=longest, error_if_nonfinite=False)
    # Both at once: a GPU is waited for a single time.
    loss_value, norm_value = torch.stack([loss.detach().float(), norm.float()]).tolist()
    # With 16-mixed an overflowing gradient is routine: the loss scaler skips that step.
    scaled = getattr(fabric.strategy.precision, "scaler", None) is not None
    if not math.isfinite(loss_value) or not (scaled or math.isfinite(norm_value)):
        raise FloatingPointError(f"loss {loss_value} with gradient norm {norm_value}: not finite")
    optimizer.step()
    return norm_value
