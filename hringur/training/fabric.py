"""Device, precision and processes, through Lightning Fabric, and one step down a gradient.

Under ``torchrun`` several processes train together; what they share is here, and serves a single
process too.
"""

import atexit
import math
import os
from typing import TypeVar

import torch
import torch.distributed as distributed
from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim import Optimizer

from hringur.training.config import TrainerConfig
from hringur.types import UserError

Value = TypeVar("Value")


def make_fabric(config: TrainerConfig) -> Fabric:
    """Device, precision and, under torchrun, the connected processes; before any network."""
    local_processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    gpus = torch.cuda.device_count()
    device = config.device if config.device != "auto" else ("cuda" if gpus else "cpu")
    if device == "cuda" and gpus < local_processes:
        raise UserError(f"device cuda: needs {local_processes} GPU(s), this machine offers {gpus}")
    if device == "cpu" and config.precision == "16-mixed":
        raise UserError("precision 16-mixed needs a GPU; the CPU offers 32-true and bf16-mixed")
    # Moments of frozen weights shrink below 1e-38, where a processor takes twenty times as long.
    torch.set_flush_denormal(True)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    fabric = Fabric(
        accelerator=device,
        devices=local_processes,
        num_nodes=world_size() // local_processes,
        strategy="ddp" if world_size() > 1 else "auto",
        precision=config.precision,
    )
    fabric.launch()
    if world_size() > 1:
        # A thread of gloo that still holds a tensor at the end of the interpreter would end it with
        # SIGABRT (pytorch/pytorch#190489); Lightning sees to this for NCCL only.
        atexit.register(_leave)
    return fabric


def gradient_step(
    fabric: Fabric,
    loss: Float[Tensor, ""],
    optimizer: Optimizer,
    clip_norm: float | None = None,
) -> float:
    """Follow the gradient of ``loss``, cut to the length ``clip_norm``; returns its length.

    Raises:
        FloatingPointError: loss or gradient is not finite; the weights are left as they were.
    """
    precision = fabric.strategy.precision
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    # By hand, and cut only if too long: REINFORCE's updates are 1.1 times as fast as by zero_grad
    # and fabric.clip_gradients, which multiplies each gradient by 1.
    for weight in weights:
        weight.grad = None
    fabric.backward(loss)
    precision.unscale_gradients(getattr(optimizer, "optimizer", optimizer))
    norm = get_total_norm([weight.grad for weight in weights if weight.grad is not None])
    # Both at once: a GPU is waited for a single time.
    loss_value, norm_value = torch.stack([loss.detach().float(), norm.float()]).tolist()
    # With 16-mixed an overflowing gradient is routine: the loss scaler skips that step.
    scaled = getattr(precision, "scaler", None) is not None
    if not math.isfinite(loss_value) or not (scaled or math.isfinite(norm_value)):
        raise FloatingPointError(f"loss {loss_value} with gradient norm {norm_value}: not finite")
    if clip_norm is not None and not norm_value <= clip_norm:
        clip_grads_with_norm_(weights, clip_norm, norm)
    optimizer.step()
    return norm_value


def rank() -> int:
    """This process's number, zero when alone; known before the processes are connected."""
    return int(os.environ.get("RANK", "0"))


def world_size() -> int:
    """The number of processes that train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def agree(value: Value) -> Value:
    """Rank zero's ``value``, in every process."""
    if world_size() == 1:
        return value
    box = [value]
    distributed.broadcast_object_list(box, src=0)
    return box[0]


def gather(value: Value) -> list[Value]:
    """Every process's ``value``, by rank."""
    if world_size() == 1:
        return [value]
    values: list[Value | None] = [None] * world_size()
    distributed.all_gather_object(values, value)
    return values  # type: ignore[return-value]  # every place has been filled


def together(rows: Float[Tensor, "B *rest"]) -> Float[Tensor, "all *rest"]:
    """The rows of every process, as many from each; gradients pass to where they came from.

    For a loss that is no mean over the rows, such as a divergence: every process then has that of
    the whole batch, whose gradient is what averaging over processes gives.
    """
    if world_size() == 1:
        return rows
    from torch.distributed.nn.functional import all_gather

    return torch.cat(tuple(all_gather(rows)))


@torch.no_grad()
def everyones(rows: Tensor) -> Tensor:
    """The rows of every process, however many each has; no gradient passes."""
    return rows if world_size() == 1 else torch.cat(gather(rows.detach()))


def average_gradients(module: nn.Module) -> None:
    """Let every gradient be the mean over all processes as soon as it is known.

    For networks that a library trains; those of this package are joined by Fabric.
    """
    if world_size() > 1:
        for parameter in module.parameters():
            parameter.register_post_accumulate_grad_hook(_average_gradient)


def _average_gradient(parameter: Tensor) -> None:
    assert parameter.grad is not None
    distributed.all_reduce(parameter.grad)
    parameter.grad /= world_size()


def _leave() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()
