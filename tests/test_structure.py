"""Structure: imports point one way and in no circle, siblings stay strangers, no guessing."""

import ast
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import pytest

from hringur.registry import ENVIRONMENTS

PACKAGE = Path(__file__).parents[1] / "hringur"

# Each part imports only from rows above its own; parts of one row never import each other.
LAYERS = [
    ["types", "interrupts"],
    ["faces", "moved"],
    ["checks", "settings"],
    ["registry", "weights"],  # names only: what they stand for is imported when asked for
    ["data"],
    ["references", "divergences"],
    ["envs", "estimators", "training"],
    ["evaluators"],
    ["agents", "generative"],
    ["trained"],
    ["evaluation"],
    ["play"],
    ["commands"],
    ["cli"],
    ["lecture"],
    ["notebook"],
    ["__main__"],
]
LEVEL = {part: level for level, row in enumerate(LAYERS) for part in row}
WITHOUT_TORCH = {
    "types", "interrupts", "checks", "settings", "faces", "moved", "data", "references", "envs",
    "registry", "play",
}  # fmt: skip
# Agents meet environments through Gymnasium; they may draw, as the environments do.
SEEN_BY_AGENTS = "hringur.envs.tours.drawing"
TORCH = {"torch", "lightning_fabric", "safetensors.torch", "stable_baselines3", "sb3_contrib"}

LARGEST_FOLDER = 16  # files of its own
LONGEST_FUNCTION = 40  # lines
LONGER_FUNCTIONS = 16  # how many may be longer
LARGEST_PACKAGE = 46_458


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


every_file = pytest.mark.parametrize(
    "path", files(), ids=lambda path: str(path.relative_to(PACKAGE))
)


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).parts[:-1])


def part_of(path: Path) -> str:
    """The row entry that a file belongs to, "" for hringur/__init__.py."""
    first = path.relative_to(PACKAGE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def imports(source: str, package: str) -> Iterator[tuple[str, str]]:
    """Every (module, name of it or "") that ``source`` imports, wherever in the file it does so."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: -node.level + 1 or None] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            yield from ((base, alias.name) for alias in node.names)


# Layers -----------------------------------------------------------------------------------------


def offences(source: str, part: str, package: str = "hringur") -> list[str]:
    """What ``part`` must not import and yet does."""
    found = []
    modules = {
        f"{module}.{name}" if module == "hringur" and name else module
        for module, name in imports(source, package)
    }
    for module in sorted(modules):
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


@every_file
def test_imports_point_one_way(path):
    source = path.read_text(encoding="utf-8")
    assert offences(source, part_of(path), package_of(path)) == []


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


# Circles ----------------------------------------------------------------------------------------


def circles(sources: dict[str, tuple[str, str]]) -> list[list[str]]:
    """Modules that import each other, by module: (its package, its source).

    An import counts at module level, inside a function and under TYPE_CHECKING alike.
    """
    graph = nx.DiGraph()
    for module, (package, source) in sources.items():
        for base, name in imports(source, package):
            target = f"{base}.{name}" if f"{base}.{name}" in sources else base
            if target in sources:
                graph.add_edge(module, target)
    strong = [sorted(part) for part in nx.strongly_connected_components(graph) if len(part) > 1]
    return sorted(strong + [[module] for module in nx.nodes_with_selfloops(graph)])


def test_no_files_import_each_other():
    sources = {
        module_of(path): (package_of(path), path.read_text(encoding="utf-8")) for path in files()
    }
    assert circles(sources) == []


@pytest.mark.parametrize(
    "source",
    [
        "from hringur.b import x",
        "import hringur.b",
        "from hringur import b",
        "from . import b",
        "def f():\n    from hringur.b import x",
        "class A:\n    def f(self):\n        import hringur.b",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from hringur.b import x",
        "try:\n    from hringur.b import x\nexcept ImportError:\n    pass",
    ],
)
def test_a_circle_is_seen_wherever_the_import_stands(source):
    other = ("hringur", "from hringur.a import y")
    assert circles({"hringur.a": ("hringur", source), "hringur.b": other}) == [
        ["hringur.a", "hringur.b"]
    ]
    third = ("hringur", "from hringur.c import y"), ("hringur", "from hringur.a import y")
    longer = {"hringur.a": ("hringur", source), "hringur.b": third[0], "hringur.c": third[1]}
    assert circles(longer) == [["hringur.a", "hringur.b", "hringur.c"]]


def test_one_way_is_no_circle():
    assert (
        circles({"hringur.a": ("hringur", "from hringur.b import x"), "hringur.b": ("", "")}) == []
    )


# Guesses ----------------------------------------------------------------------------------------

ALGORITHMS = {"PPO", "A2C", "DQN", "MaskablePPO", "ppo", "a2c", "dqn", "maskable-ppo"}
SEARCHES = {"startswith", "endswith", "find", "index", "count", "removesuffix", "get"}
TABLES = {"hringur/registry.py", "hringur/agents/sb3/settings.py"}
"""What is known by name stands here."""

KEYWORDS = {"hringur/data/tours/tsplib.py"}
"""Here TSP is a word of a file format."""


def guesses(source: str) -> list[str]:
    """Where a decision hangs on a part of an environment's name, or on an algorithm's name.

    Found: comparisons, ``in``, ``startswith`` and the like, ``match``, look-ups in a literal
    dictionary or by ``.get``, with such a name as a constant.
    """
    found, tree = [], ast.parse(source)
    faces = [part for call in ast.walk(tree) if _is_face(call) for part in ast.walk(call)]
    for node in ast.walk(tree):
        tested: list[ast.AST] = []
        if isinstance(node, ast.Compare):
            tested = [node.left, *node.comparators]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in (
                "startswith",
                "endswith",
                "find",
                "index",
                "count",
                "removesuffix",
            ):
                tested = list(node.args)
        elif isinstance(node, ast.MatchValue):
            tested = [node.value]
        elif isinstance(node, ast.Dict) and node not in faces:
            tested = [key for key in node.keys if key is not None]
        for constant in (part for whole in tested for part in ast.walk(whole)):
            if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                if _is_name(constant.value):
                    found.append(f"line {constant.lineno}: {constant.value!r}")
    return found


def _is_face(node: ast.AST) -> bool:
    """``lazy(...)``: what a package hands on is called as it is called."""
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Name) and called.id == "lazy"


def _is_name(text: str) -> bool:
    names = [*ENVIRONMENTS, "CartPole-v1", "FrozenLake-v1", "BreakoutNoFrameskip-v4", "ALE/"]
    parts = {"TSP", "Iceland", "Euclidean", "Stock", "Trading", "Breakout", "CartPole", "Lake"}
    return bool(text) and (
        text in ALGORITHMS
        or any(text in name or name in text for name in names)
        and (text in parts or any(part in text for part in parts))
    )


@every_file
def test_nothing_is_guessed_from_a_name(path):
    if str(path.relative_to(PACKAGE.parent)) not in TABLES | KEYWORDS:
        assert guesses(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        'tours = "TSP" in env_id',
        'tours = env_id.endswith("TSP-v0")',
        'if env_id == "StockTrading-v0": pass',
        'family = {"IcelandTSP-v0": "iceland"}[env_id]',
        'if name.startswith("Iceland"): pass',
        'if config.algorithm == "A2C": pass',
        'if self.algorithm in ("PPO", "DQN"): pass',
        'match algorithm:\n    case "DQN":\n        pass',
        'STEPS = {"dqn": 4}',
    ],
)
def test_a_guess_is_seen(source):
    assert guesses(source)


@pytest.mark.parametrize(
    "source",
    [
        'env = gym.make("IcelandTSP-v0")',
        'def f(env="IcelandTSP-v0"): pass',
        'if name == "iceland-20": pass',
        'if word in ("TSPLIB", "EUC_2D"): pass',
    ],
)
def test_a_name_that_decides_nothing_passes(source):
    assert guesses(source) == []


# Size -------------------------------------------------------------------------------------------


def test_the_house_stays_small():
    lines = [len(path.read_text(encoding="utf-8").splitlines()) for path in files()]
    assert sum(lines) <= LARGEST_PACKAGE


def test_no_folder_is_crowded():
    folders: dict[str, int] = {}
    for path in files():
        folders[package_of(path)] = folders.get(package_of(path), 0) + 1
    assert {name: count for name, count in folders.items() if count > LARGEST_FOLDER} == {}


def test_functions_are_short():
    longer = [
        f"{path.relative_to(PACKAGE)}:{node.name}"
        for path in files()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION
    ]
    assert len(longer) <= LONGER_FUNCTIONS, longer
