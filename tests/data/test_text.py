from decimal import Decimal

import numpy as np
import pytest
from matplotlib.figure import Figure

from hringur.data.text import drawn, number
from hringur.types import UserError, printable


@pytest.mark.parametrize(
    "cell", ["1", " -1.5 ", "+.5", "5.", "1e-3", "2E+5", 7, 1.5, Decimal("0.1")]
)
def test_plain_numbers_are_read_as_float_reads_them(cell):
    assert number(cell) == float(cell)


def test_what_is_not_finite_is_a_number_that_the_reader_refuses():
    assert np.isnan(number("NaN")) and number("-inf") == -np.inf and number("1e999") == np.inf


@pytest.mark.parametrize(
    "cell",
    ["1_0", "１０", "٣", "true", True, False, np.True_, "", " ", "1,5", "0x10", "1e", None, b"1"],
)
def test_what_only_python_takes_for_a_number_is_refused(cell):
    with pytest.raises(ValueError, match="is no number"):
        number(cell)


def test_a_long_cell_is_refused_at_once():
    with pytest.raises(ValueError):
        number("1" * 1_000_000 + "x")  # a pattern that can match in two ways takes hours


@pytest.mark.parametrize(
    "text, seen",
    [
        ("Vík í Mýrdal 東京 😀", "Vík í Mýrdal 東京 😀"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("a\u202eb\u2066c\u200f", r"a\u202eb\u2066c\u200f"),
        ("two\nlines\tand\r\xa0more", "two lines and  more"),
        ("\x9b1m\x00\udcff", r"\x9b1m\x00\udcff"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text, seen):
    assert printable(text) == seen and printable(text).isprintable()
    assert str(UserError(f"{text}.")) == f"{seen}."


@pytest.mark.parametrize("name", ["$x_{$", "$a$", "$5 and $6", r"a\$b", r"\alpha_{", "100 %", "$"])
def test_a_name_is_drawn_letter_by_letter(name):
    """Oracle: matplotlib's own pre-processing finds no formula and gives the name back."""
    text = Figure().text(0, 0, drawn(name))
    assert text._preprocess_math(text.get_text()) == (name, False)
