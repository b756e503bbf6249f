"""Made strings compared with held-out ones: valid, unique, new, and their properties.

The best that a distance can be is not zero: two halves of the training strings are measured against
each other, with as many strings, for the floor.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float64
from scipy.stats import wasserstein_distance

from hringur.data.molecules import chemistry, expressions
from hringur.data.molecules.strings import StringSet
from hringur.types import Metrics, UserError

COUNT = 1_000
"""strings on each side of a figure that is quoted"""

SPLIT_SEED = 874


@dataclass(frozen=True, kw_only=True)
class StringDomain:
    """What is known of strings of one kind."""

    canonical: Callable[[str], str | None]
    """one string for all that mean the same, None for one that means nothing"""

    properties: Mapping[str, Callable[[Sequence[str]], Float64[np.ndarray, " N"]]]
    """each property of strings by name, NaN where the string means nothing"""

    larger_is_better: frozenset[str] = frozenset()
    """of the properties; the others are errors"""

    optimum: Mapping[str, float] = field(default_factory=dict)
    """the best value that there is, of the properties of which it is known"""

    check: Callable[[], object] = lambda: None
    """raises ``MissingExtra`` where something is not installed"""

    draws: bool = False
    """whether a string is drawn by ``chemistry.drawing``"""


def _molecule_property(name: str) -> Callable[[Sequence[str]], Float64[np.ndarray, " N"]]:
    return lambda strings: chemistry.properties(strings, (name,))[name]


MOLECULES = StringDomain(
    canonical=chemistry.kekule_canonical,
    properties={name: _molecule_property(name) for name in chemistry.PROPERTIES},
    larger_is_better=frozenset({"qed", "logp"}),
    check=chemistry.rdkit,
    draws=True,
)
EXPRESSIONS = StringDomain(
    canonical=lambda string: string,
    properties={"error": lambda strings: np.array([expressions.error(one) for one in strings])},
    optimum={"error": 0.0},
)
DOMAINS = {"molecules": MOLECULES, "expressions": EXPRESSIONS}
OTHER = StringDomain(canonical=lambda string: string, properties={})
"""Strings of which nothing is known."""


class StringEvaluator:
    """Held-out strings, which made ones are compared with."""

    def __init__(
        self, strings: StringSet, count: int = COUNT, domain: StringDomain | None = None
    ) -> None:
        """Take ``count`` held-out strings, or all where there are fewer.

        Raises:
            UserError: too few to measure anything.
        """
        self.strings = strings
        self.domain = domain or DOMAINS.get(strings.name, OTHER)
        self.count = min(count, len(strings.test), len(strings.train) // 2)
        if self.count < 10:
            raise UserError(f"a measurement needs at least 10 held-out strings of {strings.name}")
        self.domain.check()

    def measure(self, made: Sequence[str]) -> Metrics:
        """Shares of strings [%], and distances of their properties from held-out strings'."""
        canonical = [self.domain.canonical(one) for one in made]
        valid = [one for one in canonical if one is not None]
        unique = list(dict.fromkeys(valid))
        found = {
            "evaluation/valid_percent": 100 * len(valid) / len(made),
            "evaluation/unique_percent": 100 * len(unique) / max(1, len(valid)),
            "evaluation/new_percent": _percent([one not in self._known for one in unique]),
        }
        values = {name: of(valid) for name, of in self.domain.properties.items()}
        return found | self._distances(values, self._held_out)

    @cached_property
    def halves(self) -> Metrics:
        """Distances between two halves of the training strings: the floor."""
        chosen = np.random.default_rng(SPLIT_SEED).permutation(len(self.strings.train))
        first, second = (self._values(chosen[k * self.count :][: self.count]) for k in (0, 1))
        return self._distances(first, second)

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.strings.train)

    @cached_property
    def _held_out(self) -> Mapping[str, Float64[np.ndarray, " N"]]:
        given, strings = self.strings.test_values, self.strings.test[: self.count]
        return {
            name: given[name][: self.count] if name in given else of(strings)
            for name, of in self.domain.properties.items()
        }

    def _values(self, rows: np.ndarray) -> dict[str, Float64[np.ndarray, " N"]]:
        given = self.strings.train_values
        return {
            name: given[name][rows] if name in given else of([self.strings.train[k] for k in rows])
            for name, of in self.domain.properties.items()
        }

    def _distances(
        self,
        made: Mapping[str, Float64[np.ndarray, " N"]],
        real: Mapping[str, Float64[np.ndarray, " M"]],
    ) -> Metrics:
        """Wasserstein distance of each property, in its own unit."""
        return {
            f"evaluation/{name}_distance": float(wasserstein_distance(made[name], real[name]))
            for name in self.domain.properties
            if len(made[name])
        }


def _percent(truths: Sequence[bool]) -> float:
    return 100 * sum(truths) / max(1, len(truths))
