"""A network for any observation: an encoder for each leaf, then a policy and a critic.

Numbers are standardised; choices become one-hot rows, or learned ones if there are many values;
images go through convolutions. A choice among n beside a table of n rows of numbers also brings
the row that it points at, which a perceptron could hardly look up by itself. All features are
concatenated, and two separate perceptrons, one for the policy and one for the critic, read them.
Behind convolutions, which they share, each is a single layer. With ``score_actions`` the policy
also scores each action by the row of numbers that the observation has for it.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hringur.agents.reinforce.layers import (
    Image,
    RewardScale,
    Smoothed,
    Standardise,
    perceptron,
)
from hringur.agents.reinforce.observations import Leaf, Observation
from hringur.agents.reinforce.settings import ReinforceSettings
from hringur.types import UserError

MANY = 256  # values of a choice above which its rows are learned
EMBEDDING = 32  # numbers of such a row
ENOUGH = 1024  # observations of a batch that are enough for its mean and deviation


class ActorCritic(nn.Module):
    """Logits of a policy and values of a critic, for a batch of observations."""

    def __init__(
        self,
        leaves: tuple[Leaf, ...],
        n_logits: int,
        config: ReinforceSettings,
        sizes: list[int] | None = None,
    ) -> None:
        """``sizes`` are the values of each choice that is made at once; None: one choice."""
        super().__init__()
        self.encoders = nn.ModuleDict()
        self.names = [leaf.name for leaf in leaves]
        features, rows = 0, []
        for leaf in leaves:
            own = encoder(leaf, config)
            self.encoders[_key(leaf.name)] = own
            if isinstance(own, Numbers) and leaf.shape[:1] == (n_logits,):
                rows.append((features, math.prod(leaf.shape[1:])))
            features += own.n_features
        self.pointers = pointers(leaves)
        for _, table in self.pointers:
            if table.shape[1] == n_logits:
                rows.append((features, 1))
            features += table.shape[1]
        images = any(leaf.kind == "image" for leaf in leaves)
        hidden = [] if images else [config.width] * config.layers
        self.policy: nn.Module = perceptron(
            features, hidden, n_logits, config.activation, gain=0.01
        )
        if config.score_actions:
            self.policy = ScoredActions(self.policy, rows, n_logits, config)
        if config.smooth_choices:
            smoothed = Smoothed(sizes or [n_logits], config.smooth_choices)
            self.policy = nn.Sequential(self.policy, smoothed)
        self.critic = perceptron(features, hidden, 1, config.activation, gain=1.0)
        self.reward_scale = RewardScale()

    def forward(
        self, observation: Observation, decisions: int
    ) -> tuple[Float[Tensor, "D A"], Float[Tensor, " B"]]:
        """Logits of the first ``decisions`` rows, and the values of all rows.

        The rows behind are the end of a rollout: only their value counts, without a gradient.
        """
        features = self._features({name: x[:decisions] for name, x in observation.items()})
        values = self.critic(features)[:, 0]
        if len(observation[self.names[0]]) > decisions:
            with torch.no_grad():
                last = self.value({name: x[decisions:] for name, x in observation.items()})
            values = torch.cat([values, last])
        return self.policy(features), values

    def logits(self, observation: Observation) -> Float[Tensor, "B A"]:
        """Logits of the policy."""
        return self.policy(self._features(observation))

    def value(self, observation: Observation) -> Float[Tensor, " B"]:
        """Values of the critic."""
        return self.critic(self._features(observation))[:, 0]

    def learn_statistics(self, observation: Observation, rows: int) -> None:
        """Merge the first ``rows`` observations, or some among many, into the running moments."""
        stride = max(1, rows // ENOUGH) | 1  # odd: no usual number of environments is a multiple
        for name in self.names:
            own = self.encoders[_key(name)]
            if isinstance(own, Numbers) and own.standardise is not None:
                own.standardise.learn(observation[name][:rows:stride])

    def _features(self, observation: Observation) -> Float[Tensor, "B F"]:
        encoders = zip(self.names, self.encoders.values(), strict=True)
        found = {name: encode(observation[name]) for name, encode in encoders}
        features = list(found.values())
        for choice, table in self.pointers:
            index = observation[choice.name][:, None, None].expand(-1, 1, table.shape[1])
            rows = found[table.name].unflatten(1, table.shape)
            features.append(rows.gather(1, index)[:, 0])
        return features[0] if len(features) == 1 else torch.cat(features, dim=1)


class ScoredActions(nn.Module):
    """Logits from all features, and a score of each action from those that are its own.

    One perceptron scores every action, so that what is learned of one holds for all.
    """

    def __init__(
        self,
        logits: nn.Module,
        rows: list[tuple[int, int]],
        n_actions: int,
        config: ReinforceSettings,
    ) -> None:
        """``rows`` are first feature and features of an action, for each part with a row a piece.

        Raises:
            UserError: no part of the observation has a row for each action.
        """
        super().__init__()
        if not rows:
            raise UserError(
                f"score_actions needs a part of the observation with {n_actions} rows of numbers,"
                " one for each action"
            )
        self.logits, self.rows, self.n_actions = logits, rows, n_actions
        width = sum(size for _, size in rows)
        hidden = [config.width] * max(config.layers, 1)
        self.score = perceptron(width, hidden, 1, config.activation, gain=0.01)

    def forward(self, features: Float[Tensor, "B F"]) -> Float[Tensor, "B A"]:
        """Logits of all actions."""
        own = [
            features[:, first : first + self.n_actions * size].unflatten(1, (self.n_actions, size))
            for first, size in self.rows
        ]
        return self.logits(features) + self.score(torch.cat(own, dim=2))[..., 0]


class Numbers(nn.Module):
    """Numbers and bits in a row; the numbers standardised, if asked for."""

    def __init__(self, leaf: Leaf, standardise: bool) -> None:
        super().__init__()
        self.n_features = math.prod(leaf.shape)
        wanted = standardise and leaf.kind == "numbers"
        self.standardise = Standardise(*leaf.shape) if wanted else None

    def forward(self, x: Tensor) -> Float[Tensor, "B F"]:
        """All numbers of an observation in a row."""
        if self.standardise is not None:
            x = self.standardise(x)
        return x.flatten(1) if x.ndim > 1 else x[:, None]


class Choices(nn.Module):
    """Each choice as the row of its value: one-hot, or learned if there are many values."""

    def __init__(self, leaf: Leaf) -> None:
        super().__init__()
        rows = [
            nn.Embedding(size, EMBEDDING)
            if size > MANY
            else nn.Embedding.from_pretrained(torch.eye(size), freeze=True)
            for size in leaf.sizes
        ]
        self.rows = nn.ModuleList(rows)
        self.n_features = sum(row.embedding_dim for row in rows)

    def forward(self, x: Tensor) -> Float[Tensor, "B F"]:
        """The rows of all choices side by side."""
        columns = x.reshape(-1, len(self.rows)).unbind(1)
        found = [row(column) for row, column in zip(self.rows, columns, strict=True)]
        return found[0] if len(found) == 1 else torch.cat(found, dim=1)


def encoder(leaf: Leaf, config: ReinforceSettings) -> Image | Choices | Numbers:
    """What turns one leaf of an observation into features."""
    if leaf.kind == "image":
        return Image(leaf, config.image_network)
    if leaf.kind == "choices":
        return Choices(leaf)
    return Numbers(leaf, config.normalise_observation)


def pointers(leaves: tuple[Leaf, ...]) -> list[tuple[Leaf, Leaf]]:
    """Pairs of a choice and a table of numbers with one row for each of its values."""
    return [
        (choice, table)
        for choice in leaves
        for table in leaves
        if choice.kind == "choices" and choice.shape == ()
        if table.kind == "numbers" and len(table.shape) == 2 and choice.sizes == table.shape[:1]
    ]


def _key(name: str) -> str:
    """A module's name may not hold a point, and may not be empty."""
    return "part " + name.replace(".", "·")
