"""Neural relational inference (Kipf et al. 2018): which bodies interact, from how they move.

    -ELBO(x) = E_{z ~ q(z|x)}[f(z)] - H(q(.|x)),    f(z) = -log p(x|z) - log p(z)

z has a bit for each ordered pair of bodies, with q(z|x) from an encoder of the trajectories. A
decoder moves all bodies from one observation to the next, given the bits, and is given its own
output again for several steps (section 3.3), so that edges matter. The true graph is used by
evaluations alone, or by ``supervised``, the ceiling: then the encoder is told the edges.

From one observation to the next a body is moved by the edges that it receives and by no others, so
their exact posterior is a sum over 2^(N-1) sets for each body: 16 with five bodies. If
``estimator`` is exact, the decoder learns from graphs drawn from it (expectation maximisation), and
the encoder learns how likely it makes each edge (the wake phase of wake-sleep, Hinton et al. 1995).
Otherwise the gradient through the encoder's bits is that of any of ``hringur.estimators``;
score-function ones see of each body its own error and the edges that it receives.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float, Int
from lightning_fabric import Fabric
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn import functional as F

from hringur.checks import check_choice, check_positive
from hringur.data.trajectories import BODIES, OBSERVATIONS, Trajectories, load_trajectories
from hringur.estimators.catalogue import ESTIMATORS, check_estimator, make_estimator
from hringur.estimators.distributions import bernoullis
from hringur.estimators.interface import Estimator
from hringur.generative.relations import (
    GraphEncoder,
    MotionDecoder,
    RelationalNetwork,
    edge_sets,
    with_self,
    without_self,
)
from hringur.generative.structures.model import StructureModel
from hringur.generative.structures.settings import EXACT, StructureConfig
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

AT_ONCE, AT_ONCE_DECODED = 500, 10
"""Trajectories that pass through the encoder together, and through the decoder with every set."""


@dataclass(frozen=True, kw_only=True)
class RelationalInferenceConfig(StructureConfig):
    """Which bodies interact, inferred from their trajectories without labels."""

    name: ClassVar[str] = "relational-inference"
    usual_samples: ClassVar[int] = 1_000_000
    usual_dataset: ClassVar[str] = "springs"

    lr: float = 2e-3
    lr_decay_start: float = 0.0

    estimator: str = EXACT
    """exact: edges are drawn by what the decoder makes of each set of them, and the encoder is told
    how likely each is; or the estimator of the gradient through the encoder's edges, by its name in
    hringur.estimators"""

    draws: int = 1
    """graphs drawn for a trajectory; of the antithetic estimators (arm, disarm), pairs"""

    posterior_pieces: int = 8
    """with exact, random observations of a trajectory that the edges are inferred from"""

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
        check_positive(self, "prediction_steps", "pieces", "posterior_pieces", "largest_logit")
        check_choice(self, "estimator", (EXACT, *ESTIMATORS))
        if not self.prediction_steps < OBSERVATIONS:
            allowed = f"1..{OBSERVATIONS - 1}"
            raise UserError(f"prediction_steps must be in {allowed}, got {self.prediction_steps}")
        if self.estimator != EXACT:
            check_estimator(self.estimator, self.draws, "bernoulli", "bits")


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
        self.estimator: Estimator | None = None
        if self.config.estimator != EXACT:
            self.estimator = make_estimator(self.config.estimator, (BODIES - 1,))
        learned = nn.Module() if self.estimator is None else self.estimator.learned
        encoder = GraphEncoder(
            4 * OBSERVATIONS, self.config.width, self.config.mutual, self.config.largest_logit
        )
        decoder = MotionDecoder(self.config.width, self.config.silent)
        self.add_network(RelationalNetwork(encoder, decoder, learned, self.config.prediction_steps))

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
        start = _moments(motion, config.prediction_steps, config.pieces)

        def cost(edges: Float[Tensor, "S B N others"]) -> Float[Tensor, "S B N"]:
            return network.cost(motion, edges, start) / temperature + fair

        if self.estimator is None:
            edges, chance = self.drawn(motion, temperature)
            expected = cost(edges).mean()
            unlike = F.binary_cross_entropy_with_logits(logits, chance, reduction="none")
            loss = expected + unlike.sum(dim=-1).mean()
        elif self.estimator.promises.objective == "mean":
            expected = self.estimator.surrogate(cost, posterior, config.draws)
            loss = expected - entropy
        else:
            loss = expected = self.estimator.surrogate(
                lambda edges: cost(edges) + posterior.log_prob(edges), posterior, config.draws
            )
        metrics = {
            "model/expected_cost_nats": expected.item(),
            "model/code_entropy_bits": entropy.item() / math.log(2),
        }
        return loss, metrics

    @torch.no_grad()
    def drawn(
        self, motion: Float[Tensor, "B N T 4"], temperature: float
    ) -> tuple[Float[Tensor, "S B N others"], Float[Tensor, "B N others"]]:
        """Graphs from the decoder's posterior, and how likely it makes each edge."""
        start = _moments(motion, 1, self.config.posterior_pieces)
        chance = self.network.network.posterior(motion, start, temperature)
        sets = edge_sets(BODIES - 1).to(motion)
        picked = torch.multinomial(chance.flatten(0, 1), self.config.draws, replacement=True)
        return sets[picked.T].unflatten(1, chance.shape[:2]), chance @ sets

    def bound(self, batch: Any, temperature: float) -> tuple[Float[Tensor, ""], Metrics]:
        """``loss`` of the trajectories of a batch."""
        return self.loss(batch.motion, temperature)

    def supervised_loss(self, batch: Any) -> Float[Tensor, ""]:
        """Cross entropy of the true edges."""
        logits = self.network.network.encode(batch.motion)
        return F.binary_cross_entropy_with_logits(logits, without_self(batch.graph.float()))

    @torch.no_grad()
    def edges(
        self, motion: Float[Tensor, "B N T 4"], by_encoder: bool = False
    ) -> Bool[Tensor, "B N others"]:
        """Whether each body is moved by each of the others; types may have changed places.

        Found are the edges under which the decoder errs least, or those that the encoder finds
        likely, which is all there is if it was told the edges. ``motion`` has the unit of the
        simulations.
        """
        scaled, network = motion / self.motions.scale, self.network.average
        if by_encoder or self.config.supervised:
            return torch.cat([network.encode(part) > 0 for part in scaled.split(AT_ONCE)])
        start = torch.arange(motion.shape[2] - 1, device=motion.device)
        sets = edge_sets(BODIES - 1).to(motion.device) > 0
        parts = scaled.split(AT_ONCE_DECODED)
        return torch.cat([sets[network.decoder.errors(part, start).argmin(-1)] for part in parts])

    @torch.no_grad()
    def prediction_error(
        self, motion: Float[Tensor, "B N T 4"], edges: Bool[Tensor, "B N others"]
    ) -> float:
        """Root mean squared error of the next observation over the root mean squared move."""
        moved = (motion / self.motions.scale).transpose(1, 2)  # B T N 4
        steps, edge = moved.shape[1] - 1, with_self(edges.float())
        made = self.network.average.decoder(moved[:, :-1], edge[:, None].expand(-1, steps, -1, -1))
        error, move = made - moved[:, 1:], moved[:, 1:] - moved[:, :-1]
        return (error.square().mean() / move.square().mean()).sqrt().item()

    def evaluate(self) -> Metrics:
        """Edges right, up to the names of the two types, and the error of the next observation."""
        with undisturbed():
            return self.measures(self.motions)

    def measures(self, motions: Motions) -> Metrics:
        """The same on the held-out ones of ``motions``."""
        true, edges = without_self(motions.test_graph), self.edges(motions.test)
        found = {"evaluation/edge_accuracy_percent": 100 * accuracy(edges, true)}
        if self.config.supervised:  # the decoder has learned nothing
            return found
        return found | {
            "evaluation/encoder_accuracy_percent": 100
            * accuracy(self.edges(motions.test, by_encoder=True), true),
            "evaluation/prediction_error_percent": 100
            * self.prediction_error(motions.test[:AT_ONCE], edges[:AT_ONCE]),
        }

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


def _moments(motion: Float[Tensor, "B N T 4"], steps: int, count: int) -> Int[Tensor, " P"]:
    """Random observations that so many steps follow."""
    return torch.randint(motion.shape[2] - steps, (count,)).to(motion.device)


def entropy_of_bits(logits: Float[Tensor, "*batch K"]) -> Float[Tensor, "*batch"]:
    """Entropy of independent bits with these logits [nats]."""
    return (F.softplus(logits) - logits * logits.sigmoid()).sum(dim=-1)
