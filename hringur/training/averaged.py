"""A player: a network, the running average of its weights, and its optimiser.

Autoencoders have one, games have two. The average is what samples and is evaluated: it follows
the weights without their jitter, which helps most where two networks chase each other.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor, nn

from hringur.training.checkpoint import load_weights
from hringur.training.trainer import gradient_step
from hringur.types import State


class Player:
    """One network that is trained; ``network`` is for training, ``average`` for the rest."""

    def __init__(
        self,
        fabric: Fabric,
        network: nn.Module,
        lr: float,
        betas: tuple[float, float],
        average_decay: float,
        ramp: int = 1,
    ) -> None:
        """The step size grows to ``lr`` over the first ``ramp`` updates."""
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.fabric, self.lr, self.ramp, self.average_decay = fabric, lr, ramp, average_decay
        optimizer = torch.optim.Adam(network.parameters(), lr=lr, betas=betas, fused=True)
        self.average: Any = fabric.to_device(deepcopy(network)).requires_grad_(False).eval()
        self.network: Any
        self.network, self.optimizer = fabric.setup(network, optimizer)
        for method in getattr(network, "forward_methods", ()):
            self.network.mark_forward_method(method)
        self.updates = 0

    @property
    def module(self) -> Any:
        """The bare network: for passes that train somebody else."""
        return self.network.module

    def step(
        self, loss: Float[Tensor, ""], pace: float = 1.0, clip_norm: float | None = None
    ) -> float:
        """Follow the gradient at ``pace`` times the learning rate; returns its length.

        Raises:
            FloatingPointError: loss or gradient is not finite.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * pace * min(1.0, (self.updates + 1) / self.ramp)
        norm = gradient_step(self.fabric, loss, self.network, self.optimizer, clip_norm)
        self._follow()
        return norm

    @contextmanager
    def at_rest(self) -> Iterator[Any]:
        """The bare network, through which a gradient passes and on which none stays."""
        module = self.module
        module.requires_grad_(False)
        try:
            with self.fabric.autocast():
                yield module
        finally:
            module.requires_grad_(True)

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
            "optimizer": self.optimizer.state_dict(),
            "updates": self.updates,
        }

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``.

        Raises:
            UserError: it is of another architecture.
        """
        load_weights(self.module, state["network"], "the checkpoint")
        load_weights(self.average, state["average"], "the checkpoint")
        self.optimizer.load_state_dict(state["optimizer"])
        for parameter, kept in self.optimizer.state.items():
            for name, value in kept.items():
                if value.shape == parameter.shape:  # a fused step wants both laid out alike
                    kept[name] = torch.empty_like(parameter).copy_(value)
        self.updates = state["updates"]

    def load_weights(self, weights: Mapping[str, Any], where: str) -> None:
        """Take ``weights`` for the network and for its average."""
        load_weights(self.module, weights, where)
        load_weights(self.average, weights, where)

    @torch.no_grad()
    def _follow(self) -> None:
        self.updates += 1
        decay = min(self.average_decay, self.updates / (self.updates + 9))
        present = list(self.module.parameters())
        torch._foreach_lerp_(list(self.average.parameters()), present, 1 - decay)
        for kept, now in zip(self.average.buffers(), self.module.buffers(), strict=True):
            kept.copy_(now)
