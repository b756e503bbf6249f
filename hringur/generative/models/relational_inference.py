"""Neural relational inference (Kipf et al. 2018): which bodies interact, from how they move.

    -ELBO(x) = E_{z ~ q(z|x)}[f(z)] - H(q(.|x)),    f(z) = -log p(x|z) - log p(z)

z has a bit for each ordered pair of bodies, with q(z|x) from an encoder of the trajectories. A
decoder moves all bodies from one observation to the next, given the bits, and is given its own
output again for several steps (section 3.3), so that edges matter. The gradient through the bits
comes from any estimator of ``hringur.estimators``. The true graph is used by evaluations alone, or
by ``supervised``, the ceiling: then the encoder is told the edges.

Score-function estimators see of each body its own error and the edges that it receives: exact for
one step. The effect on others within a few steps, second order in the interval, is left out.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float
from lightning_fabric import Fabric
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn import functional as F

from hringur.checks import check_choice, check_positive
from hringur.data.trajectories import BODIES, OBSERVATIONS, Trajectories, load_trajectories
from hringur.estimators.catalogue import ESTIMATORS, check_estimator, make_estimator
from hringur.estimators.distributions import bernoullis
from hringur.generative.relations import GraphEncoder, MotionDecoder, with_self, without_self
from hringur.generative.structures.model import StructureModel
from hringur.generative.structures.settings import StructureConfig
from hringur.generative.trajectories import (
    Motions,
    TrajectoryBatches,
    accuracy,
    constant_accuracy,
    correlation_accuracy,
    graph_figure,
)
from hringur.training.fabric import rank, world_size
from hringur.training.random_state import undisturbed
from hringur.types import Metrics, UserError

POSITION_VARIANCE = 5e-5
"""of the decoder's normal distribution of the next observation (Kipf et al., appendix B), in units
of the data's variance"""

AT_ONCE = 500
"""Trajectories that pass through the encoder together."""


@dataclass(frozen=True, kw_only=True)
class RelationalInferenceConfig(StructureConfig):
    """Which bodies interact, inferred from their trajectories without labels."""

    name: ClassVar[str] = "relational-inference"
    usual_samples: ClassVar[int] = 1_000_000
    usual_dataset: ClassVar[str] = "springs"

    lr: float = 2e-3
    lr_decay_start: float = 0.0

    estimator: str = "gumbel-softmax"
    """estimator of the gradient through the edges, by its name in hringur.estimators"""

    draws: int = 1
    """graphs drawn for a trajectory; of the antithetic estimators (arm, disarm), pairs"""

    clip_norm: float = 1e4
    """norm that the gradient is brought down to: that of an error of many steps has outliers"""

    prediction_steps: int = 8
    """steps that the decoder makes on its own output"""

    pieces: int = 2
    """random places of the trajectories from which it does so in an update"""

    mutual: bool = False
    """a body that moves another one is moved by it, as springs and charges are: both directions of
    a pair have one probability"""

    largest_logit: float = 5.0
    """of an edge: surer ones would have no gradient left"""

    silent: bool = True
    """pairs without an edge do not interact at all; otherwise both types of edges have messages"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(self, "prediction_steps", "pieces", "largest_logit")
        check_choice(self, "estimator", tuple(ESTIMATORS))
        if not self.prediction_steps < OBSERVATIONS:
            allowed = f"1..{OBSERVATIONS - 1}"
            raise UserError(f"prediction_steps must be in {allowed}, got {self.prediction_steps}")
        check_estimator(self.estimator, self.draws, "bernoulli", "bits")


class RelationalNetwork(nn.Module):
    """Encoder, decoder and learned part of the estimator, trained by one optimiser."""

    forward_methods = ("encode", "cost")

    def __init__(self, config: RelationalInferenceConfig, estimator: nn.Module) -> None:
        super().__init__()
        limits = config.mutual, config.largest_logit
        self.encoder = GraphEncoder(4 * OBSERVATIONS, config.width, *limits)
        self.decoder = MotionDecoder(config.width, config.silent)
        self.of_estimator, self.steps = estimator, config.prediction_steps

    def encode(self, motion: Float[Tensor, "B N T 4"]) -> Float[Tensor, "B N others"]:
        """Logits of the edges that each body receives."""
        return self.encoder(motion)

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


class RelationalInference(StructureModel):
    """Infers the graph of interactions; trained on its evidence lower bound."""

    settings = RelationalInferenceConfig
    of = "trajectories"
    headline = "evaluation/edge_accuracy_percent"
    network_name = "relations"

    def __init__(
        self,
        dataset: str | Trajectories = "springs",
        config: RelationalInferenceConfig | None = None,
        *,
        seed: int = 0,
        device: str = "auto",
        fabric: Fabric | None = None,
    ) -> None:
        """Simulate the trajectories and draw the first weights.

        ``device`` (auto, cpu or cuda) counts where no ``fabric`` is given.
        """
        super().__init__(config, seed, device, fabric)
        data = load_trajectories(dataset) if isinstance(dataset, str) else dataset
        self.motions = Motions.on_device(data, self.fabric.device)
        torch.manual_seed(seed)
        self.estimator = make_estimator(self.config.estimator, (BODIES - 1,))
        self.add_network(RelationalNetwork(self.config, self.estimator.learned))

    @property
    def dataset(self) -> str:
        """Name of the simulations."""
        return self.motions.name

    def batches(self) -> TrajectoryBatches:
        """Endless batches of the training trajectories."""
        return TrajectoryBatches(self.motions, self.config.batch, self.seed, rank(), world_size())

    def loss(
        self, motion: Float[Tensor, "B N T 4"], temperature: float = 1.0
    ) -> tuple[Float[Tensor, ""], Metrics]:
        """Minus the evidence lower bound of a body's motion [nats], less a constant.

        ``temperature`` divides the log likelihood.
        """
        network, config = self.network.network, self.config
        logits = network.encode(motion)
        posterior, entropy = bernoullis(logits), entropy_of_bits(logits).mean()
        fair = (BODIES - 1) * math.log(2)
        last = motion.shape[2] - config.prediction_steps
        start = torch.randint(last, (config.pieces,)).to(motion.device)
        mean_cost = self.estimator.promises.objective == "mean"

        def cost(edges: Float[Tensor, "S B N others"]) -> Float[Tensor, "S B N"]:
            f = network.cost(motion, edges, start) / temperature + fair
            return f if mean_cost else f + posterior.log_prob(edges)

        expected = self.estimator.surrogate(cost, posterior, config.draws)
        metrics = {
            "model/expected_cost_nats": expected.item(),
            "model/code_entropy_bits": entropy.item() / math.log(2),
        }
        return expected - entropy if mean_cost else expected, metrics

    def bound(self, batch: Any, temperature: float) -> tuple[Float[Tensor, ""], Metrics]:
        """``loss`` of the trajectories of a batch."""
        return self.loss(batch.motion, temperature)

    def supervised_loss(self, batch: Any) -> Float[Tensor, ""]:
        """Cross entropy of the true edges."""
        logits = self.network.network.encode(batch.motion)
        return F.binary_cross_entropy_with_logits(logits, without_self(batch.graph.float()))

    @torch.no_grad()
    def edges(self, motion: Float[Tensor, "B N T 4"]) -> Bool[Tensor, "B N others"]:
        """Whether each body is moved by each of the others; types may have changed places.

        ``motion`` has the unit of the simulations.
        """
        parts = (motion / self.motions.scale).split(AT_ONCE)
        return torch.cat([self.network.average.encode(part) > 0 for part in parts])

    @torch.no_grad()
    def prediction_error(self) -> float:
        """Root mean squared error of the next observation over the root mean squared move."""
        motion = self.motions.test[:AT_ONCE] / self.motions.scale
        edge = with_self((self.network.average.encode(motion) > 0).float())
        moved = motion.transpose(1, 2)  # B T N 4
        steps = moved.shape[1] - 1
        made = self.network.average.decoder(moved[:, :-1], edge[:, None].expand(-1, steps, -1, -1))
        error, move = made - moved[:, 1:], moved[:, 1:] - moved[:, :-1]
        return (error.square().mean() / move.square().mean()).sqrt().item()

    def evaluate(self) -> Metrics:
        """Edges right, up to the names of the two types, and the error of the next observation."""
        with undisturbed():
            return self.measures(self.motions)

    def measures(self, motions: Motions) -> Metrics:
        """The same on the held-out ones of ``motions``."""
        right = accuracy(self.edges(motions.test), without_self(motions.test_graph))
        found = {"evaluation/edge_accuracy_percent": 100 * right}
        if self.config.supervised:  # the decoder has learned nothing
            return found
        return found | {"evaluation/prediction_error_percent": 100 * self.prediction_error()}

    def truth_report(self, count: int | None = None) -> tuple[int, dict[str, Metrics]]:
        """Figures of the model and of its references on the first ``count`` held-out trajectories.

        The references are the correlation of trajectories, and the likelier type for every pair.
        """
        motions, tag = self.motions.first(count), self.headline
        with undisturbed():
            return len(motions.test), {
                self.config.name: self.measures(motions),
                "correlation": {tag: 100 * correlation_accuracy(motions)},
                "one type for all": {tag: 100 * constant_accuracy(motions)},
            }

    def figures(self) -> dict[str, Figure]:
        """Held-out trajectories, with the graph found and the true one beside them."""
        motion = self.motions.test[:3]
        return {"samples/graphs": graph_figure(motion, self.edges(motion), self.motions)}


def entropy_of_bits(logits: Float[Tensor, "*batch K"]) -> Float[Tensor, "*batch"]:
    """Entropy of independent bits with these logits [nats]."""
    return (F.softplus(logits) - logits * logits.sigmoid()).sum(dim=-1)
