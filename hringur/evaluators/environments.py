"""Environments by name: found, made, one or many; what cannot be made is refused in one line.

A name may carry the module that registers it, ``my_module:Bag-v0``. Such a module is imported only
where a user typed it, never because a file names it (``check_known``).
"""

import importlib
import inspect
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pkgutil import resolve_name
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec, load_env_creator

from hringur.checks import shortened
from hringur.registry import domain_of, entries, environment_row
from hringur.types import UserError

RESERVED = frozenset(
    ("num_envs", "vectorization_mode", "vector_kwargs", "wrappers", "autoreset_mode", "render_mode")
)
"""What ``make`` and ``make_vec`` take beside the options of the environments themselves."""


def gym_spec(env_id: str) -> EnvSpec:
    """What Gymnasium knows of an environment; the module before a colon is imported first.

    Raises:
        UserError: there is no such module, or it registers no such environment.
    """
    module, _, name = env_id.rpartition(":")
    try:
        if module:  # as gymnasium.make does with "hringur:IcelandTSP-v0"
            _import(module)
        elif name not in gym.registry:
            for module in entries("hringur.environments").values():
                importlib.import_module(module)
        return gym.spec(name)
    except (gym.error.Error, ImportError) as error:
        raise UserError(f"unknown environment {env_id}: {error}") from error


def check_known(env_id: str, where: Any) -> None:
    """Refuse an environment whose module would have to be imported because a file names it.

    Args:
        env_id: as read from the file.
        where: the file, for the message.

    Raises:
        UserError: the module is neither of this package nor imported already.
    """
    module = env_id.rpartition(":")[0]
    if module and module.partition(".")[0] != "hringur" and module not in sys.modules:
        raise UserError(
            f"{where} names the environment {env_id}: to import {module}, and so to run its code,"
            f" add --import {module} (in Python: import {module})"
        )


def import_typed(module: str) -> None:
    """Import a module that a user typed on the command line; it may lie in the present folder.

    Raises:
        UserError: it cannot be imported.
    """
    try:
        _import(module)
    except ImportError as error:
        raise UserError(f"cannot import {module}: {error}") from error


def check_options(options: Mapping[str, Any]) -> None:
    """Refuse what is no option of an environment, but of those who make them.

    Raises:
        UserError: the message names it.
    """
    reserved = sorted(RESERVED & options.keys())
    if reserved:
        raise UserError(f"{reserved[0]} is no option of an environment to train on")


def make_single(env_id: str, **options: Any) -> gym.Env:
    """One environment.

    Raises:
        UserError: there is no such environment, or it has no such option.
    """
    check_option_types(env_id, options)
    with refusals(env_id):
        return gym.make(env_id, **options)


def check_option_types(env_id: str, options: Mapping[str, Any]) -> None:
    """Refuse text where the environment's own default is a number or a truth value.

    Environments of this package check themselves; one of Gymnasium's takes ``is_slippery="no"`` for
    true.

    Raises:
        UserError: there is no such environment, or an option is of another type.
    """
    spec = gym_spec(env_id)
    creator: Any = spec.entry_point
    if environment_row(spec.id) is not None or not options:
        return
    try:
        creator = load_env_creator(creator) if isinstance(creator, str) else creator
        known = inspect.signature(creator).parameters if callable(creator) else {}
    except (ImportError, AttributeError, ValueError, TypeError):  # making it says what is missing
        return
    for name, value in options.items():
        default = known[name].default if name in known else None
        truth = isinstance(default, bool) and value not in (True, False)
        if truth or (isinstance(default, int | float) and isinstance(value, str)):
            wanted = "True or False" if isinstance(default, bool) else "a number"
            raise UserError(f"{env_id}: {name} must be {wanted}, got {shortened(value)}")


def make_vector(
    env_id: str, num_envs: int, autoreset_mode: str | None = None, **options: Any
) -> gym.vector.VectorEnv:
    """Many environments side by side: the native vector where there is one, else single ones.

    An environment that was registered without a vector has that of its domain, if there is one.
    ``autoreset_mode`` is "NextStep", "SameStep" or "Disabled"; a native vector that has no such
    option, as those of Gymnasium's own, then gives way to single environments.

    Raises:
        UserError: there is no such environment, or it has no such option.
    """
    check_option_types(env_id, options)
    own: dict[str, Any] = {} if autoreset_mode is None else {"autoreset_mode": autoreset_mode}
    native = gym_spec(env_id).vector_entry_point
    if native is not None and all(takes(native, name) for name in own):
        with refusals(env_id):
            return gym.make_vec(
                env_id, num_envs, vectorization_mode="vector_entry_point", **options, **own
            )
    if native is None and (vector := _domain_vector(env_id, num_envs, options, own)) is not None:
        return vector
    if autoreset_mode is not None:
        own = {"autoreset_mode": gym.vector.AutoresetMode(autoreset_mode)}
    with refusals(env_id):
        return gym.make_vec(
            env_id, num_envs, vectorization_mode="sync", vector_kwargs=own, **options
        )


def _domain_vector(
    env_id: str, num_envs: int, options: Mapping[str, Any], own: Mapping[str, Any]
) -> gym.vector.VectorEnv | None:
    """The native vector of an environment's domain, where single ones have no wrappers."""
    single, spec = make_single(env_id, **options), gym_spec(env_id)
    single.close()
    vector = domain_of(spec.id, type(single.unwrapped)).vector
    if vector is None or spec.additional_wrappers or spec.max_episode_steps is not None:
        return None
    return resolve_name(vector)(single.unwrapped.problem, num_envs, **own)  # type: ignore[attr-defined]


def said(env: gym.Env | gym.vector.VectorEnv, word: str, otherwise: Any) -> Any:
    """A word of an environment: its ``action_names``, ``time_unit`` or ``reference_name``."""
    inner: Any = env.unwrapped
    while hasattr(inner, "envs"):  # a loop over single ones: all say the same
        inner = inner.envs[0].unwrapped
    return getattr(inner, word, otherwise) or otherwise


def takes(entry_point: Any, option: str) -> bool:
    """Whether an environment can be made with this option."""
    maker = load_env_creator(entry_point) if isinstance(entry_point, str) else entry_point
    return option in inspect.signature(maker).parameters


@contextmanager
def refusals(env_id: str) -> Iterator[None]:
    """Why an environment cannot be made, in one line: an option, or what is not installed."""
    try:
        yield
    except UserError:
        raise
    except (gym.error.Error, KeyError, ValueError, OSError) as error:
        raise UserError(f"cannot make {env_id}: {type(error).__name__}: {error}") from error
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        option = str(error).rpartition("keyword argument ")[2].split()[0]
        raise UserError(f"{env_id} has no option {option}") from error


def _import(module: str) -> None:
    """Import ``module``, from the present folder too, as ``python -m`` would.

    The folder joins the path only for a module that is not known yet: otherwise an extra that is
    not installed could later be taken from there.
    """
    if module.partition(".")[0] != "hringur" and module not in sys.modules and "" not in sys.path:
        sys.path.append("")
    importlib.import_module(module)
