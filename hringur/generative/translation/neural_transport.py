"""Neural optimal transport (Korotin et al. 2023): the dual of transport, with two networks.

    sup_f inf_T  E_x [c(x, T(x)) - f(T(x))] + E_y f(y)                       (equation 16)

The map T minimises its cost c less the potential f of where it arrives; the potential rises where
images of the second set are, and falls where T arrives. With a strong f the translations are of the
second set; the cost picks, of all such maps, the one that changes an image least. R1 (Mescheder
et al. 2018) keeps the potential smooth.

======== =====================================================================================
cost     a mean of squared differences
======== =====================================================================================
pixels   of the pixels
blurred  of means over 4 x 4 pixels: what is drawn may change, not where it is
features of the shipped classifier's map of features, in grey
======== =====================================================================================
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from hringur.evaluators.digit_classifier import shipped_classifier, to_grey
from hringur.generative.adversarial import R1_INTERVAL, CollapseMonitor, r1_penalty
from hringur.generative.translation.networks import PatchCritic, Translator
from hringur.generative.translation.sides import Unpaired
from hringur.types import Metrics, State

Image = Float[Tensor, "B C H W"]
Cost = Callable[[Image, Image], Float[Tensor, ""]]

BLUR = 4
"""Pixels to a side over which ``blurred`` averages."""

RANGE_WEIGHT = 10.0
"""Of the mean squared distance of a translation's pixels from 0 .. 1."""


class NeuralTransport:
    """The map and the potential."""

    def __init__(self, model: Any) -> None:
        config = self.config = model.config
        self.translator = model.add_network("translator", Translator(model.shape, config.channels))
        potential = PatchCritic(model.shape, config.critic_channels, constant=False)
        self.critic = model.add_network("critic", potential, config.critic_lr)
        self.monitor = model.monitor = CollapseMonitor()
        self.cost = COSTS[config.cost](str(model.fabric.device))

    def translate(self, image: Image) -> Image:
        """By the averaged map."""
        return self.translator.average(image)

    def update(self, batch: Unpaired, factor: float) -> Metrics:
        """One step of the potential, and one of the map."""
        made = self.translator.network(batch.first)
        both = torch.cat([batch.second, made.detach()])
        real, fake = self.critic.network(both).mean(dim=1).chunk(2)
        self.monitor.check(real, fake)
        distance = real.mean() - fake.mean()
        critic_loss = -distance
        if self.config.r1_penalty and self.critic.updates % R1_INTERVAL == 0:
            potential = self.critic.twice_differentiable
            penalty = r1_penalty(lambda image: potential(image).mean(dim=1), batch.second)
            critic_loss = critic_loss + R1_INTERVAL * self.config.r1_penalty * penalty
        critic_norm = self.critic.step(critic_loss, factor)
        cost = self.cost(batch.first, made)
        beyond = (made - made.clamp(0, 1)).square().mean()
        with self.critic.frozen() as potential:
            loss = self.config.cost_weight * cost - potential(made).mean() + RANGE_WEIGHT * beyond
        norm = self.translator.step(loss, factor)
        return {
            "train/loss": loss.item(),
            "model/transport_cost": cost.item(),
            "critic/distance": distance.item(),
            "critic/grad_norm": critic_norm,
            "model/grad_norm": norm,
        }

    def state_dict(self) -> State:
        """Nothing beside the networks and the monitor, which are the model's."""
        return {}

    def load_state_dict(self, state: State) -> None:
        """Nothing to do."""


def _pixels(device: str) -> Cost:
    return lambda image, other: (image - other).square().mean()


def _blurred(device: str) -> Cost:
    return lambda image, other: F.avg_pool2d(image - other, BLUR, BLUR // 2).square().mean()


def _features(device: str) -> Cost:
    network = shipped_classifier(device).network.map

    def cost(image: Image, other: Image) -> Float[Tensor, ""]:
        one, another = (network(to_grey(part.clamp(0, 1))) for part in (image, other))
        return (one - another).square().mean()

    return cost


COSTS: dict[str, Callable[[str], Cost]] = {
    "pixels": _pixels,
    "blurred": _blurred,
    "features": _features,
}
"""What makes the cost of transport, by name, on a device."""
