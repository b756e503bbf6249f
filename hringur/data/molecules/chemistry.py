"""What RDKit knows of a molecule: whether it is one, its properties, its drawing (an extra)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64
from PIL.Image import Image

from hringur.types import UserError, optional

FEATURE = "whether a string is a molecule, its properties and its drawing"


def rdkit(module: str = "rdkit.Chem") -> Any:
    """A module of RDKit; ``MissingExtra`` where it is not installed."""
    return optional(module, FEATURE, "molecules")


def parsed(smiles: str) -> Any:
    """The molecule, or None where the string is none."""
    chem, base = rdkit(), rdkit("rdkit.rdBase")
    with base.BlockLogs():
        return chem.MolFromSmiles(smiles) if smiles else None


def canonical(smiles: str) -> str | None:
    """One string for each molecule, however it was written; None where the string is none."""
    molecule = parsed(smiles)
    return None if molecule is None else rdkit().MolToSmiles(molecule)


def kekule_canonical(smiles: str) -> str | None:
    """One string with explicit double bonds, as the grammar has it; None if it is no molecule."""
    same = canonical(smiles)
    if same is None:
        return None
    molecule, chem = parsed(same), rdkit()
    chem.Kekulize(molecule, clearAromaticFlags=True)
    return chem.MolToSmiles(molecule, kekuleSmiles=True, isomericSmiles=False)


def kekule_form(smiles: str) -> str:
    """The same; a string that is no molecule is refused.

    Raises:
        UserError: the string is no molecule.
    """
    found = kekule_canonical(smiles)
    if found is None:
        raise UserError(f"{smiles!r} is no molecule that RDKit can read")
    return found


def logp(molecule: Any) -> float:
    """Crippen's estimate of the octanol-water partition coefficient."""
    return rdkit("rdkit.Chem.Crippen").MolLogP(molecule)


def qed(molecule: Any) -> float:
    """The quantitative estimate of drug-likeness (Bickerton et al. 2012) [0 .. 1]."""
    return rdkit("rdkit.Chem.QED").qed(molecule)


def sa(molecule: Any) -> float:
    """The score of synthetic accessibility (Ertl and Schuffenhauer 2009) [1 easy .. 10 hard]."""
    return rdkit("rdkit.Contrib.SA_Score.sascorer").calculateScore(molecule)


PROPERTIES: Mapping[str, Callable[[Any], float]] = {"logp": logp, "qed": qed, "sa": sa}


def properties(
    strings: Sequence[str], names: Sequence[str] = tuple(PROPERTIES)
) -> dict[str, Float64[np.ndarray, " N"]]:
    """Properties of each string, by name; NaN where the string is no molecule."""
    molecules = [parsed(one) for one in strings]
    return {
        name: np.array([np.nan if one is None else PROPERTIES[name](one) for one in molecules])
        for name in names
    }


def drawing(
    strings: Sequence[str],
    columns: int,
    captions: Sequence[str] = (),
    size: tuple[int, int] = (200, 150),
) -> Image:
    """Molecules drawn on a sheet, so many in a row; one that is none leaves its place empty."""
    draw = rdkit("rdkit.Chem.Draw")
    molecules = [parsed(one) for one in strings]
    return draw.MolsToGridImage(
        molecules,
        molsPerRow=columns,
        subImgSize=size,
        legends=list(captions) or None,
        returnPNG=False,  # in a notebook RDKit would give something to display instead
    )
