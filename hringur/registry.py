"""Every learner and every model by name. To add one: its file, and its line here."""

from pkgutil import resolve_name
from typing import Any, NamedTuple

from hringur.types import UserError

LEARNERS = {
    "attention-model": "hringur.agents.tours.attention_model:AttentionModelConfig",
    "pointer-network": "hringur.agents.tours.pointer_network:PointerNetworkConfig",
    "reinforce": "hringur.agents.reinforce.agent:ReinforceConfig",
    "ppo": "hringur.agents.sb3.settings:PPOConfig",
    "a2c": "hringur.agents.sb3.settings:A2CConfig",
    "dqn": "hringur.agents.sb3.settings:DQNConfig",
    "maskable-ppo": "hringur.agents.sb3.settings:MaskablePPOConfig",
}
"""Configuration class by name, as ``module:Class``: imported only when asked for."""

MODELS = {
    "gan": "hringur.generative.models.gan:GANConfig",
    "adversarial-autoencoder": (
        "hringur.generative.models.adversarial_autoencoder:AdversarialAutoencoderConfig"
    ),
    "vae": "hringur.generative.models.vae:VAEConfig",
    "wae-mmd": "hringur.generative.models.wae_mmd:WAEMMDConfig",
    "transport-autoencoder": (
        "hringur.generative.models.transport_autoencoder:TransportAutoencoderConfig"
    ),
    "discrete-autoencoder": (
        "hringur.generative.models.discrete_autoencoder:DiscreteAutoencoderConfig"
    ),
    "wgan-gp": "hringur.generative.models.wgan_gp:WGANGPConfig",
}
"""The same for the generative models, whose ``build`` takes a data set instead of a problem."""


class Experiment(NamedTuple):
    """One of the lecture's experiments: a model, settings, and what it teaches."""

    model: str
    settings: dict[str, Any]
    teaches: str


EXPERIMENTS = {
    "exp0": Experiment("gan", {}, "GAN: a network as a divergence"),
    "exp1": Experiment(
        "adversarial-autoencoder", {}, "adversarial autoencoder: matching the aggregate posterior"
    ),
    "exp2": Experiment("vae", {}, "VAE: the reparameterisation"),
    "exp3": Experiment("wae-mmd", {}, "WAE-MMD: the relaxed transport problem"),
    "exp4": Experiment(
        "transport-autoencoder", {}, "sliced Wasserstein or Sinkhorn: transport computed"
    ),
    "exp5": Experiment(
        "discrete-autoencoder",
        {"estimator": "reinforce-leave-one-out"},
        "binary code by REINFORCE: discrete latents, high variance",
    ),
    "exp6": Experiment(
        "discrete-autoencoder",
        {"estimator": "gumbel-straight-through"},
        "binary code by a relaxation: the pathwise rescue",
    ),
    "exp7": Experiment("wgan-gp", {}, "WGAN-GP: the dual of transport as a critic"),
}
"""The lecture's experiments by number."""


def experiment(name: str) -> Experiment:
    """One of the lecture's experiments.

    Raises:
        UserError: there is none of that name; the message lists them.
    """
    if name not in EXPERIMENTS:
        known = "; ".join(f"{key} ({one.teaches})" for key, one in EXPERIMENTS.items())
        raise UserError(f"unknown experiment {name!r}; there are {known}")
    return EXPERIMENTS[name]


def model_config(name: str) -> type[Any]:
    """The configuration class of a generative model: a frozen dataclass with ``build``.

    Raises:
        UserError: there is no such model.
    """
    if name not in MODELS:
        raise UserError(f"unknown model {name!r}; there are {', '.join(MODELS)}")
    return resolve_name(MODELS[name])


def config_of(name: str) -> type[Any]:
    """The configuration class of a learner or of a generative model.

    Raises:
        UserError: there is neither of that name.
    """
    return model_config(name) if name in MODELS else learner_config(name)


def learner_config(name: str) -> type[Any]:
    """The configuration class of a learner: a frozen dataclass with ``build``.

    Raises:
        UserError: there is no such learner.
    """
    if name not in LEARNERS:
        raise UserError(f"unknown learner {name!r}; there are {', '.join(LEARNERS)}")
    return resolve_name(LEARNERS[name])
