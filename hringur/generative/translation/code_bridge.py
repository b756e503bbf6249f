"""Entropic transport between the codes of two sets, in closed form (Korotin et al. 2024).

One autoencoder learns both sets; its codes are kept near a standard normal law by the sliced
Wasserstein distance. Beside it a light bridge learns the entropic plan from the codes of the first
set to those of the second. An image is translated by what the mean of the plan changes:

    x + G(T(z)) - G(z),    T(z) = E[z' | z] under the plan

so that the detail which the code does not hold stays that of the image. So that decoded images are
sharp, a critic of both sets (least squares, Mao et al. 2017) has a part in the decoder's loss.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hringur.divergences.light_bridge import LightBridge
from hringur.divergences.transport import random_directions, sliced_wasserstein
from hringur.generative.networks import Autoencoder, Decoder, Encoder
from hringur.generative.translation.cyclegan import least_squares
from hringur.generative.translation.networks import PatchCritic
from hringur.generative.translation.sides import Unpaired
from hringur.types import Metrics, State

Image = Float[Tensor, "B C H W"]

BRIDGE_LR = 1e-2
"""Adam's learning rate of the bridge, as of the solver."""

START = 0.1
"""Spread of the r_k at first, in units of the codes: the bridge begins near the identity."""


class CodeBridge:
    """The autoencoder, its critic, and the bridge between codes."""

    def __init__(self, model: Any) -> None:
        config, shape = model.config, model.shape
        self.config = config
        encoder = Encoder(shape, config.latent, config.architecture)
        decoder = Decoder(config.latent, shape, config.architecture)
        self.autoencoder = model.add_network("autoencoder", Autoencoder(encoder, decoder))
        critic = PatchCritic(shape, config.critic_channels)
        self.critic = model.add_network("critic", critic, config.critic_lr)
        centre = START * torch.randn(config.parts, config.latent)
        bridge = LightBridge(centre, config.epsilon, scale=1.0)  # T(z) = z + r_k: nearly z
        self.bridge = model.add_network("bridge", bridge, BRIDGE_LR)

    def translate(self, image: Image) -> Image:
        """The image, and what transport of its code changes in it."""
        network = self.autoencoder.average
        code = network.encode(image)
        arrived = self.bridge.average.barycentre(code)
        return image + network.decode(arrived).sigmoid() - network.decode(code).sigmoid()

    def update(self, batch: Unpaired, factor: float) -> Metrics:
        """One step of each network."""
        config, network = self.config, self.autoencoder.network
        image = torch.cat([batch.first, batch.second])
        code = network.encode(image)
        made = network.decode(code).sigmoid()
        shown = torch.cat([image, made.detach()])
        critic_loss = least_squares(*self.critic.network(shown).chunk(2))
        self.critic.step(critic_loss, factor)
        error = (made - image).square().sum(dim=(1, 2, 3)).mean()
        directions = random_directions(config.latent, config.latent, code.device)
        away = sliced_wasserstein(code.float(), torch.randn_like(code).float(), directions)
        with self.critic.frozen() as critic:
            fooling = (critic(made) - 1).square().mean()
        loss = error + config.code_weight * away + config.sharpness * fooling
        norm = self.autoencoder.step(loss, factor, clip_norm=100.0)
        first, second = code.detach().float().chunk(2)
        bridge_loss = self.bridge.network.loss(first, second)
        self.bridge.step(bridge_loss, factor)
        return {
            "train/loss": loss.item(),
            "critic/loss": critic_loss.item(),
            "model/reconstruction_error": error.item(),
            "model/sliced_wasserstein": away.item(),
            "model/bridge_loss": bridge_loss.item(),
            "model/grad_norm": norm,
        }

    def state_dict(self) -> State:
        """Nothing beside the networks, which are the model's."""
        return {}

    def load_state_dict(self, state: State) -> None:
        """Nothing to do."""
