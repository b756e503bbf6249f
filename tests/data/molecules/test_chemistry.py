import sys

import numpy as np
import pytest

from hringur.data.molecules import chemistry
from hringur.data.molecules.smiles import smiles_grammar
from hringur.data.molecules.strings import molecules
from hringur.types import UserError


def test_the_properties_in_the_file_are_those_of_rdkit():
    data = molecules()
    found = chemistry.properties(data.test[:40])
    for name, given in data.test_values.items():
        np.testing.assert_allclose(found[name], given[:40], atol=6e-3)


def test_a_molecule_is_one_however_it_is_written():
    assert chemistry.canonical("OCC") == chemistry.canonical("CCO") == "CCO"
    assert chemistry.canonical("C1CC") is None is chemistry.canonical("")
    assert np.isnan(chemistry.properties(["C1CC"])["qed"]).all()


def test_aromatic_rings_are_written_with_double_bonds():
    written = chemistry.kekule_form("c1cc[nH]c1")
    assert written == "C1=CNC=C1" and smiles_grammar().rules_of(written)
    few = molecules().test[:100]
    assert [chemistry.kekule_canonical(one) for one in few] == list(few)  # what is new is looked up
    with pytest.raises(UserError, match="'C1CC' is no molecule"):
        chemistry.kekule_form("C1CC")


def test_a_sheet_of_drawings_has_a_place_for_each():
    assert chemistry.drawing(["CCO", "C1CC", "C=O"], columns=2, size=(90, 60)).size == (180, 120)


def test_without_rdkit_one_line_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "rdkit.Chem", None)
    with pytest.raises(UserError, match=r"pip install 'hringur\[molecules\]'"):
        chemistry.canonical("CCO")
