"""Snippets are found on the page, and rows of its table are replaced; running them is by hand."""

import ast

from tests.scripts.loading import load_script

compatibility = load_script("compatibility")
PAGE = f"# A\n\n{compatibility.HEAD}\n| --- | --- | --- | --- |\n| B | 1 | d | x |\n\nend\n"


def test_every_section_of_the_page_has_a_snippet_that_can_be_compiled():
    text = compatibility.PAGE.read_text(encoding="utf-8")
    found = compatibility.clients(text)
    assert len(found) == text.count("\n## ") and len({client.name for client in found}) == len(
        found
    )
    for client in found:
        ast.parse(client.snippet)
        assert client.packages and "hringur" in client.snippet


def test_a_row_is_replaced_or_added_in_order():
    new = compatibility.with_row(PAGE, "| B | 2 | d | runs, 1 s |")
    assert "| B | 1 |" not in new and "| B | 2 | d | runs, 1 s |\n\nend" in new
    more = compatibility.with_row(new, "| A | 1 | d | fails |")
    assert more.index("| A |") < more.index("| B |") and more.endswith("end\n")
