"""Modules under the names that the documentation showed before; they go with the next release."""

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pkgutil import resolve_name
from types import ModuleType
from typing import Any

MOVED = {
    "hringur.data.held_out": "hringur.data.tours.held_out",
    "hringur.data.instances": "hringur.data.tours.instances",
    "hringur.data.market_files": "hringur.data.trading.market_files",
    "hringur.data.own_instances": "hringur.data.tours.own_instances",
    "hringur.data.price_processes": "hringur.data.trading.processes",
    "hringur.data.prices": "hringur.data.trading.prices",
    "hringur.evaluation.compare": "hringur.evaluation.tours.table",
    "hringur.evaluation.game": "hringur.evaluation.films.game",
    "hringur.evaluation.generative_scores": "hringur.evaluation.generative.scores",
    "hringur.evaluation.methods": "hringur.evaluation.tours.methods",
    "hringur.evaluation.plots": "hringur.evaluation.figures",
    "hringur.evaluation.video": "hringur.evaluation.films.video",
    "hringur.generative.vae": "hringur.generative.models.vae",
    "hringur.generative.wae_mmd": "hringur.generative.models.wae_mmd",
    "hringur.references.exact": "hringur.references.tours.exact",
    "hringur.references.heuristics": "hringur.references.tours.heuristics",
}
"""Module of now by module of before."""

RENAMED = {
    "ImageYardstick": "hringur.evaluators.images:ImageEvaluator",
}
"""Where names lie now that were renamed as well."""


class _Moved(MetaPathFinder, Loader):
    """Finds the modules of before, as modules that hand on the names of those of now."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in MOVED:
            return None
        warnings.warn(f"{name} is now {MOVED[name]}", DeprecationWarning, stacklevel=2)
        return ModuleSpec(name, self)

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        now = importlib.import_module(MOVED[module.__name__])

        def get(name: str) -> Any:
            return resolve_name(RENAMED[name]) if name in RENAMED else getattr(now, name)

        vars(module)["__getattr__"] = get


def redirect() -> None:
    """Let the modules of before be imported, with a warning."""
    sys.meta_path.append(_Moved())  # last: only what is nowhere else
