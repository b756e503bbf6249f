import json

import pytest

from hringur.cli import main
from hringur.registry import ENVIRONMENTS, EXPERIMENTS, LEARNERS, MODELS
from tests.commands.tiny_runs import refusal


def listed(capsys, *arguments: str) -> dict:
    assert main(["list", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_every_name_has_a_line(capsys):
    found = listed(capsys)
    names = {kind: [row["name"] for row in rows] for kind, rows in found.items()}
    assert names["environments"] == list(ENVIRONMENTS)
    assert names["learners"][: len(LEARNERS)] == list(LEARNERS)
    assert names["models"][: len(MODELS)] == list(MODELS)
    assert names["experiments"] == list(EXPERIMENTS)
    assert "christofides" in names["heuristics"]
    assert all(row["what"] and row["where"] for rows in found.values() for row in rows)


def test_one_kind_and_a_document(capsys):
    assert list(listed(capsys, "models")) == ["models"]
    assert main(["list", "learners", "--markdown"]) == 0
    assert "| reinforce | REINFORCE (Williams 1992)" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["agents", "--kinds"])
def test_what_is_no_kind_is_refused(kind, capsys):
    assert main(["list", kind]) == 2
    assert "hringur: " in refusal(capsys)
