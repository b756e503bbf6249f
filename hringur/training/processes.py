"""Several processes under ``torchrun``: who am I, what does rank zero say, what has each."""

import atexit
import os
from typing import TypeVar

import torch.distributed as distributed

Value = TypeVar("Value")


def rank() -> int:
    """This process's number; zero when alone. Right before the processes are connected, too."""
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


def part_at_exit() -> None:
    """Take leave of the other processes before the interpreter is taken down.

    A thread of gloo that still holds a tensor then would end the process with SIGABRT
    (pytorch/pytorch#190489); Lightning sees to this for NCCL only.
    """
    atexit.register(_part)


def _part() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()
