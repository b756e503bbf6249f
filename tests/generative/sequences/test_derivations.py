import pytest
import torch

from hringur.data.molecules import chemistry
from hringur.data.molecules.expressions import expression_grammar
from hringur.data.molecules.grammar import Grammar
from hringur.data.molecules.smiles import smiles_grammar
from hringur.data.molecules.strings import molecules
from hringur.generative.sequences.derivations import GrammarDerivations, GrammarTables
from hringur.generative.sequences.valence import MoleculeDerivations, MoleculeTables

MOLECULES = smiles_grammar()


def written(grammar, derivations, count, longest, preference):
    """Strings by drawing rules among the allowed ones, some preferred."""
    found = [[] for _ in range(count)]
    for _ in range(longest):
        done, allowed = derivations.done, derivations.allowed()
        assert bool(allowed.any(dim=1).all())
        chances = preference.expand(count, -1).masked_fill(~allowed, -torch.inf).softmax(dim=1)
        rules = torch.multinomial(chances, 1)[:, 0]
        for own, over, rule in zip(found, done.tolist(), rules.tolist(), strict=True):
            own.extend([] if over else [rule])
        derivations.apply(rules)
    assert bool(derivations.done.all())
    return [grammar.string(rules) for rules in found]  # refuses what is no derivation


def preferences(rules, seed):
    torch.manual_seed(seed)
    return torch.randn(rules) * (seed % 4)


@pytest.mark.parametrize("seed, longest", [(0, 2), (1, 5), (2, 15), (3, 40)])
def test_whatever_is_preferred_a_complete_string_of_the_grammar_is_written(seed, longest):
    grammar = expression_grammar()
    derivations = GrammarDerivations(GrammarTables(grammar), 64, longest)
    preference = preferences(len(grammar.rules), seed)
    strings = written(grammar, derivations, 64, longest, preference)
    assert max(len(grammar.rules_of(one)) for one in strings) <= longest


@pytest.mark.parametrize("seed, longest", [(0, 4), (1, 8), (2, 20), (3, 41), (4, 60), (7, 41)])
def test_with_valence_kept_whatever_is_preferred_is_a_molecule(seed, longest):
    preference = preferences(len(MOLECULES.rules), seed)
    if seed > 2:  # many rings
        preference += 3 * torch.tensor([str(rule)[:1].isdigit() for rule in MOLECULES.rules])
    derivations = MoleculeDerivations(MoleculeTables(MOLECULES), 64, longest)
    for string in written(MOLECULES, derivations, 64, longest, preference):
        assert chemistry.parsed(string) is not None, string


def replay(derivations, rules):
    """For each of some derivations, whether all its rules were allowed when they came."""
    width = max(map(len, rules))
    padded = torch.tensor([[*own, *[0] * (width - len(own))] for own in rules])
    fitting = torch.ones(len(rules), dtype=torch.bool)
    for column in padded.T:
        fitting &= derivations.allowed().gather(1, column[:, None])[:, 0]
        derivations.apply(column)
    return (fitting & derivations.done).tolist()


def test_no_molecule_of_the_data_is_ruled_out():
    rules = [MOLECULES.rules_of(string) for string in molecules().test[:200]]
    assert all(replay(MoleculeDerivations(MoleculeTables(MOLECULES), 200, 60), rules))
    assert all(replay(GrammarDerivations(GrammarTables(MOLECULES), 200, 40), rules))


def test_what_is_no_molecule_is_ruled_out():
    strings = ["C1CC", "O(C)(C)C", "C1C1", "C12CC12", "C11", "N(C)(C)(C)C", "F=C"]
    assert {chemistry.parsed(string) for string in strings} == {None}
    rules = [MOLECULES.rules_of(string) for string in strings]
    derivations = MoleculeDerivations(MoleculeTables(MOLECULES), len(rules), 60)
    assert not any(replay(derivations, rules))


def test_all_strings_of_a_small_grammar_are_reached_and_no_other():
    grammar = Grammar("sums", 'start: start "+" term | term\nterm: "1" | "x"')
    torch.manual_seed(0)
    derivations = GrammarDerivations(GrammarTables(grammar), 400, 4)
    found = set(written(grammar, derivations, 400, 4, torch.zeros(4)))
    assert found == {"1", "x", "1+1", "1+x", "x+1", "x+x"}
