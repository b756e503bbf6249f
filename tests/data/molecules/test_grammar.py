import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hringur.data.molecules.expressions import (
    LONGEST,
    TARGET,
    WORST,
    error,
    expression_grammar,
    generate,
)
from hringur.data.molecules.grammar import Grammar, characters
from hringur.data.molecules.smiles import piece, smiles_grammar
from hringur.data.molecules.strings import load_strings, molecules
from hringur.types import UserError

SUMS = Grammar("sums", 'start: start "+" term | term\nterm: "1" | "x"')


def test_the_leftmost_derivation_of_a_string_by_hand():
    named = [str(SUMS.rules[number]) for number in SUMS.rules_of("1+x")]
    assert named == ["<start>+<term>", "<term>", "1", "x"]
    assert SUMS.shortest == {"start": 2, "term": 1}


@pytest.mark.parametrize("rules", [[], [0], [1, 2, 2], [2]])
def test_rules_that_are_no_derivation_are_refused(rules):
    with pytest.raises(UserError, match="of sums"):
        SUMS.string(rules)


def test_every_molecule_is_written_again_from_its_rules():
    grammar = smiles_grammar()
    for string in molecules().train[::40] + molecules().test[::40]:
        assert grammar.string(grammar.rules_of(string)) == string


@pytest.mark.slow
@pytest.mark.parametrize("name", ["molecules", "expressions"])
def test_every_string_of_the_data_is_written_again_from_its_rules(name):
    strings = load_strings(name)
    for string in strings.train + strings.test:
        assert strings.grammar.string(strings.grammar.rules_of(string)) == string


@pytest.mark.parametrize(
    "string, told",
    [
        ("CCX", "'X' at place 3"),
        ("c1ccccc1", "'c' at place 1"),
        ("CC(C", "ends too early"),
        ("", "ends too early"),
        ("C(=OC)", "'.' at place 2"),
    ],
)
def test_a_string_outside_the_grammar_is_refused_with_its_place(string, told):
    with pytest.raises(UserError, match=f"outside the grammar of molecules: .*({told})"):
        smiles_grammar().rules_of(string)


def test_a_rule_of_molecules_says_what_it_adds():
    found = {str(rule): piece(rule) for rule in smiles_grammar().rules}
    assert found["(=O)<rest>"] == ("branch", 2, 0, 0)
    assert found["(=C<rest>)<rest>"] == ("branch", 2, 2, 0)
    assert found["Cl"] == ("chain", 1, 0, 0) and found["Cl<rest>"] == ("first", 0, 1, 0)
    assert found["3<rest>"] == ("ring", 0, 0, 3) and found[""] == ("end", 0, 0, 0)


@given(st.text(alphabet='C()1"\\+', max_size=12))
@settings(max_examples=60, deadline=None)
def test_the_grammar_of_characters_knows_every_string(string):
    grammar = characters("any", ['C()1"\\+'])
    assert grammar.string(grammar.rules_of(string)) == string
    assert len(grammar.rules_of(string)) == len(string) + 1


def test_errors_of_expressions_against_the_closed_form():
    assert error(TARGET) == 0 == error("x+1/3+sin(x*x)")
    assert error("x+sin(x*x)+2/3/2") == 0  # not 1.7e-31
    assert error("x+sin(x*x)") == pytest.approx(0.10536051565782628)  # log(1 + 1/9)
    assert error("exp(exp(x))") == WORST
    with pytest.raises(UserError, match="outside the grammar"):
        error("__import__('os')")


def test_generated_expressions_are_different_and_short():
    found = generate(500, seed=1)
    lengths = [len(expression_grammar().rules_of(one)) for one in found]
    assert max(lengths) == LONGEST - 1  # a rule of each kind comes with one of the other
    assert len(set(found)) == 500 and found == generate(500, seed=1) != generate(500, seed=2)


def test_an_unknown_set_is_refused():
    with pytest.raises(UserError, match="'words'; there are molecules, expressions"):
        load_strings("words")
