"""Networks as ONNX graphs, for programs without torch: each is checked before it is written.

A graph is traced at one size and compared with torch at another, in onnxruntime. Axes whose length
differs between the two sizes are free in the graph. torch's exporter by tracing is used, because it
needs one package fewer than the newer one.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hringur.data.files import check_writable, write_whole
from hringur.types import UserError, optional

OPSET = 18
TOLERANCE = 1e-5
"""How far a number may be from torch's, relative to the largest of its tensor, or to one."""

SIZES = (2, 3)
"""At which a graph is traced, and then compared."""


class Graph(nn.Module):
    """A function of tensors, by name, to a tensor or several."""

    def __init__(
        self,
        network: nn.Module,
        function: Callable[..., Tensor | tuple[Tensor, ...]],
        examples: Callable[[int], Mapping[str, Tensor]],
        outputs: Sequence[str],
    ) -> None:
        """``examples`` makes inputs of the function at a size: each free axis is longer at 3.

        ``network`` has the weights that the function uses.
        """
        super().__init__()
        self.network, self.function = network, function
        self.examples, self.outputs = examples, list(outputs)
        self.inputs = list(examples(SIZES[0]))

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The outputs in their order."""
        found = self.function(**dict(zip(self.inputs, tensors, strict=True)))
        return (found,) if isinstance(found, Tensor) else tuple(found)


def write_graphs(path: str | Path, graphs: Mapping[str, Graph]) -> list[Path]:
    """Write each graph to a file of its own, or none if one differs; returns their paths.

    ``agent.onnx`` and a graph called step make ``agent-step.onnx``; a graph without a name has
    the path itself.

    Raises:
        MissingExtra: onnx or onnxruntime is not installed.
        UserError: a file cannot be written, or a graph does not calculate what torch does.
    """
    path = Path(path)
    if path.suffix != ".onnx":
        raise UserError(f"a graph must be written to a file that ends with .onnx, got {path}")
    names = {name: f"{path.stem}-{name}{path.suffix}" if name else path.name for name in graphs}
    files = {name: path.with_name(own) for name, own in names.items()}
    for file in files.values():
        check_writable(file)
    content = {name: exported(graph) for name, graph in graphs.items()}
    for name, file in files.items():
        write_whole(file, content[name])
    return list(files.values())


@torch.no_grad()
def exported(graph: Graph) -> bytes:
    """The content of an ONNX file that calculates what ``graph`` does.

    Raises:
        MissingExtra, UserError: as ``write_graphs``.
    """
    optional("onnx", "export_onnx", "onnx")  # torch's exporter imports it
    runtime = optional("onnxruntime", "export_onnx", "onnx")
    small, large = ([*graph.examples(size).values()] for size in SIZES)
    expected = graph(*large)
    axes = free_axes(graph.inputs, small, large) | free_axes(graph.outputs, graph(*small), expected)
    stream = BytesIO()
    with warnings.catch_warnings(), redirect_stdout(StringIO()):
        warnings.simplefilter("ignore")  # that the exporter is the older one, and of tracing
        torch.onnx.export(
            graph,
            tuple(small),
            stream,  # type: ignore[arg-type]
            dynamo=False,
            input_names=graph.inputs,
            output_names=graph.outputs,
            dynamic_axes=axes,
            opset_version=OPSET,
        )
    session = runtime.InferenceSession(stream.getvalue(), providers=["CPUExecutionProvider"])
    given = dict(zip(graph.inputs, large, strict=True))
    feed = {one.name: given[one.name].cpu().numpy() for one in session.get_inputs()}
    check_same(graph.outputs, session.run(None, feed), expected)
    return stream.getvalue()


def free_axes(
    names: Sequence[str], small: Sequence[Tensor], large: Sequence[Tensor]
) -> dict[str, list[int]]:
    """The axes of each tensor that differ in length between two sizes."""
    return {
        name: [axis for axis in range(one.ndim) if one.shape[axis] != other.shape[axis]]
        for name, one, other in zip(names, small, large, strict=True)
    }


def check_same(names: Sequence[str], found: Sequence[Any], expected: Sequence[Tensor]) -> None:
    """Refuse outputs that are not torch's."""
    for name, one, tensor in zip(names, found, expected, strict=True):
        wanted = tensor.cpu().numpy()
        scale = max(1.0, float(np.abs(wanted).max(initial=0.0)))
        if one.shape != wanted.shape or not np.abs(one - wanted).max() <= TOLERANCE * scale:
            raise UserError(f"this network has no ONNX graph: its {name} would not be torch's")
