"""Functions that make environments: the options of a problem are stated once, where it is built."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, get_type_hints

from hringur.settings import typed

E = TypeVar("E")


def factory(problem: Callable[..., Any], environment: Callable[..., E]) -> Callable[..., E]:
    """A function that makes an ``environment`` of the problem that its options mean.

    It takes the options of ``problem``, and by name those of ``environment``, whose first argument
    is what ``problem`` returns. Its signature shows them all, and each is held against its type.
    """
    by_name = inspect.Parameter.KEYWORD_ONLY
    options = inspect.signature(problem).parameters.values()
    _, *more = inspect.signature(environment).parameters.values()
    own = {option.name: option.replace(kind=by_name) for option in more}
    signature = inspect.Signature([*options, *own.values()])

    def make(*positional: Any, **named: Any) -> E:
        given = signature.bind(*positional, **named).arguments
        rest = {name: given.pop(name) for name in own if name in given}
        return environment(problem(**given), **rest)

    make.__doc__, make.__annotations__ = problem.__doc__, _types(problem) | _types(environment)
    make.__signature__ = signature  # type: ignore[attr-defined]
    return typed(make)


def _types(maker: Any) -> dict[str, Any]:
    return get_type_hints(getattr(maker, "__init__") if inspect.isclass(maker) else maker)  # noqa: B009
