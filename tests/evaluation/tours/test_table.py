import io
import json

import numpy as np
from rich.console import Console

from hringur.evaluation.tours.table import as_json, markdown, ranked, table
from tests.evaluation.tours.scores import score

SCORES = [
    score("nearest neighbour", [0.1, 0.2, 0.3]),
    score("attention model", [0.01, 0.0, 0.02], "learned", "all starts", seconds=0.6),
    score("ppo", [0.01, np.inf, 0.5], "learned", "greedy"),
    score("solver", [0.0, 0.0, 0.0], "exact", seconds=30.0),
]


def test_smallest_gap_comes_first_and_invalid_tours_last():
    names = [each.name for each in ranked(SCORES)]
    assert names == ["solver", "attention model", "nearest neighbour", "ppo"]


def test_of_equal_gaps_the_faster_comes_first():
    slow, fast = score("slow", [0.1, 0.1], seconds=2.0), score("fast", [0.1, 0.1], seconds=1.0)
    assert [each.name for each in ranked([slow, fast])] == ["fast", "slow"]


def test_markdown_says_what_was_measured():
    lines = markdown(SCORES).splitlines()
    assert "toy, 3 instances" in lines[0]
    (line,) = [line for line in lines if "attention" in line]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[:3] == ["attention model, all starts", "learned", "1.00"]
    assert cells[4:] == ["33.3", "200.00"]
    low, high = map(float, cells[3].split("-"))
    assert 0 <= low < 1 < high <= 2


def test_a_method_with_invalid_tours_quotes_no_gap():
    (line,) = [line for line in markdown(SCORES).splitlines() if "ppo" in line]
    assert "| none | valid 66.7 % |" in line


def test_json_is_plain_and_in_the_same_order():
    rows = json.loads(as_json(SCORES, per_instance=True))
    assert [row["name"] for row in rows] == [each.name for each in ranked(SCORES)]
    assert rows[-1]["mean_gap"] is None and rows[-1]["gap"][1] is None
    assert rows[0]["mean_gap"] == 0.0 and rows[0]["share_optimal"] == 1.0
    assert rows[1]["command"] == "measure attention model"
    assert "gap" not in json.loads(as_json(SCORES))[0]


def test_the_terminal_table_has_every_method_within_80_columns():
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(table(SCORES))
    text = console.export_text()
    assert all(each.name in text for each in SCORES)
    assert "66.7" in text and max(map(len, text.splitlines())) <= 80
