"""A network for any observation: what each part needs, then a policy and a critic.

Numbers are standardised, choices become one-hot rows, or learned ones if there are many values;
images go through convolutions. A choice among n beside a table of n rows of numbers brings along
the row that it points at, which a perceptron could hardly look up by itself. All of it is laid side
by side, and two perceptrons of their own, one for the policy and one for the critic, read it.
Behind convolutions, which they share, both are a single layer.
"""

import math
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from hringur.agents.normalisation import RewardScale, Standardise
from hringur.agents.observations import Part, Parts

ImageNetwork = Literal["small", "nature"]
Activation = Literal["tanh", "relu"]
MANY = 256  # values of a choice from which on its rows are learned
EMBEDDING = 32  # numbers of such a row

# Channels, kernel and stride of each convolution, and the units behind them.
CONVOLUTIONS: dict[str, tuple[tuple[tuple[int, int, int], ...], int]] = {
    "small": (((16, 8, 4), (32, 4, 2)), 256),  # Mnih et al. 2016
    "nature": (((32, 8, 4), (64, 4, 2), (64, 3, 1)), 512),  # Mnih et al. 2015
    "tiny": (((16, 3, 1),), 128),  # Young & Tian 2019, for images smaller than 36 pixels
}
TINY = 36
ENOUGH = 1024  # observations of a batch that tell its mean and deviation well enough


class ActorCritic(nn.Module):
    """Logits of a policy and values of a critic, for a batch of observations."""

    def __init__(
        self,
        parts: tuple[Part, ...],
        n_logits: int,
        width: int = 64,
        layers: int = 2,
        image_network: ImageNetwork = "small",
        standardise: bool = True,
        activation: Activation = "tanh",
    ) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict()
        self.names = [part.name for part in parts]
        features = 0
        for part in parts:
            own = encoder(part, image_network, standardise)
            self.encoders[_key(part.name)] = own
            features += own.n_features
        self.pointers = pointers(parts)
        features += sum(part.shape[1] for _, part in self.pointers)
        hidden = [] if any(part.kind == "image" for part in parts) else [width] * layers
        self.policy = perceptron(features, hidden, n_logits, activation, gain=0.01)
        self.critic = perceptron(features, hidden, 1, activation, gain=1.0)
        self.reward_scale = RewardScale()

    def forward(
        self, observation: Parts, decisions: int
    ) -> tuple[Float[Tensor, "D A"], Float[Tensor, " B"]]:
        """Logits of the first ``decisions`` rows, and the values of all.

        Of the rows behind, which only tell what a cut rollout is still worth, nothing is learned.
        """
        features = self._features({name: x[:decisions] for name, x in observation.items()})
        values = self.critic(features)[:, 0]
        behind = {name: x[decisions:] for name, x in observation.items()}
        if len(behind[self.names[0]]):
            with torch.no_grad():
                last = self.value(behind)
            values = torch.cat([values, last])
        return self.policy(features), values

    def logits(self, observation: Parts) -> Float[Tensor, "B A"]:
        """Of the policy alone."""
        return self.policy(self._features(observation))

    def value(self, observation: Parts) -> Float[Tensor, " B"]:
        """Of the critic alone."""
        return self.critic(self._features(observation))[:, 0]

    def learn_statistics(self, observation: Parts, rows: int) -> None:
        """Let what standardises take in the first ``rows`` observations, or some among many."""
        stride = max(1, rows // ENOUGH) | 1  # odd: no usual number of environments is a multiple
        for name in self.names:
            part = self.encoders[_key(name)]
            if isinstance(part, Numbers) and part.standardise is not None:
                part.standardise.learn(observation[name][:rows:stride])

    def _features(self, observation: Parts) -> Float[Tensor, "B F"]:
        found = {name: self.encoders[_key(name)](observation[name]) for name in self.names}
        laid = list(found.values())
        for choice, table in self.pointers:
            index = observation[choice.name][:, None, None].expand(-1, 1, table.shape[1])
            rows = found[table.name].unflatten(1, table.shape)
            laid.append(rows.gather(1, index)[:, 0])
        return laid[0] if len(laid) == 1 else torch.cat(laid, dim=1)


class Numbers(nn.Module):
    """Numbers and bits in a row; the numbers standardised, if asked for."""

    def __init__(self, part: Part, standardise: bool) -> None:
        super().__init__()
        self.n_features = math.prod(part.shape)
        wanted = standardise and part.kind == "numbers"
        self.standardise = Standardise(*part.shape) if wanted else None

    def forward(self, x: Tensor) -> Float[Tensor, "B F"]:
        """All numbers of an observation in a row."""
        if self.standardise is not None:
            x = self.standardise(x)
        return x.flatten(1) if x.ndim > 1 else x[:, None]


class Choices(nn.Module):
    """Each choice as the row of its value: one-hot, or learned if there are many values."""

    def __init__(self, part: Part) -> None:
        super().__init__()
        self.shape = part.shape
        rows = [_rows(size) for size in part.sizes]
        self.rows = nn.ModuleList(rows)
        self.n_features = sum(row.embedding_dim for row in rows)

    def forward(self, x: Tensor) -> Float[Tensor, "B F"]:
        """The rows of all choices side by side."""
        columns = x.reshape(len(x), -1).unbind(1)
        found = [row(column) for row, column in zip(self.rows, columns, strict=True)]
        return found[0] if len(found) == 1 else torch.cat(found, dim=1)


def _rows(size: int) -> nn.Embedding:
    if size > MANY:
        return nn.Embedding(size, EMBEDDING)
    return nn.Embedding.from_pretrained(torch.eye(size), freeze=True)


class Image(nn.Module):
    """Convolutions and one layer behind them; channels may come first or last."""

    def __init__(self, part: Part, network: ImageNetwork) -> None:
        super().__init__()
        self.largest = part.largest
        self.flat = len(part.shape) == 2
        shape = (1, *part.shape) if self.flat else part.shape
        self.channels_last = shape[-1] < shape[0]
        channels, *size = (shape[-1], *shape[:-1]) if self.channels_last else shape
        layers, units = CONVOLUTIONS["tiny" if min(size) < TINY else network]
        modules: list[nn.Module] = []
        for out, kernel, stride in layers:
            modules += [
                _orthogonal(nn.Conv2d(channels, out, kernel, stride)),
                nn.ReLU(inplace=True),
            ]
            channels = out
        self.convolutions = nn.Sequential(*modules, nn.Flatten())
        with torch.no_grad():
            behind = self.convolutions(self._pixels(torch.zeros(1, *shape))).shape[1]
        self.dense = _orthogonal(nn.Linear(behind, units))
        self.n_features = units

    def forward(self, x: Tensor) -> Float[Tensor, "B F"]:
        """What is seen in the image."""
        return F.relu(self.dense(self.convolutions(self._pixels(x[:, None] if self.flat else x))))

    def _pixels(self, x: Tensor) -> Float[Tensor, "B C H W"]:
        """Numbers up to 1, of as many bits as convolutions compute with, laid out to learn fast.

        A processor's convolutions by few channels go back in half the time if the channels of a
        pixel lie side by side; forward alone, they are faster as they come.
        """
        x = x.permute(0, 3, 1, 2) if self.channels_last else x
        if x.device.type == "cpu" and torch.is_grad_enabled():
            if not x.is_contiguous(memory_format=torch.channels_last):
                # as contiguous() would, in half its time: it moves single bytes
                x = torch.stack(x.unbind(1), dim=-1).permute(0, 3, 1, 2)
        device = x.device.type
        mixed = torch.is_autocast_enabled(device)
        dtype = torch.get_autocast_dtype(device) if mixed else torch.float32
        return x.to(dtype).mul_(1 / self.largest)


class TanhInPlace(nn.Module):
    """tanh(x) = 2 sigmoid(2 x) - 1, which takes torch half the time of its tanh on a processor.

    In networks this small the tanh costs as much as the products around it. The two differ by
    rounding, 2e-7 at most. ``x`` is overwritten: nothing else may need it.
    """

    def forward(self, x: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
        """The hyperbolic tangent of every number."""
        if x.device.type != "cpu":
            return x.tanh()
        return _ByLogistic.apply(x) if torch.is_grad_enabled() else _by_logistic_(x)


def _by_logistic_(x: Tensor) -> Tensor:
    return x.mul_(2).sigmoid_().mul_(2).sub_(1)


class _ByLogistic(torch.autograd.Function):
    """Its derivative is 1 - tanh(x)^2."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.mark_dirty(x)
        y = _by_logistic_(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return torch.ops.aten.tanh_backward(gradient, ctx.saved_tensors[0])


def encoder(
    part: Part, image_network: ImageNetwork, standardise: bool
) -> "Image | Choices | Numbers":
    """What turns one part of an observation into features."""
    if part.kind == "image":
        return Image(part, image_network)
    return Choices(part) if part.kind == "choices" else Numbers(part, standardise)


def pointers(parts: tuple[Part, ...]) -> list[tuple[Part, Part]]:
    """Pairs of a choice and a table of numbers with one row for each of its values."""
    return [
        (choice, table)
        for choice in parts
        for table in parts
        if choice.kind == "choices" and choice.shape == ()
        if table.kind == "numbers" and len(table.shape) == 2 and choice.sizes == table.shape[:1]
    ]


def perceptron(
    inputs: int, hidden: list[int], outputs: int, activation: Activation, gain: float
) -> nn.Sequential:
    """Layers that are orthogonal at first; ``gain`` is that of the last one."""
    between = TanhInPlace if activation == "tanh" else nn.ReLU
    modules: list[nn.Module] = []
    for units in hidden:
        modules += [_orthogonal(nn.Linear(inputs, units)), between()]
        inputs = units
    return nn.Sequential(*modules, _orthogonal(nn.Linear(inputs, outputs), gain))


def _orthogonal(layer: nn.Linear | nn.Conv2d, gain: float = math.sqrt(2)) -> nn.Linear | nn.Conv2d:
    nn.init.orthogonal_(layer.weight, gain)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


def _key(name: str) -> str:
    """A module's name may not hold a point, and may not be empty."""
    return "part " + name.replace(".", "·")
