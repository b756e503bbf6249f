"""Structure: names, imports, commands and options that the documentation shows exist."""

import contextlib
import importlib
import io
import re
import shlex
from functools import cache
from pathlib import Path

import pytest

from hringur import cli, registry
from hringur.commands import console
from hringur.data.images.faces import ATTRIBUTES
from hringur.references.tours import heuristics
from hringur.registry import ENVIRONMENTS, EXPERIMENTS, LEARNERS, MODELS
from tests.test_site import generated

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES += sorted((ROOT / "docs" / "lecture").glob("*.md"))
LONGEST_LINE = 120
SCRIPTS = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "scripts").glob("*.*"))
OF_OTHERS = {"--logdir", "--standalone", "--nproc-per-node", "--numprocesses", "--check"}
"""Options of TensorBoard, torchrun, pytest and ruff."""

PRIVATE = (
    "step size|let down|lessons?|players?|yardsticks?|judges?|at rest|roughness|dislike|"
    "sure of class|take leave|laid beside|nobody|whoever|somebody|slope penalty|code_spread"
)
"""Words that the field has other words for."""

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def printed(*arguments: str) -> str:
    """What a command prints, without its colours."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert cli.main(list(arguments)) == 0
    return re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())


@cache
def options(*command: str) -> frozenset[str]:
    """Every option that the help of a command names; attributes are options of ``edit``."""
    attributes = ["--" + name.replace("_", "-") for name in ATTRIBUTES if command == ("edit",)]
    return frozenset([*re.findall(r"--[a-z][\w-]*", printed(*command, "--help")), *attributes])


@cache
def every_option() -> frozenset[str]:
    """Every option of every command, and of the scripts."""
    commands = [(name,) for name in cli.COMMANDS if name != "train"]
    commands += [("compare", "--agents"), ("compare", "--models"), ("train", "--resume")]
    commands += [("train", name) for name in (*LEARNERS, *MODELS)]
    words = re.findall(r"(\w+):? *[=:]", SCRIPTS) + re.findall(r"--([\w-]+)", SCRIPTS)
    of_scripts = {"--" + word.replace("_", "-") for word in words} | {"--xp_id"}
    return frozenset(OF_OTHERS | of_scripts).union(*(options(*one) for one in commands))


def block_lines(text: str) -> list[str]:
    """Lines of the blocks that are not Python, each command in one."""
    blocks = re.findall(r"^```(?:bash)?\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return "\n".join(blocks).replace("\\\n", " ").splitlines()


def commands(lines: list[str]) -> list[list[str]]:
    """Words of every ``hringur COMMAND ...`` that begins a line, or follows its launcher."""
    launched = r"^(?:[A-Z_]+=\S+ )*(?:torchrun .*-m )?hringur ([a-z].*)"
    found = (re.search(launched, line) for line in lines)
    return [shlex.split(one[1], comments=True) for one in found if one]


def mentioned(text: str) -> list[list[str]]:
    """Words of every command with arguments between backticks, which may leave out some."""
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    spans = [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", outside)]
    return [words for words in commands(spans) if len(words) > 1]


def help_of(words: list[str]) -> tuple[str, ...]:
    """The command whose help has the options of this one."""
    command, *rest = words
    if command == "compare":
        kind = [word for word in rest if word in ("--agents", "--models")]
        return (command, *kind[:1])
    if command == "train" or command == "tune" and rest[0] in MODELS:
        return (command, rest[0])
    return (command,)


def test_the_tables_of_names_are_what_the_command_prints(monkeypatch):
    for module in (registry, heuristics):
        monkeypatch.setattr(module, "entries", lambda group: {})  # this package alone
    page = (ROOT / "docs" / "names.md").read_text(encoding="utf-8")
    tables = page[page.index("environments\n") :]
    assert tables.strip() == printed("list", "--markdown").strip(), (
        "docs/names.md must end with what hringur list --markdown prints"
    )
    names = {*ENVIRONMENTS, *LEARNERS, *MODELS, *EXPERIMENTS, *heuristics.HEURISTICS}
    assert set(re.findall(r"^\| ([\w+-]+) \|", tables, flags=re.MULTILINE)) == names | {
        "name",
        "---",
    }


def test_the_tables_of_results_name_the_files_of_the_registry():
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    lines = text.splitlines()
    known = {f"`hringur train {name} ": folder(where) for name, where in LEARNERS.items()}
    known |= {f"| {name} |": file(MODELS[one.model]) for name, one in EXPERIMENTS.items()}
    known |= {f"| `{name}` |": file(row.factory) for name, row in ENVIRONMENTS.items()}
    for mark, where in known.items():
        (row,) = (line for line in lines if mark in line and line.startswith("|"))
        assert f"`{where}" in row or "| the same |" in row, row


def file(where: str) -> str:
    """The file of ``module:object``."""
    return where.partition(":")[0].replace(".", "/") + ".py`"


def folder(where: str) -> str:
    """The folder of that file."""
    return file(where).rpartition("/")[0] + "/"


@every_page
def test_imports_work(page):
    text = page.read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    shown = re.findall(r"from (hringur[\w.]*) import ([\w, ]+)", code)
    shown += re.findall(r"`from (hringur[\w.]*)\s+import\s+([\w,\s]+)`", text)
    for module, names in shown:
        for name in names.replace(",", " ").split():
            assert hasattr(importlib.import_module(module), name), f"{module} has no {name}"


class Read(BaseException):
    """A command's options were read; it is not run any further."""


OF_THE_READER = ("No such file or directory", "No module named 'clusters'")
"""Refusals of files that a page leaves to its reader."""


@pytest.fixture
def only_read(monkeypatch, capsys):
    """Runs a command up to where its options have been read; what it is refused for, else ""."""

    def read(options: object) -> None:
        raise Read

    def refusal(words: list[str]) -> str:
        try:
            code = cli.main(words)
        except Read:
            return ""
        said = capsys.readouterr().err
        return "" if code == 0 or any(one in said for one in OF_THE_READER) else said

    monkeypatch.setattr(console, "check_names", read)
    return refusal


@every_page
def test_commands_are_accepted(page, only_read):
    for words in commands(block_lines(page.read_text(encoding="utf-8"))):
        if "my-learner" not in words:
            assert only_read(words) == "", words


def test_the_commands_of_pictures_are_accepted(only_read):
    for words in commands(list(generated.DRAWN_BY.values())):
        assert only_read(words) == "", words


def test_a_command_with_a_wrong_name_or_value_is_not_accepted(only_read):
    """What the test above would say of a page."""
    page = "```\nhringur demo --folder site\nA=b hringur tour \\\n    Reykjavík Vík\n"
    page += "torchrun --nnodes 2 -m hringur train vae --latent 0\nhringur tuor\n"
    page += "hringur tune ppo --trils 3\n```\n"
    found = commands(block_lines(page))
    assert [bool(only_read(words)) for words in found] == [False, False, True, True, True]


@every_page
def test_scripts_and_targets_of_make_exist(page):
    text = page.read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for line in block_lines(text):
        if found := re.match(r"make ([\w-]+)", line):
            assert re.search(rf"^{found[1]}:", makefile, re.MULTILINE), line
        if found := re.match(r"python (scripts/\w+\.py)(.*)", line):
            source = (ROOT / found[1]).read_text(encoding="utf-8")
            for option in re.findall(r"--[a-z][\w-]*", found[2].partition("#")[0]):
                known = re.search(rf"\b{option[2:].replace('-', '_')}\b|{option}\b", source)
                assert known or found[1] == "scripts/run_models.py", line


@every_page
def test_commands_between_backticks_have_options_that_exist(page):
    for words in mentioned(page.read_text(encoding="utf-8")):
        if words[0] not in cli.COMMANDS:
            raise AssertionError(f"there is no command {words[0]}")
        if words[0] == "train" and (words[1].isupper() or words[1] == "--help"):
            continue
        if words[0] == "train" and words[1] == "my-learner" or "--help" in words:
            continue
        given = {word.partition("=")[0] for word in words if re.match(r"--[a-z]", word)}
        assert given - {"--env"} <= options(*help_of(words)), words


@every_page
def test_lines_of_text_are_not_too_long(page):
    shown = re.sub(r"<!--.*?-->", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = shown.splitlines()
    text = [line for line in lines if not re.match(r"\s*(?:\||!\[|\$\$)", line)]
    assert [line for line in text if len(line) > LONGEST_LINE] == []


@every_page
def test_options_exist(page):
    text = page.read_text(encoding="utf-8")
    if page.name == "CHANGELOG.md":
        return
    spans = re.findall(r"`(--[a-z][^`]*)`", text)
    given = {option for span in spans for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", span)}
    assert given <= every_option()


@every_page
def test_the_words_are_those_of_the_field(page):
    found = re.findall(rf"\b(?:{PRIVATE})\b", page.read_text(encoding="utf-8"), re.IGNORECASE)
    assert found == []
