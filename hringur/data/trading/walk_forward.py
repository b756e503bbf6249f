"""Walk-forward splits of a history: train on the past, test on what came later, never the reverse.

With F folds the days are cut into F + 4 blocks of equal length. Fold k trains on all blocks up to
k + 2, is chosen on block k + 3 and tested on block k + 4:

    F = 1    train train train | validation | test                  60, 20 and 20 %
    F = 2    train train train | validation | test       .
             train train train   train | validation | test

so the test blocks of all folds lie one behind the other and never overlap. An **embargo** drops the
first days of validation and test: an observation looks back over a window of days, and without it
the first ones would see prices that were trained on (Lopez de Prado 2018, chapter 7).
"""

from dataclasses import dataclass

from hringur.types import UserError

SPLITS = ("all", "train", "validation", "test")


@dataclass(frozen=True)
class Fold:
    """Which days each part of one fold has, as (first, last + 1)."""

    train: tuple[int, int]
    validation: tuple[int, int]
    test: tuple[int, int]

    def days(self, split: str) -> tuple[int, int]:
        """Of the part called ``split``; of "all", everything up to the end of the test."""
        return (0, self.test[1]) if split == "all" else getattr(self, split)


def walk_forward(days: int, embargo: int, folds: int = 1) -> list[Fold]:
    """The folds of a history of ``days`` days; ``embargo`` at least the window of an observation.

    Raises:
        UserError: no folds, or so few days that a block is no longer than the embargo.
    """
    if folds < 1:
        raise UserError(f"folds must be at least 1, got {folds}")
    cuts = [round(block * days / (folds + 4)) for block in range(folds + 5)]
    if min(after - before for before, after in zip(cuts, cuts[1:], strict=False)) <= embargo:
        raise UserError(
            f"{days} days in {folds + 4} blocks leave nothing beside an embargo of {embargo} days"
        )
    return [
        Fold(
            train=(0, cuts[k + 3]),
            validation=(cuts[k + 3] + embargo, cuts[k + 4]),
            test=(cuts[k + 4] + embargo, cuts[k + 5]),
        )
        for k in range(folds)
    ]


def check_split(split: str) -> None:
    """Refuse what is no part of a fold."""
    if split not in SPLITS:
        raise UserError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
