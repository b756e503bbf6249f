"""Structure: imports point one way, siblings stay strangers, and torch stays out of the ground."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "hringur"

# Each part imports only from rows above its own; parts of one row never import each other.
LAYERS = [
    ["types"],
    ["faces"],
    ["checks", "settings"],
    ["registry", "weights"],  # names only: what they stand for is imported when asked for
    ["moved"],
    ["data"],
    ["references", "divergences"],
    ["envs", "estimators", "training"],
    ["evaluators"],
    ["agents", "generative"],
    ["trained"],
    ["evaluation"],
    ["commands"],
    ["cli"],
    ["__main__"],
]
LEVEL = {part: level for level, row in enumerate(LAYERS) for part in row}
WITHOUT_TORCH = {"types", "checks", "settings", "faces", "data", "references", "envs", "registry"}
# Agents meet environments through Gymnasium; they may draw, as the environments do.
SEEN_BY_AGENTS = "hringur.envs.tours.drawing"
TORCH = {"torch", "lightning_fabric", "safetensors.torch", "stable_baselines3", "sb3_contrib"}


def part_of(path: Path) -> str:
    """The row entry that a file belongs to, "" for hringur/__init__.py."""
    first = path.relative_to(PACKAGE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def imports(source: str, package: str) -> Iterator[str]:
    """Every module that ``source`` imports, wherever in the file it does so."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: -node.level + 1 or None] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            # "from hringur import data" imports a part, "from hringur.data import x" a name of it
            yield from (
                (f"{base}.{alias.name}" for alias in node.names) if base == "hringur" else [base]
            )


def offences(source: str, part: str, package: str = "hringur") -> list[str]:
    """What ``part`` must not import and yet does."""
    found = []
    for module in imports(source, package):
        if part in WITHOUT_TORCH and any(
            module == heavy or module.startswith(heavy + ".") for heavy in TORCH
        ):
            found.append(f"{part} imports {module}: no torch there")
        if module.split(".")[0] != "hringur":
            continue
        other = module.split(".")[1] if "." in module else ""
        if part and other != part and LEVEL.get(other, len(LAYERS)) >= LEVEL[part]:
            found.append(f"{part} imports {module}: only layers below its own")
        if part == "agents" and other == "envs" and module != SEEN_BY_AGENTS:
            found.append(f"{part} imports {module}: environments are made by Gymnasium")
    return found


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    package = ".".join(["hringur", *path.relative_to(PACKAGE).parts[:-1]])
    assert offences(path.read_text(encoding="utf-8"), part_of(path), package) == []


def test_every_part_has_a_place():
    assert {part_of(path) for path in files()} - {""} <= LEVEL.keys()


@pytest.mark.parametrize(
    "source, part, package",
    [
        ("import torch", "envs", "hringur.envs"),
        ("def f():\n    from torch import nn", "data", "hringur.data"),
        ("from lightning_fabric import Fabric", "references", "hringur.references"),
        ("from hringur.training.trainer import train", "envs", "hringur.envs"),
        ("from hringur.agents import sb3", "training", "hringur.training"),
        ("from hringur import evaluation", "agents", "hringur.agents"),
        ("import hringur.cli", "evaluation", "hringur.evaluation"),
        ("from ..agents import sb3", "estimators", "hringur.estimators"),
        ("import hringur", "agents", "hringur.agents"),
        ("from hringur.unknown import x", "cli", "hringur"),
        ("from hringur.envs.tours.env import TourEnv", "agents", "hringur.agents"),
    ],
)
def test_a_wrong_import_is_seen(source, part, package):
    assert len(offences(source, part, package)) == 1


@pytest.mark.parametrize(
    "source, part, package",
    [
        ("from hringur.data.tours.length import tour_length", "agents", "hringur.agents"),
        ("from hringur import types", "data", "hringur.data"),
        ("from .tours import tour_length", "data", "hringur.data"),
        ("import torch", "training", "hringur.training"),
        ("from hringur.envs.tours.drawing import tour_figure", "agents", "hringur.agents"),
        ("from hringur.commands import console", "cli", "hringur"),
    ],
)
def test_a_right_import_passes(source, part, package):
    assert offences(source, part, package) == []
