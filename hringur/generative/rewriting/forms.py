"""Word forms that one style has and the other lacks, told by their endings, found without pairs.

An ending of the source style is lost in the other if its words are rare there. What takes its place
is an ending that makes words of the same stems more frequent there: where the one style has more of
"walketh", the other has more of "walks", and neither more nor less of "walk". The rules hold for
words that occur once, or never in what is learned from.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from hringur.data.sentences.styles import Sentence

LONGEST_ENDING, LONGEST_NEW, SHORTEST_STEM = 3, 3, 2
"""Letters of an ending that is lost, of one that takes its place, and of what stays."""

FEWEST, LOST, MOST = 20, 0.7, 5.0
"""Words of an ending that is lost, the least share of them that the other style lacks, and what a
frequent word counts at most."""

FEWEST_STEMS, BEYOND_CHANCE, TIMES = 5, 3.5, 3.0
"""Stems that speak for a rule, standard deviations, and how often more speaks for it than
against."""

HELD, LEAST_MOVED = 3.0, 0.5
"""Counts that say of a word what its ending does, and the share from which it is rewritten."""

NEW, FEWEST_KNOWN, LEAST_BESIDE = 0.1, 20, 0.05
"""Weight of a word that neither style has, stems from which is told how often endings go together,
and how often they must."""


class WordForms:
    """Rewrites words of the source style whose ending the target style has lost."""

    def __init__(self, source: Sequence[Sentence], target: Sequence[Sentence]) -> None:
        """Learn from sentences of both styles, no two of which need belong together."""
        here, there = (Counter(word for one in side for word in one) for side in (source, target))
        scale = here.total() / max(1, there.total())
        self.here = {word: float(here[word]) for word in [*here, *there]}  # in an order that stays
        self.there = {word: scale * there[word] for word in self.here}
        self.endings: dict[str, set[str]] = defaultdict(set)
        for word in self.here:
            for ending in endings_of(word):
                self.endings[word[: len(word) - len(ending)]].add(ending)
        self.kept_share: dict[str, float] = {}
        self.rules: dict[str, dict[str, float]] = {}
        self._learn()
        self.stems, self.both = Counter[str](), Counter[tuple[str, str]]()
        for endings in self.endings.values():
            self.stems.update(endings)
            self.both.update((one, other) for one in endings for other in endings)
        self.found: dict[str, str] = {}

    def rewrite(self, sentences: Iterable[Sentence]) -> list[Sentence]:
        """Each sentence, its words in the form of the target style."""
        return [tuple(self.form(word) for word in sentence) for sentence in sentences]

    def form(self, word: str) -> str:
        """The likeliest form of a word in the target style, often itself."""
        if word not in self.found:
            forms = self._forms(word)
            self.found[word] = max(forms, key=lambda form: (forms[form], form), default=word)
        return self.found[word]

    def _learn(self) -> None:
        """Rules of each lost ending, the most frequent first, which explain what they make."""
        gain = {word: self.there[word] - count for word, count in self.here.items()}
        left = dict(gain)  # what no rule explains yet
        for lost, share in self._lost():
            self.kept_share[lost] = share
            stems = [stem for stem, ends in self.endings.items() if lost in ends]
            moved = {stem: -gain[stem + lost] for stem in stems if gain[stem + lost] < 0}
            weight = self._evidence(moved, left, lost)
            if weight:
                whole = sum(weight.values())
                self.rules[lost] = {new: part / whole for new, part in weight.items()}
            for stem, size in moved.items():
                for new in self.endings[stem] & weight.keys():
                    left[stem + new] -= size

    def _evidence(
        self, moved: dict[str, float], left: dict[str, float], lost: str
    ) -> dict[str, float]:
        """What speaks for each new ending beyond chance, from stems that lost theirs."""
        speaks: dict[str, float] = defaultdict(float)
        against: dict[str, float] = defaultdict(float)
        count = Counter[str]()
        for stem, size in moved.items():
            for new in self.endings[stem] - {lost}:
                more = left[stem + new]
                (speaks if more > 0 else against)[new] += min(size, abs(more), MOST)
                count[new] += more > 0
        found = {}
        for new, part in speaks.items():
            surplus, error = part - against[new], math.sqrt(part + against[new] + 1)
            sure = part >= TIMES * against[new] and surplus >= BEYOND_CHANCE * error
            if sure and len(new) <= LONGEST_NEW and count[new] >= FEWEST_STEMS:
                found[new] = surplus
        return found

    def _lost(self) -> list[tuple[str, float]]:
        """Endings that the target style has lost, and the share that is kept."""
        here, there = (self._by_ending(side) for side in (self.here, self.there))
        kept = {ending: there[ending] / count for ending, count in here.items() if count >= FEWEST}
        lost = [ending for ending, share in kept.items() if ending and share <= 1 - LOST]
        lost.sort(key=lambda ending: (there[ending] - here[ending], ending))
        return [(ending, kept[ending]) for ending in lost]

    def _by_ending(self, counts: dict[str, float]) -> dict[str, float]:
        found: dict[str, float] = defaultdict(float)
        for word, count in counts.items():
            for ending in endings_of(word):
                found[ending] += min(count, MOST)
        return found

    def _forms(self, word: str) -> dict[str, float]:
        """Forms of the target style, with weights."""
        found: dict[str, float] = {}
        for ending in endings_of(word):
            kept = HELD * self.kept_share.get(ending, 1.0)
            here, there = self.here.get(word, 0.0), self.there.get(word, 0.0)
            if 1 - (there + kept) / (here + HELD) < LEAST_MOVED:
                continue
            stem = word[: len(word) - len(ending)]
            for new, share in self.rules.get(ending, {}).items():
                weight = share * self._trust(stem, new, ending)
                found[stem + new] = max(weight, found.get(stem + new, 0.0))
        return {form: weight for form, weight in found.items() if weight > 0}

    def _trust(self, stem: str, new: str, lost: str) -> float:
        """1 for a word that is known; else how often a known form of it comes with the new one."""
        known = self.endings.get(stem, set()) - {lost}
        if new in known:
            return 1.0
        usual = [one for one in known if self.stems[one] >= FEWEST_KNOWN]
        best = max((self.both[one, new] / self.stems[one] for one in usual), default=0.0)
        return NEW * best if best >= LEAST_BESIDE else 0.0


def endings_of(word: str) -> list[str]:
    """The last letters of a word, none to three of them, that leave a stem."""
    if not word.isalpha():
        return []
    longest = min(LONGEST_ENDING, len(word) - SHORTEST_STEM)
    return [word[len(word) - length :] for length in range(longest + 1)]
