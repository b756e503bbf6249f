"""Public names of a package, imported when first asked for.

The ``__init__.py`` of a package is its face. Where a name needs torch, or a minute of reading, the
face hands it on without importing it::

    __getattr__, __dir__, __all__ = lazy(__name__, {"TourAgent": "hringur.agents.tours.agent"})
"""

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazy(
    package: str, names: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """``__getattr__``, ``__dir__`` and ``__all__`` of a package (PEP 562).

    Args:
        package: its ``__name__``.
        names: module by public name, or ``module:object`` where it is called otherwise there.
    """

    def get(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        where, _, called = names[name].partition(":")
        value = getattr(importlib.import_module(where), called or name)
        setattr(sys.modules[package], name, value)  # found at once the next time
        return value

    return get, lambda: sorted({*vars(sys.modules[package]), *names}), list(names)
