"""The networks of relational inference: which bodies interact, and how they move if they do.

Every body sends to the N - 1 others. What is linear in the receiver and the sender of a pair is the
sum of one layer of each body, so that its weights meet each body once and not each pair.
"""

from itertools import product

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

POSITION_VARIANCE = 5e-5
"""of the decoder's normal distribution of the next observation (Kipf et al., appendix B), in units
of the data's variance"""


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
        return self._after(bodies, self._received(bodies, edge[..., None, :]))[..., 0, :]

    def errors(
        self, motion: Float[Tensor, "B N T 4"], start: Int[Tensor, " P"]
    ) -> Float[Tensor, "B N sets"]:
        """Mean squared error of a body's next observation under each set of edges it may receive.

        From one observation to the next only these edges matter, so the error of any graph is the
        sum over its bodies, and 2^(N-1) sets for each body stand for all 2^(N(N-1)) graphs.
        """
        now, following = (motion[:, :, at].transpose(1, 2) for at in (start, start + 1))
        count = motion.shape[1]
        sets = edge_sets(count - 1).to(motion)[:, None].expand(-1, count, -1)
        after = self._after(now, self._received(now, with_self(sets).transpose(0, 1)))
        return (after - following[..., None, :]).square().sum(dim=-1).mean(dim=1)

    def _received(
        self, bodies: Float[Tensor, "*batch N 4"], edge: Float[Tensor, "*sets N S N"]
    ) -> Float[Tensor, "*batch N S D"]:
        """The sum of messages to each body under each of S sets of edges."""
        received = edge @ F.relu(self.joined(bodies))
        if self.apart is not None:
            itself = torch.eye(edge.shape[-1], device=edge.device)[:, None]
            received = received + (1 - edge - itself) @ F.relu(self.apart(bodies))
        return received

    def _after(
        self, bodies: Float[Tensor, "*batch N 4"], received: Float[Tensor, "*batch N S D"]
    ) -> Float[Tensor, "*batch N S 4"]:
        """The bodies at the next time."""
        moved = self.move(self.body(self.own(bodies)[..., None, :] + self.message(received)))
        return (bodies + self.inertia(bodies))[..., None, :] + self.force(received) + moved


class RelationalNetwork(nn.Module):
    """Encoder, decoder and learned part of the estimator, trained by one optimiser."""

    forward_methods = ("encode", "cost", "posterior")

    def __init__(
        self, encoder: GraphEncoder, decoder: MotionDecoder, of_estimator: nn.Module, steps: int
    ) -> None:
        """``steps`` that the decoder makes on its own output."""
        super().__init__()
        self.encoder, self.decoder, self.of_estimator = encoder, decoder, of_estimator
        self.steps = steps

    def encode(self, motion: Float[Tensor, "B N T 4"]) -> Float[Tensor, "B N others"]:
        """Logits of the edges that each body receives."""
        return self.encoder(motion)

    def posterior(
        self, motion: Float[Tensor, "B N T 4"], start: Int[Tensor, " P"], temperature: float
    ) -> Float[Tensor, "B N sets"]:
        """p(edges that a body receives | x) of each of ``edge_sets``, from P observations."""
        scale = (motion.shape[2] - 1) / (2 * POSITION_VARIANCE * temperature)
        return (-scale * self.decoder.errors(motion, start)).softmax(dim=-1)

    def cost(
        self, motion: Float[Tensor, "B N T 4"], edges: Float[Tensor, "S B N others"], start: Tensor
    ) -> Float[Tensor, "S B N"]:
        """-log p(x|z) of each body [nats], less a constant, for the whole trajectory.

        It is estimated from the ``start`` of each of a few pieces.
        """
        times = start[:, None] + torch.arange(self.steps + 1, device=start.device)  # pieces M+1
        true = motion[:, :, times].permute(3, 0, 2, 1, 4)  # M+1 B pieces N 4
        edge = with_self(edges)[:, :, None].expand(-1, -1, len(start), -1, -1)
        now = true[0].expand(len(edges), *true[0].shape)  # S B pieces N 4
        squared = now.new_zeros(())
        for following in true[1:]:
            now = self.decoder(now, edge)
            squared = squared + (now - following).square().sum(dim=-1)
        share = (motion.shape[2] - 1) / (len(start) * self.steps)
        return share * squared.sum(dim=2) / (2 * POSITION_VARIANCE)


def edge_sets(others: int) -> Float[Tensor, "sets others"]:
    """Every choice of edges from so many others."""
    return torch.tensor(list(product([0.0, 1.0], repeat=others)))


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
