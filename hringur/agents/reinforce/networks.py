"""A network for any observation: what each part needs, then a policy and a critic.

Numbers are standardised, choices become one-hot rows, or learned ones if there are many values;
images go through convolutions. A choice among n beside a table of n rows of numbers brings along
the row that it points at, which a perceptron could hardly look up by itself. All of it is laid side
by side, and two perceptrons of their own, one for the policy and one for the critic, read it.
Behind convolutions, which they share, both are a single layer.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hringur.agents.reinforce.image_encoder import Image, ImageNetwork
from hringur.agents.reinforce.normalisation import RewardScale, Standardise
from hringur.agents.reinforce.observations import Part, Parts
from hringur.agents.reinforce.perceptron import Activation, perceptron

MANY = 256  # values of a choice from which on its rows are learned
EMBEDDING = 32  # numbers of such a row
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
        self, laid_out: Parts, decisions: int
    ) -> tuple[Float[Tensor, "D A"], Float[Tensor, " B"]]:
        """Logits of the first ``decisions`` rows of what is laid out, and the values of all.

        Of the rows behind, which only tell what a cut rollout is still worth, nothing is learned.
        """
        features = self._features({name: x[:decisions] for name, x in laid_out.items()})
        values = self.critic(features)[:, 0]
        behind = {name: x[decisions:] for name, x in laid_out.items()}
        if len(behind[self.names[0]]):
            with torch.no_grad():
                last = self.critic(self._features(behind))[:, 0]
            values = torch.cat([values, last])
        return self.policy(features), values

    def lay_out(self, observation: Parts) -> Parts:
        """As ``forward`` reads it: pictures in patches, and everything else as it is."""
        laid_out = dict(observation)
        for name in self.names:
            encoder = self.encoders[_key(name)]
            if isinstance(encoder, Image):
                laid_out[name] = encoder.lay_out(observation[name])
        return laid_out

    def logits(self, observation: Parts) -> Float[Tensor, "B A"]:
        """Of the policy alone."""
        return self.policy(self._features(self.lay_out(observation)))

    def value(self, observation: Parts) -> Float[Tensor, " B"]:
        """Of the critic alone."""
        return self.critic(self._features(self.lay_out(observation)))[:, 0]

    def learn_statistics(self, observation: Parts, rows: int) -> None:
        """Let what standardises take in the first ``rows`` observations, or some among many."""
        stride = max(1, rows // ENOUGH) | 1  # odd: no usual number of environments is a multiple
        for name in self.names:
            part = self.encoders[_key(name)]
            if isinstance(part, Numbers) and part.standardise is not None:
                part.standardise.learn(observation[name][:rows:stride])

    def _features(self, laid_out: Parts) -> Float[Tensor, "B F"]:
        found = {name: self.encoders[_key(name)](laid_out[name]) for name in self.names}
        laid = list(found.values())
        for choice, table in self.pointers:
            index = laid_out[choice.name][:, None, None].expand(-1, 1, table.shape[1])
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


def _key(name: str) -> str:
    """A module's name may not hold a point, and may not be empty."""
    return "part " + name.replace(".", "·")
