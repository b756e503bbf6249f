"""Everything that has a name: environments, learners, generative models. Names only, no imports.

What a name stands for is imported when it is asked for. To add one: its file, and its line here;
or, from a package of one's own, an entry point of the group named beside each table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pkgutil import resolve_name
from typing import Any, NamedTuple

from hringur.types import UserError


@dataclass(frozen=True, kw_only=True)
class Domain:
    """What environments of one kind have in common: how they are measured, and what is reported."""

    environment: str
    """class of single environments, as ``module:Class``; others of it belong here too"""

    vector: str | None = None
    """class of native vectors, made of a single environment's ``problem`` and a number: it serves
    where such an environment is registered without a vector of its own"""

    evaluator: str = "hringur.evaluators.episodes:EpisodeEvaluator"
    """class that measures a policy on held-out instances or episodes, beside the known optimum"""

    evaluation: str = "hringur.commands.evaluate.episodes:main"
    """function behind ``hringur evaluate``: the table of figures"""

    recorder: str | None = None
    """class, made of a single environment, that sees every step of held-out episodes and computes
    more figures of each"""

    report: str | None = None
    """function that reports more of evaluated episodes than their return: tables and JSON"""

    comparison: str | None = None
    """the same of several agents, each trained from several seeds"""


TOURS = Domain(
    environment="hringur.envs.tours.env:TourEnv",
    vector="hringur.envs.tours.vector_env:TourVectorEnv",
    evaluator="hringur.evaluators.tours:TourEvaluator",
    evaluation="hringur.commands.evaluate.tours:main",
)
TRADING = Domain(
    environment="hringur.envs.trading.env:TradingEnv",
    vector="hringur.envs.trading.vector_env:TradingVectorEnv",
    recorder="hringur.evaluators.trading:TradingRecorder",
    report="hringur.evaluation.agents.trading:report",
    comparison="hringur.evaluation.agents.trading:comparison",
)
BREAKOUT = Domain(
    environment="hringur.envs.breakout.env:ThreeActionBreakout",
    report="hringur.evaluation.agents.breakout:report",
)
QUESTIONS = Domain(
    environment="hringur.envs.questions.env:QuestionEnv",
    vector="hringur.envs.questions.env:QuestionVectorEnv",
    recorder="hringur.evaluators.questions:QuestionRecorder",
    report="hringur.evaluation.agents.questions:report",
    comparison="hringur.evaluation.agents.questions:comparison",
)
EPISODES = Domain(environment="gymnasium.core:Env")
"""Any other environment."""

DOMAINS = (TOURS, TRADING, BREAKOUT, QUESTIONS, EPISODES)


@dataclass(frozen=True, kw_only=True)
class Environment:
    """One row of the table of environments."""

    factory: str
    """makes a single environment, as ``module:function``"""

    vector: str | None = None
    """makes a native vector; None: that of the domain, else Gymnasium's ``SyncVectorEnv``"""

    domain: Domain = EPISODES
    options: str | None = None
    """dataclass of options that the command line offers by name, beside ``--option``"""


ENVIRONMENTS = {
    "IcelandTSP-v0": Environment(
        factory="hringur.envs.tours.iceland_tsp:iceland_tsp",
        vector="hringur.envs.tours.iceland_tsp:iceland_tsp_vec",
        domain=TOURS,
        options="hringur.commands.options:IcelandOptions",
    ),
    "EuclideanTSP-v0": Environment(
        factory="hringur.envs.tours.euclidean_tsp:euclidean_tsp",
        vector="hringur.envs.tours.euclidean_tsp:euclidean_tsp_vec",
        domain=TOURS,
        options="hringur.commands.options:PointsOptions",
    ),
    "DirectedTSP-v0": Environment(
        factory="hringur.envs.tours.directed_tsp:directed_tsp",
        vector="hringur.envs.tours.directed_tsp:directed_tsp_vec",
        domain=TOURS,
        options="hringur.commands.options:PointsOptions",
    ),
    "OwnTSP-v0": Environment(
        factory="hringur.envs.tours.own_tsp:own_tsp",
        vector="hringur.envs.tours.own_tsp:own_tsp_vec",
        domain=TOURS,
    ),
    "StockTrading-v0": Environment(
        factory="hringur.envs.trading.stock_trading:stock_trading",
        vector="hringur.envs.trading.stock_trading:stock_trading_vec",
        domain=TRADING,
    ),
    "ThreeActionBreakout-v0": Environment(
        factory="hringur.envs.breakout.env:breakout",
        vector="hringur.envs.breakout.vector_env:breakout_vec",
        domain=BREAKOUT,
    ),
    "ThreeActionBreakoutNoFrameskip-v0": Environment(
        factory="hringur.envs.breakout.env:breakout_frames",
        domain=BREAKOUT,
    ),
    "BoundingBox-v0": Environment(
        factory="hringur.envs.questions.bounding_box:bounding_box",
        vector="hringur.envs.questions.bounding_box:bounding_box_vec",
        domain=QUESTIONS,
    ),
    "CallFunction-v0": Environment(
        factory="hringur.envs.questions.call_function:call_function",
        vector="hringur.envs.questions.call_function:call_function_vec",
        domain=QUESTIONS,
    ),
    "BuildNetwork-v0": Environment(
        factory="hringur.envs.questions.build_network:build_network",
        vector="hringur.envs.questions.build_network:build_network_vec",
        domain=QUESTIONS,
    ),
    "StopDecoding-v0": Environment(
        factory="hringur.envs.questions.stop_decoding:stop_decoding",
        vector="hringur.envs.questions.stop_decoding:stop_decoding_vec",
        domain=QUESTIONS,
    ),
}
"""Registered with Gymnasium by ``import hringur``. Group of entry points: ``hringur.environments``;
each names a module that registers environments with Gymnasium when it is imported."""

NAMESPACE = "hringur/"
"""Each environment is registered twice, as ``IcelandTSP-v0`` and ``hringur/IcelandTSP-v0``."""

LEARNERS = {
    "attention-model": "hringur.agents.tours.attention_model:AttentionModelConfig",
    "pointer-network": "hringur.agents.tours.pointer_network:PointerNetworkConfig",
    "reinforce": "hringur.agents.reinforce.agent:ReinforceConfig",
    "ppo": "hringur.agents.sb3.settings:PPOConfig",
    "a2c": "hringur.agents.sb3.settings:A2CConfig",
    "dqn": "hringur.agents.sb3.settings:DQNConfig",
    "maskable-ppo": "hringur.agents.sb3.settings:MaskablePPOConfig",
}
"""Class of settings by name, as ``module:Class``. Group of entry points: ``hringur.learners``."""

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
    "attribute-autoencoder": (
        "hringur.generative.models.attribute_autoencoder:AttributeAutoencoderConfig"
    ),
    "grammar-vae": "hringur.generative.models.grammar_vae:GrammarVAEConfig",
    "sequence-autoencoder": (
        "hringur.generative.models.sequence_autoencoder:SequenceAutoencoderConfig"
    ),
    "relational-inference": (
        "hringur.generative.models.relational_inference:RelationalInferenceConfig"
    ),
    "attend-infer-repeat": (
        "hringur.generative.models.attend_infer_repeat:AttendInferRepeatConfig"
    ),
    "translation": "hringur.generative.translation.model:TranslationConfig",
    "text-style": "hringur.generative.models.text_style:TextStyleConfig",
}
"""The same for generative models, which learn from a data set instead of an environment. Group of
entry points: ``hringur.models``."""

SAVED = {
    "tour_agent": "hringur.agents.tours.agent:TourAgent",
    "reinforce": "hringur.agents.reinforce.agent:Reinforce",
    "image_model": "hringur.generative.model:ImageModel",
    "sequence_model": "hringur.generative.sequences.model:SequenceModel",
}
"""Class whose ``load`` reads a saved file, by the key that its ``save`` wrote."""


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

TRANSLATIONS = {
    method: Experiment("translation", {"method": method}, teaches)
    for method, teaches in {
        "cyclegan": "CycleGAN: translation held by a cycle",
        "iterated-transport": "iterated transport: patches matched, and a network, in turn",
        "light-bridge": "light bridge: entropic transport between codes",
        "neural-transport": "neural transport: the map of least cost, by its dual",
        "object-transport": "object transport: silhouettes matched, and what they are painted with",
    }.items()
}
"""Methods of translation without pairs, to be compared like experiments."""


def domain_of(env_id: str, environment: type) -> Domain:
    """The domain of ``env_id``: its row's, else that of ``environment``, the unwrapped class."""
    if (row := environment_row(env_id)) is not None:
        return row.domain
    classes = {f"{parent.__module__}:{parent.__qualname__}" for parent in environment.__mro__}
    return next((domain for domain in DOMAINS if domain.environment in classes), EPISODES)


def environment_row(env_id: str) -> Environment | None:
    """The row of an environment of this package, by either of its ids."""
    return ENVIRONMENTS.get(env_id.removeprefix(NAMESPACE))


def learners() -> dict[str, str]:
    """Class of settings by name: of this package, then of others that are installed."""
    return LEARNERS | entries("hringur.learners")


def models() -> dict[str, str]:
    """The same for generative models."""
    return MODELS | entries("hringur.models")


def learner_config(name: str) -> type[Any]:
    """The class of settings of a learner: a frozen dataclass with ``build``."""
    return _find("learner", name, learners())


def model_config(name: str) -> type[Any]:
    """The class of settings of a generative model: a frozen dataclass with ``build``."""
    return _find("model", name, models())


def config_of(name: str) -> type[Any]:
    """The class of settings of a learner or of a generative model."""
    return model_config(name) if name in models() else learner_config(name)


def experiment(name: str) -> Experiment:
    """One of the lecture's experiments, or any generative model with its default settings."""
    if name in models():
        return Experiment(name, {}, summary(model_config(name)))
    named = EXPERIMENTS | TRANSLATIONS
    if name not in named:
        known = "; ".join(f"{key} ({one.teaches})" for key, one in named.items())
        raise UserError(f"unknown experiment {name!r}; there are {known}")
    return named[name]


def summary(what: Any) -> str:
    """The first line of a docstring, without its full stop."""
    return (what.__doc__ or "").strip().partition("\n")[0].rstrip(".")


@cache
def entries(group: str) -> dict[str, str]:
    """``module:object`` by name, from the entry points of installed packages."""
    return {found.name: found.value for found in entry_points(group=group)}


def _find(kind: str, name: str, known: Mapping[str, str]) -> type[Any]:
    """What ``name`` stands for; a ``UserError`` lists the names that are known."""
    if name not in known:
        raise UserError(f"unknown {kind} {name!r}; there are {', '.join(known)}")
    try:
        return resolve_name(known[name])
    except (ImportError, AttributeError, ValueError) as error:
        where = known[name]
        raise UserError(f"the {kind} {name} cannot be imported from {where}: {error}") from error
