"""Attend, infer, repeat (Eslami et al. 2016): how many objects, where, and what, without labels.

    -ELBO(x) = E_{w ~ q(w|x)} E_{n ~ q(n|w,x)}[f(n, w)] - H(q(n|w,x))
    f(n, w)  = -log p(x|n, w) - log p(n) + sum_{i <= n} log q(w_i|w_<i, x) - log p(w_i)

w_i holds where the i-th object is, its box, and what it is, its code. Both are normal and their
gradient is pathwise, through a spatial transformer. The number n is discrete: its gradient comes
from any estimator of ``hringur.estimators``, or, with ``exact``, from the sum over all n. That
costs nothing more, as the first n objects of one pass are the explanation of count n.

Objects are inferred one after the other from what those before leave unexplained, the
difference image (DAIR, section 3.3 there), by one network that is the same at every step.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any, ClassVar, NamedTuple

import torch
from jaxtyping import Float, Int
from lightning_fabric import Fabric
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn import functional as F

from hringur.checks import check_choice, check_not_negative, check_positive
from hringur.data.images.scenes import MOST, SceneSet, load_scenes
from hringur.estimators.catalogue import ESTIMATORS, check_estimator, make_estimator
from hringur.estimators.distributions import categoricals
from hringur.estimators.interface import Estimator
from hringur.generative.scenes.batches import SceneBatch, SceneBatches, scene_figure
from hringur.generative.scenes.boxes import ink_box, mean_overlap, percent_right, region_measures
from hringur.generative.scenes.network import Explanation, SceneNetwork, error, error_of_all
from hringur.generative.structures.model import StructureModel
from hringur.generative.structures.settings import EXACT, StructureConfig
from hringur.training.fabric import rank, world_size
from hringur.training.random_state import undisturbed
from hringur.types import Metrics, UserError

HELD_OUT, UNSEEN = 2000, 1000
"""Held-out scenes, and those with ``MOST`` objects."""

AT_ONCE = 500
"""Scenes that pass through the network together outside of training."""


@dataclass(frozen=True, kw_only=True)
class AttendInferRepeatConfig(StructureConfig):
    """How many objects are in an image, where and what, learned without labels."""

    name: ClassVar[str] = "attend-infer-repeat"
    usual_samples: ClassVar[int] = 100_000
    usual_dataset: ClassVar[str] = "digit-scenes"

    width: int = 256
    heat_share: float = 0.3

    latent: int = 20
    """numbers in the code of an object"""

    most_objects: int = 3
    """most objects that are inferred"""

    estimator: str = EXACT
    """exact, or the estimator of the gradient through the count by its name in
    hringur.estimators"""

    draws: int = 4
    """counts drawn for a scene, unless the estimator is exact"""

    noise: float = 0.3
    """standard deviation of a pixel's light"""

    object_odds: float = 1e-15
    """prior probability of n + 1 objects over that of n"""

    clip_norm: float = 100.0
    """norm that the gradient is brought down to"""

    refining_steps: int = 30
    """gradient steps on boxes and codes of a scene, for each count, when it is evaluated"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(self, "latent", "noise", "most_objects", "object_odds")
        check_not_negative(self, "refining_steps")
        check_choice(self, "estimator", (EXACT, *ESTIMATORS))
        if self.most_objects > 5:
            raise UserError(f"most_objects must be in 1..5, got {self.most_objects}")
        if self.estimator != EXACT:
            check_estimator(self.estimator, self.draws, "categorical", "counts")


class Found(NamedTuple):
    """What the model says of scenes."""

    number: Int[Tensor, " B"]
    box: Float[Tensor, "B K 4"]
    """of the objects counted [pixels]; zeros beyond"""

    made: Float[Tensor, "B C side side"]
    """the image that the objects make"""


class AttendInferRepeat(StructureModel):
    """Counts, finds and describes the objects of a scene; trained on its evidence lower bound."""

    settings = AttendInferRepeatConfig
    of = "scenes"
    headline = "evaluation/count_accuracy_percent"
    network_name = "scenes"

    def __init__(
        self,
        dataset: str | SceneSet = "digit-scenes",
        config: AttendInferRepeatConfig | None = None,
        *,
        seed: int = 0,
        device: str = "auto",
        fabric: Fabric | None = None,
    ) -> None:
        """Read the objects of the scenes and draw the first weights.

        ``device`` (auto, cpu or cuda) counts where no ``fabric`` is given.
        """
        super().__init__(config, seed, device, fabric)
        self.scenes = load_scenes(dataset) if isinstance(dataset, str) else dataset
        torch.manual_seed(seed)
        self.estimator: Estimator | None = None
        if self.config.estimator != EXACT:
            self.estimator = make_estimator(self.config.estimator, (self.config.most_objects + 1,))
        learned = nn.Module() if self.estimator is None else self.estimator.learned
        self.add_network(SceneNetwork(self.config, self.scenes.channels, learned))

    def batches(self) -> SceneBatches:
        """Endless batches of new scenes."""
        where = (self.fabric.device, rank(), world_size())
        return SceneBatches(self.scenes, self.config.batch, self.seed, *where)

    def loss(
        self, image: Float[Tensor, "B C side side"], temperature: float = 1.0
    ) -> tuple[Float[Tensor, ""], Metrics]:
        """Minus the evidence lower bound of a scene [nats], less a constant.

        ``temperature`` multiplies the entropy of the count.
        """
        return self.count_loss(image, self.network.network.explain(image), temperature)

    def count_loss(
        self, image: Float[Tensor, "B C side side"], found: Explanation, temperature: float = 1.0
    ) -> tuple[Float[Tensor, ""], Metrics]:
        """The same, given boxes and codes."""
        posterior = categoricals(found.logits[:, None])
        entropy = -(found.logits.exp() * found.logits).sum(dim=1).mean()
        log_prior = self.log_prior(found.logits)

        def cost(choice: Float[Tensor, "S B 1 counts"]) -> Float[Tensor, "S B"]:
            count = choice[:, :, 0]
            return error(image, found, count, self.config.noise) - count @ log_prior

        def bounded(choice: Float[Tensor, "S B 1 counts"]) -> Float[Tensor, "S B"]:
            return cost(choice) / temperature + posterior.log_prob(choice)

        if self.estimator is None:
            every = torch.eye(len(log_prior), device=image.device)[:, None, None]
            costs = cost(every.expand(-1, len(image), -1, -1)).T  # B counts
            expected = (found.logits.exp() * costs).sum(dim=1).mean()
        elif self.estimator.promises.objective == "mean":
            expected = self.estimator.surrogate(cost, posterior, self.config.draws)
        else:  # a bound, which holds the entropy
            bound = self.estimator.surrogate(bounded, posterior, self.config.draws)
            expected = temperature * (bound + entropy)
        metrics = {
            "model/expected_cost_nats": expected.item(),
            "model/count_entropy_nats": entropy.item(),
        }
        return expected - temperature * entropy, metrics

    def log_prior(self, like: Tensor) -> Float[Tensor, " counts"]:
        """Log probability of each count: geometric, cut off after ``most_objects``."""
        number = torch.arange(self.config.most_objects + 1, device=like.device, dtype=like.dtype)
        return (number * math.log(self.config.object_odds)).log_softmax(dim=0)

    def bound(self, batch: Any, temperature: float) -> tuple[Float[Tensor, ""], Metrics]:
        """``loss`` of the scenes of a batch."""
        return self.loss(batch.image, temperature)

    def supervised_loss(self, batch: Any) -> Float[Tensor, ""]:
        """Cross entropy of the true counts."""
        return F.cross_entropy(self.network.network.counter(batch.image), batch.count)

    @torch.no_grad()
    def infer(self, scenes: SceneBatch, steps: int | None = None) -> "Found":
        """The likeliest count of each scene, the boxes around the ink, and the image made of it.

        For each count those objects of the network's that explain the scene best are refined by
        ``steps`` gradient steps (``refining_steps`` when not given), and the bounds compared
        (semi-amortised inference; Kim et al. 2018).
        """
        steps = self.config.refining_steps if steps is None else steps
        parts = [self._infer(image, steps) for image in scenes.image.split(AT_ONCE)]
        return Found(*(torch.cat(column) for column in zip(*parts, strict=True)))

    def _infer(self, image: Float[Tensor, "B C side side"], steps: int) -> "Found":
        network = self.network.average
        found = network.explain(image, random=False)
        every = [
            network.refined(image, self._best(image, found, count), steps)
            for count in range(self.config.most_objects + 1)
        ]
        costs = torch.stack([cost for cost, _ in every], dim=1)
        number = (costs - self.log_prior(costs)).argmin(dim=1)
        light = torch.zeros_like(found.light)
        for count, (_, of_count) in enumerate(every):
            light[number == count, :count] = of_count[number == count]
        there = torch.arange(light.shape[1], device=light.device) < number[:, None]
        return Found(number, ink_box(light) * there[:, :, None], light.sum(dim=1))

    def _best(
        self, image: Float[Tensor, "B C side side"], found: Explanation, count: int
    ) -> Explanation:
        """So many of the objects found, those that explain a scene best."""
        chosen = torch.tensor(
            list(combinations(range(found.rate.shape[1]), count)), device=image.device
        ).long()
        each = [found.of(rows.expand(len(image), -1)) for rows in chosen]
        costs = torch.stack([error_of_all(image, one, self.config.noise) for one in each], dim=1)
        return found.of(chosen[costs.argmin(dim=1)])

    @torch.no_grad()
    def counts(self, scenes: SceneBatch) -> Int[Tensor, " B"]:
        """The likeliest count of each scene by the network alone."""
        network = self.network.average
        by = network.counter if self.config.supervised else self._log_counts
        parts = [by(part).argmax(dim=1) for part in scenes.image.split(AT_ONCE)]
        return torch.cat(parts)

    def _log_counts(self, image: Float[Tensor, "B C side side"]) -> Float[Tensor, "B counts"]:
        return self.network.average.explain(image, random=False).logits

    @cached_property
    def held_out(self) -> tuple[SceneBatch, SceneBatch]:
        """Held-out scenes with counts as in training, and with ``MOST`` objects."""
        ordinary = self.scenes.draw((0, 0), HELD_OUT, held_out=True)
        full = self.scenes.draw((0, 1), UNSEEN, MOST, held_out=True)
        return tuple(SceneBatch.on_device(one, self.fabric.device) for one in (ordinary, full))  # type: ignore[return-value]

    def evaluate(self) -> Metrics:
        """Counts and boxes right on held-out scenes, and counts on those with ``MOST`` objects.

        Nothing is refined, which would take longer than the training in between.
        """
        with undisturbed():
            return self.measures(*self.held_out, steps=0)

    def measures(self, ordinary: SceneBatch, full: SceneBatch, steps: int | None = None) -> Metrics:
        """The same on other scenes, refined by ``infer``."""
        by_encoder = percent_right(self.counts(ordinary), ordinary)
        if self.config.supervised:  # it finds no boxes
            return {
                self.headline: by_encoder,
                "evaluation/three_objects_percent": percent_right(self.counts(full), full),
            }
        found = self.infer(ordinary, steps)
        squared = (found.made - ordinary.image).square().sum(dim=(1, 2, 3)).mean().item()
        return {
            self.headline: percent_right(found.number, ordinary),
            "evaluation/encoder_accuracy_percent": by_encoder,
            "evaluation/three_objects_percent": percent_right(self.infer(full, steps).number, full),
            "evaluation/box_overlap": mean_overlap(found.box, found.number, ordinary).item(),
            "evaluation/reconstruction_error": squared,
        }

    def truth_report(self, count: int | None = None) -> tuple[int, dict[str, Metrics]]:
        """Figures of the model and of its references on the first ``count`` held-out scenes.

        The references are connected regions of light, and the same count for all scenes.
        """
        ordinary, full = (one.first(count) for one in self.held_out)
        most = ordinary.count.bincount().max().item()
        with undisturbed():
            return len(ordinary), {
                self.config.name: self.measures(ordinary, full),
                "connected regions": region_measures(ordinary, full),
                "one count for all": {self.headline: 100 * most / len(ordinary)},
            }

    @torch.no_grad()
    def gradient_variance(self, scenes: SceneBatch, estimates: int = 20) -> float:
        """Variance of the estimator's gradient in the count's logits, summed over them [nats^2].

        A mean over the scenes, at fixed boxes and codes; 0 where the sum is exact.
        """
        found = self.network.average.explain(scenes.image)
        logits = found.logits.detach().requires_grad_()
        gradients = []
        for _ in range(estimates):
            with torch.enable_grad():
                loss = self.count_loss(scenes.image, found._replace(logits=logits))[0]
                gradients.append(len(scenes) * torch.autograd.grad(loss, logits)[0])
        return torch.stack(gradients).var(dim=0).sum(dim=1).mean().item()

    def figures(self) -> dict[str, Figure]:
        """Two held-out scenes of every count with the boxes found, and what is made of them."""
        if self.config.supervised:
            return {}
        ordinary, full = self.held_out
        scenes = ordinary.of_every_count(full, 2)
        found = self.infer(scenes)
        return {"samples/scenes": scene_figure(scenes, found.box, found.made)}

    @property
    def dataset(self) -> str:
        """Name of the data set."""
        return self.scenes.name
