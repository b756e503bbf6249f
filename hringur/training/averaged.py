"""A network that is trained, the running average of its weights, and its optimiser.

The average (an exponential moving average, EMA) is what samples and is evaluated: it follows the
weights without their jitter, which helps most where two networks are trained against each other.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from functools import wraps
from typing import Any

import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor, nn

from hringur.training.checkpoint import load_moments, load_weights, moments_of
from hringur.training.fabric import gradient_step
from hringur.types import State


@torch.no_grad()
def average_weights_(average: nn.Module, network: nn.Module, decay: float, updates: int) -> None:
    """Move the weights of ``average`` towards those of ``network``, in place.

    average <- d * average + (1 - d) * network, with d = min(decay, n / (n + 9)) after the n-th of
    the ``updates``, so that the weights of the beginning are soon forgotten.
    """
    _average_(list(average.parameters()), list(network.parameters()), decay, updates)


def _average_(average: list[Tensor], weights: list[Tensor], decay: float, updates: int) -> None:
    decay = min(decay, updates / (updates + 9))
    torch._foreach_lerp_(average, weights, 1 - decay)


class AveragedNetwork:
    """One network that is trained; ``network`` is for training, ``average`` for the rest."""

    def __init__(
        self,
        fabric: Fabric,
        network: nn.Module,
        lr: float,
        betas: tuple[float, float],
        average_decay: float,
        lr_warm_up: int = 1,
    ) -> None:
        """The learning rate grows to ``lr`` over the first ``lr_warm_up`` updates."""
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.fabric, self.lr, self.lr_warm_up = fabric, lr, lr_warm_up
        self.average_decay = average_decay
        optimizer = torch.optim.Adam(network.parameters(), lr=lr, betas=betas, fused=True)
        self.average: Any = fabric.to_device(deepcopy(network)).requires_grad_(False).eval()
        self.network: Any
        self.network, self.optimizer = fabric.setup(network, optimizer)
        for method in getattr(network, "forward_methods", ()):
            self.network.mark_forward_method(method)
            if self.network._forward_module is network:  # Fabric hands these on as they are
                setattr(network, method, self._in_precision(getattr(network, method)))
        self.updates = 0
        # Found once: to walk all modules four times takes a fortieth of a small network's update.
        self._weights = list(self.average.parameters()), list(self.module.parameters())
        self._buffers = list(zip(self.average.buffers(), self.module.buffers(), strict=True))

    def _in_precision(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """A method of the network in the precision of the run; what it returns is as Fabric's."""

        @wraps(method)
        def called(*inputs: Any, **options: Any) -> Any:
            with self.fabric.autocast():
                found = method(*inputs, **options)
            return self.fabric.strategy.precision.convert_output(found)

        return called

    @property
    def module(self) -> Any:
        """The bare network, without what fabric wraps around it."""
        return self.network.module

    def step(
        self, loss: Float[Tensor, ""], lr_factor: float = 1.0, clip_norm: float | None = None
    ) -> float:
        """Follow the gradient at ``lr_factor`` times the learning rate; returns its norm.

        Raises:
            FloatingPointError: loss or gradient is not finite.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * lr_factor * min(1.0, (self.updates + 1) / self.lr_warm_up)
        norm = gradient_step(self.fabric, loss, self.optimizer, clip_norm)
        self.updates += 1
        with torch.no_grad():
            _average_(*self._weights, self.average_decay, self.updates)
        for kept, now in self._buffers:
            kept.copy_(now)
        return norm

    @contextmanager
    def frozen(self) -> Iterator[Any]:
        """The bare network, through which a gradient passes and on which none stays."""
        module = self.module
        module.requires_grad_(False)
        try:
            with self.fabric.autocast():
                yield module
        finally:
            module.requires_grad_(True)

    def twice_differentiable(self, *inputs: Any) -> Any:
        """The network's output, whose gradient may stand in a loss.

        Fabric's wrapper lets no gradient be taken but its own when the precision is mixed.
        """
        with self.fabric.autocast():
            return self.module(*inputs).float()

    def compile(self) -> None:
        """Compile the network in place."""
        for method in getattr(self.module, "forward_methods", ("forward",)):
            compiled: Callable[..., Any] = torch.compile(getattr(self.module, method))
            setattr(self.module, method, compiled)

    def state_dict(self) -> State:
        """Weights, their average, optimiser."""
        return {
            "network": dict(self.module.state_dict()),
            "average": dict(self.average.state_dict()),
            "optimizer": moments_of(self.optimizer),
            "updates": self.updates,
        }

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``, if it is of such an architecture."""
        load_weights(self.module, state["network"], "the checkpoint")
        load_weights(self.average, state["average"], "the checkpoint")
        load_moments(self.optimizer, state["optimizer"]["state"])
        self.updates = state["updates"]

    def load_weights(self, weights: Mapping[str, Any], where: str) -> None:
        """Take ``weights`` for the network and for its average."""
        load_weights(self.module, weights, where)
        load_weights(self.average, weights, where)
