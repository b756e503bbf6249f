"""Modules under the names that they had before; these names go with the next release."""

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pkgutil import resolve_name
from types import ModuleType
from typing import Any

KEPT_NAMES = [
    ("agents", "agents.reinforce", "action_distributions environments networks observations"),
    ("agents", "agents.reinforce", "policy_gradient rollouts"),
    ("agents", "agents.tours", "attention_model decoding glimpse pictures pointer_network"),
    ("agents", "agents.tours", "predicting"),
    ("data", "data.tours", "geography held_out iceland instances own_instances place_sets"),
    ("data", "data.tours", "proven_tours tsplib"),
    ("data", "data.trading", "market_files prices walk_forward yahoo"),
    ("envs", "envs.tours", "drawing euclidean_tsp iceland_map iceland_tsp labels own_tsp problem"),
    ("envs", "envs.trading", "stock_trading"),
    ("evaluation", "data", "figures"),
    ("evaluation", "evaluation.films", "film game video"),
    ("evaluation", "evaluation.tours", "methods"),
    ("evaluation", "evaluators", "digit_classifier"),
    ("generative", "divergences", "transport"),
    ("generative", "generative.models", "adversarial_autoencoder discrete_autoencoder gan vae"),
    ("generative", "generative.models", "transport_autoencoder wae_mmd wgan_gp"),
    ("references", "references.tours", "exact heuristics"),
]
"""Package of before, package of now, and the modules that moved from one to the other."""

NEW_NAMES = {
    "agents.episodes": "evaluators.episodes",
    "agents.sb3_learner": "agents.sb3.learner",
    "agents.tour_agent": "agents.tours.agent",
    "data.price_processes": "data.trading.processes",
    "data.price_sources": "data.trading.sources",
    "envs.breakout_game": "envs.breakout.game",
    "envs.breakout_vec": "envs.breakout.vector_env envs.vector",
    "envs.tour_env": "envs.tours.env",
    "envs.tour_vector_env": "envs.tours.vector_env envs.vector",
    "envs.trading_env": "envs.trading.env",
    "envs.trading_problem": "envs.trading.problem",
    "envs.trading_vector_env": "envs.trading.vector_env envs.vector",
    "estimators.relax": "estimators.rebar",
    "estimators.relaxed": "estimators.pathwise",
    "estimators.score_function": "estimators.score_functions",
    "estimators.vimco": "estimators.score_functions",
    "evaluation.compare": "evaluation.tours.table",
    "evaluation.episode_scores": "evaluation.agents.scores",
    "evaluation.estimator_bench": "evaluation.estimators.bench",
    "evaluation.evaluate": "evaluation.tours.scores",
    "evaluation.generative_metrics": "divergences.features",
    "evaluation.generative_scores": "evaluation.generative.scores evaluators.images",
    "evaluation.plots": "data.figures evaluation.tours.plots",
    "evaluation.trading": "evaluators.trading evaluation.agents.trading",
    "generative.discrepancy": "divergences.kernels",
    "references.trading_outcomes": "references.trading.wealth",
    "training.counters": "training.config",
    "training.interruption": "training.trainer",
    "training.processes": "training.fabric",
}
"""The modules in which the names of a module of before are found now, the most likely first."""

MOVED = NEW_NAMES | {
    f"{before}.{name}": f"{now}.{name}"
    for before, now, names in KEPT_NAMES
    for name in names.split()
}

RENAMED = {"ImageYardstick": "hringur.evaluators.images:ImageEvaluator"}
"""Objects that have another name now."""


class _Moved(MetaPathFinder, Loader):
    """Makes the modules of before, which import their names from those of now."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        moved = MOVED.get(name.removeprefix("hringur."))
        if moved is None or not name.startswith("hringur."):
            return None
        now = " and ".join(f"hringur.{module}" for module in moved.split())
        warnings.warn(f"{name} is now {now}", DeprecationWarning, stacklevel=2)
        return ModuleSpec(name, self, loader_state=moved.split())

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        now = [importlib.import_module(f"hringur.{one}") for one in module.__spec__.loader_state]

        def get(name: str) -> Any:
            if name in RENAMED:
                return resolve_name(RENAMED[name])
            return getattr(next((one for one in now if hasattr(one, name)), now[0]), name)

        vars(module)["__getattr__"] = get


def redirect() -> None:
    """Make the modules of before importable, with a warning."""
    sys.meta_path.append(_Moved())  # last: only what is nowhere else
