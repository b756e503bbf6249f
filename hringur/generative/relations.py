"""The networks of relational inference: which bodies interact, and how they move if they do.

Every body sends to the N - 1 others. What is linear in the receiver and the sender of a pair is the
sum of one layer of each body, so that its weights meet each body once and not each pair.
"""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional as F


class Pairs(nn.Module):
    """A linear layer of both bodies of each pair."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.receiver = nn.Linear(inputs, outputs)
        self.sender = nn.Linear(inputs, outputs, bias=False)

    def forward(self, body: Float[Tensor, "*batch N D"]) -> Float[Tensor, "*batch N N O"]:
        """From the body of the column to that of the row, itself included."""
        return self.receiver(body)[..., :, None, :] + self.sender(body)[..., None, :, :]


class GraphEncoder(nn.Module):
    """From trajectories to the logit of an edge between each two bodies (eq. 5 to 8).

    Pairs, then bodies that see all of their pairs, then pairs again. The first layer is a product
    of two linear ones: which force moves a body is a correlation of its acceleration with where the
    others are, and rectifiers learn products slowly.
    """

    def __init__(
        self, inputs: int, width: int, mutual: bool = False, largest_logit: float = 5.0
    ) -> None:
        """``mutual``: the logits of both directions of a pair are one, their mean.

        Logits are bent so that none is larger: the error of a whole trajectory is worth thousands
        of nats, and at logits as large a relaxed edge has no gradient, so a wrong one stays wrong.
        """
        super().__init__()
        self.mutual, self.largest_logit = mutual, largest_logit
        self.first = Pairs(inputs, 2 * width)
        self.pair = nn.Linear(width, width)
        self.body = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.second = Pairs(width, width)
        self.skip = nn.Linear(width, width, bias=False)
        self.out = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))

    def forward(self, motion: Float[Tensor, "B N T 4"]) -> Float[Tensor, "B N others"]:
        """The logits, in the order of ``others``."""
        one, other = self.first(motion.flatten(2)).chunk(2, dim=-1)
        pair = self.pair(one * other)  # B N N D
        body = self.body(pair.mean(dim=2))
        seen = F.relu(self.second(body) + self.skip(pair))
        logits = self.out(seen)[..., 0]
        if self.mutual:
            logits = (logits + logits.mT) / 2
        return without_self(self.largest_logit * torch.tanh(logits / self.largest_logit))


class MotionDecoder(nn.Module):
    """From the bodies at one time, and the edges, to the bodies at the next (eq. 10 to 12).

    The last layer of a message is linear, so it is applied to the sum of the messages. What is
    linear in the bodies and in that sum, as in Newton's law, has a short cut.
    """

    def __init__(self, width: int, silent: bool) -> None:
        """``silent``: pairs without an edge do not interact at all."""
        super().__init__()
        self.joined = Pairs(4, width)
        self.apart = None if silent else Pairs(4, width)
        self.own, self.message = nn.Linear(4, width), nn.Linear(width, width)
        self.body = nn.Sequential(nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.move, self.inertia, self.force = (nn.Linear(n, 4) for n in (width, 4, width))
        for last in (self.move, self.inertia, self.force):
            nn.init.zeros_(last.weight)  # random messages would teach the encoder to send none
            nn.init.zeros_(last.bias)

    def forward(
        self, bodies: Float[Tensor, "*batch N 4"], edge: Float[Tensor, "*batch N N"]
    ) -> Float[Tensor, "*batch N 4"]:
        """The next positions and velocities."""
        received = (edge[..., None, :] @ F.relu(self.joined(bodies)))[..., 0, :]
        if self.apart is not None:
            away = (1 - edge - torch.eye(edge.shape[-1], device=edge.device))[..., None, :]
            received = received + (away @ F.relu(self.apart(bodies)))[..., 0, :]
        moved = self.move(self.body(self.own(bodies) + self.message(received)))
        return bodies + self.inertia(bodies) + self.force(received) + moved


def without_self(matrix: Shaped[Tensor, "*batch N N"]) -> Shaped[Tensor, "*batch N others"]:
    """The rows of a matrix without its diagonal."""
    count = matrix.shape[-1]
    flat = matrix.flatten(-2)[..., :-1].unflatten(-1, (count - 1, count + 1))
    return flat[..., 1:].flatten(-2).unflatten(-1, (count, count - 1))


def with_self(rows: Float[Tensor, "*batch N others"]) -> Float[Tensor, "*batch N N"]:
    """The matrix with zeros on its diagonal: the inverse of ``without_self``."""
    count = rows.shape[-2]
    flat = rows.flatten(-2).unflatten(-1, (count - 1, count))
    return F.pad(F.pad(flat, (1, 0)).flatten(-2), (0, 1)).unflatten(-1, (count, count))
