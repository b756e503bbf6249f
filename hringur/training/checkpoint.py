"""One file per checkpoint: a nested state in, the same state out, and no code in between.

A checkpoint is a single safetensors file. It holds tensors and arrays under flat keys such
as ``learner/policy/encoder.weight``; everything else (numbers, strings, the shape of the
nesting) is JSON in the file's header, together with a digest of the whole. Reading one cannot
execute anything, and a file that was cut off, damaged or written by another program is
refused in one line.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from hringur.data.files import read_bytes, reading, write_whole
from hringur.types import State, UserError

KIND = "hringur checkpoint"
VERSION = "1"

MOST_BYTES = 16 << 30
"""Size of a checkpoint up to which it is read."""

NOT_SAVED = 10**7
"""Weights that a learner may have beside those it saves: of networks that ship."""


def save(path: Path, state: State) -> None:
    """Write ``state`` to ``path``, whole or not at all.

    Dictionaries (keys may be strings or whole numbers, as in an optimiser's state), lists,
    tuples, tensors, NumPy arrays, whole numbers of any size, floats (NaN and the infinities
    too), strings, booleans and None come back as they were, tensors on the CPU. A NumPy
    scalar comes back as a Python number.

    Raises:
        TypeError: something else is in the state; the message says where.
    """
    tensors: dict[str, Tensor] = {}
    text = json.dumps(_encode(state, "", tensors), allow_nan=False)
    header = {"kind": KIND, "version": VERSION, "state": text, "digest": _digest(text, tensors)}
    write_whole(Path(path), save_tensors(tensors, header))


def load(path: Path) -> State:
    """The state that ``save`` wrote to ``path``.

    Raises:
        UserError: the file is missing, cut off, damaged, or no checkpoint of this version; or a
            tensor of a learner is not finite.
    """
    content = read_bytes(path, MOST_BYTES)
    try:
        tensors = load_tensors(content)
    except (SafetensorError, RuntimeError, ValueError, TypeError) as error:
        raise UserError(f"{path} is no checkpoint, or was cut off or damaged") from error
    header = _header(content)
    if header.get("kind") != KIND:
        raise UserError(f"{path} is a safetensors file, but no Hringur checkpoint")
    if header.get("version") != VERSION:
        raise UserError(
            f"{path} has checkpoint format {header.get('version')}; this Hringur reads {VERSION}"
        )
    text = header.get("state", "")
    if header.get("digest") != _digest(text, tensors):
        raise UserError(f"{path} is a damaged checkpoint: its digest does not fit its content")
    with reading(path, "a checkpoint"):
        state = _decode(json.loads(text), tensors)
    if not isinstance(state, dict):
        raise UserError(f"{path} holds no state but a {type(state).__name__}")
    _check_finite(path, tensors)
    return state


@contextmanager
def weights_of(path: Path) -> Iterator[None]:
    """Build a learner inside, whose settings may be anyone's, for the weights in ``path``.

    Raises:
        UserError: it has more weights than the file has bytes: it would take all memory, and
            minutes, before it is found to be of another architecture.
    """
    most, count = path.stat().st_size + NOT_SAVED, 0

    def add(module: nn.Module, name: str, weights: nn.Parameter | None) -> None:
        nonlocal count
        count += 0 if weights is None else weights.numel()
        if count > most:
            raise UserError(f"{path} has fewer weights than its settings ask for")

    hook = register_module_parameter_registration_hook(add)
    try:
        yield
    finally:
        hook.remove()


def restore(part: Any, state: Any, where: Path | str) -> None:
    """Let a learner, or a source of batches, go on from a ``state`` that was read from a file.

    Raises:
        UserError: something is missing from it, or of another type than in the part's own state.
    """
    _check_types(state, part.state_dict(), where, "")
    with reading(where, f"the state of a {type(part).__name__}"):
        part.load_state_dict(state)


def _check_types(found: Any, own: Any, where: Path | str, name: str) -> None:
    """Refuse what cannot stand for ``own``; what is missing is seen when it is asked for."""
    if own is None or isinstance(own, Tensor | np.ndarray):
        return  # a shape that does not fit has a message of its own
    kinds: tuple[Any, ...] = (int, float) if type(own) is float else (type(own),)
    if isinstance(own, Mapping):
        kinds = (Mapping,)
    if not isinstance(found, kinds) or isinstance(found, bool) and type(own) is not bool:
        raise UserError(
            f"cannot read {where}: {name or 'the state'} must be of type {type(own).__name__},"
            f" got {repr(found)[:60]}"
        )
    if isinstance(own, Mapping):
        for key in own.keys() & dict(found).keys():
            _check_types(found[key], own[key], where, f"{name}/{key}".lstrip("/"))


def _check_finite(path: Path | str, tensors: Mapping[str, Tensor]) -> None:
    """Refuse weights, moments and the like that are not finite; episodes under way may be."""
    for name, tensor in tensors.items():
        of_learner = name.startswith(("learner/", "weights/"))
        unset = name.endswith("baseline/average") and tensor.numel() == 1  # before its first update
        if of_learner and not unset and not torch.isfinite(tensor).all():
            raise UserError(f"{path}: the tensor {name} holds numbers that are not finite")


def load_weights(module: nn.Module, weights: Mapping[str, Any], where: str) -> None:
    """Put ``weights``, a ``state_dict()``, into ``module`` if their names and shapes agree.

    The message says how the two architectures differ; ``where`` is the origin of the weights.
    """
    if not isinstance(weights, Mapping):
        raise UserError(f"{where} holds no weights but a {type(weights).__name__}")
    here = module.state_dict()
    missing = [name for name in here if name not in weights]
    unexpected = [name for name in weights if name not in here]
    other = [
        f"{name} is {_shape(weights[name])} instead of {_shape(here[name])}"
        for name in here
        if name in weights and _shape(weights[name]) != _shape(here[name])
    ]
    found = (("missing", missing), ("unexpected", unexpected), ("of another shape", other))
    differences = [
        f"{what}: {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
        for what, names in found
        if names
    ]
    if differences:
        raise UserError(f"{where} is of another architecture ({'; '.join(differences)})")
    module.load_state_dict(weights)


def moments_of(optimizer: torch.optim.Optimizer) -> State:
    """What ``load_moments`` takes, under ``state``; rates and other settings are the settings'."""
    return {"state": optimizer.state_dict()["state"]}


def load_moments(optimizer: torch.optim.Optimizer, moments: Mapping[Any, Any]) -> None:
    """Take the moments of a checkpoint's optimiser; rates and other settings stay the own ones.

    Raises:
        UserError: they are not those that this optimiser keeps of each weight.
    """
    wanted, refusal = _moments_kept(optimizer), "the checkpoint's optimiser has no {} of a weight"
    for kept in moments.values():
        numbers = {k for k, v in kept.items() if isinstance(v, Tensor | int | float)}
        if different := wanted.keys() ^ numbers:
            raise UserError(refusal.format(min(different)))
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": moments, "param_groups": groups})
    for parameter, kept in optimizer.state.items():
        for name, value in kept.items():
            expected = parameter.shape if wanted[name] else torch.Size()
            if getattr(value, "shape", torch.Size()) != expected:
                raise UserError(refusal.format(name))
            if wanted[name]:  # a fused step wants both laid out alike
                kept[name] = torch.empty_like(parameter).copy_(value)


def _moments_kept(optimizer: torch.optim.Optimizer) -> dict[str, bool]:
    """Their names, and whether each has its weight's shape or is a number, from a step of one."""
    own = getattr(optimizer, "optimizer", optimizer)  # Fabric wraps it
    weight = torch.zeros(1, requires_grad=True)
    weight.grad = torch.zeros(1)
    other = type(own)([weight], **own.defaults)
    other.step()
    kept = other.state[weight].items()
    return {name: getattr(value, "shape", None) == weight.shape for name, value in kept}


def _shape(value: Any) -> str:
    return str(list(value.shape)) if isinstance(value, Tensor) else type(value).__name__


def _encode(value: Any, where: str, tensors: dict[str, Tensor]) -> Any:
    """JSON for ``value``; tensors and arrays move to ``tensors``, under their place's name."""
    if isinstance(value, Tensor | np.ndarray):
        key = where
        while key in tensors:  # "a/b" beside "b" in "a", or 1 beside "1"
            key += "'"
        if isinstance(value, Tensor):
            # The copy is the checkpoint's own: contiguous, and shares no storage.
            tensors[key] = value.detach().to("cpu", copy=True).contiguous()
            return {"tensor": key}
        tensors[key] = torch.from_numpy(np.array(value, order="C"))
        return {"array": key}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, list | tuple):
        parts = [_encode(part, f"{where}/{i}", tensors) for i, part in enumerate(value)]
        return parts if isinstance(value, list) else {"tuple": parts}
    if isinstance(value, Mapping) and all(isinstance(key, int | str) for key in value):
        below = f"{where}/" if where else ""
        pairs = [(key, _encode(part, f"{below}{key}", tensors)) for key, part in value.items()]
        if all(isinstance(key, str) for key in value):
            return {"dict": dict(pairs)}
        return {"items": pairs}
    raise TypeError(f"a checkpoint cannot hold a {type(value).__name__}, found at {where!r}")


def _decode(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    """What ``_encode`` was given."""
    if isinstance(value, list):
        return [_decode(part, tensors) for part in value]
    if not isinstance(value, dict):
        return value
    ((mark, content),) = value.items()
    if mark == "dict":
        return {key: _decode(part, tensors) for key, part in content.items()}
    if mark == "items":
        return {key: _decode(part, tensors) for key, part in content}
    if mark == "tuple":
        return tuple(_decode(part, tensors) for part in content)
    if mark == "float":
        return float(content)
    return tensors[content].numpy() if mark == "array" else tensors[content]


def _digest(text: str, tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over the JSON and over each tensor's name, type, shape and bytes."""
    digest = hashlib.sha256(text.encode())
    for key in sorted(tensors):
        tensor = tensors[key]
        digest.update(f"{key} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _header(content: bytes) -> dict[str, str]:
    """The metadata of a safetensors file that is known to be well formed."""
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]).get("__metadata__") or {}
