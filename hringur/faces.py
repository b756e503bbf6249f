"""Public names of a package, imported when first asked for.

The ``__init__.py`` of a package is its face. Where a name needs torch, or is slow to import, the
face hands it on without importing it::

    __getattr__, __dir__, __all__ = lazy(__name__, {"tours.agent": "TourAgent TourLearning"})
"""

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazy(
    package: str, modules: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """``__getattr__``, ``__dir__`` and ``__all__`` of a package (PEP 562).

    ``modules`` has the public names of each module of the package, separated by spaces;
    ``name=object`` where the module calls it otherwise. A module of another package of ours is
    named in full.
    """
    found = {}
    for module, names in modules.items():
        for name, _, called in (name.partition("=") for name in names.split()):
            absolute = module.startswith(package.partition(".")[0] + ".")
            found[name] = (module if absolute else f"{package}.{module}", called or name)

    def get(name: str) -> Any:
        if name not in found:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, called = found[name]
        value = getattr(importlib.import_module(module), called)
        setattr(sys.modules[package], name, value)  # found at once the next time
        return value

    return get, lambda: sorted({*vars(sys.modules[package]), *found}), list(found)
