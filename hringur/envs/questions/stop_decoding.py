"""``StopDecoding-v0``: should I stop decoding this phrase and wait for further input?

A number between 0 and 999 is heard in English, word by word, and said in another language at the
same time. In Icelandic the gender of the 3 in 342 depends on the word after it; in German the
second digit comes before the first. With ``text="sentences"`` it is a sentence, and a translation
model that was trained on others proposes each Icelandic word.

========== ===================================================================================
part       what
========== ===================================================================================
observe    ``heard`` [G] English words and ``written`` [T] words of the translation, the end mark
           among them; 0 where there is none yet. The written ones are the right ones: where
           another one was chosen, it has been corrected
action     0 waits for another English word; 1 writes the word that is most likely by what was
           heard and written; of sentences, by the model. With ``choose_words``, k writes word
           k - 1
reward     of waiting 0; of writing minus ``delay_cost`` for each English word heard so far, and
           minus ``wrong_cost`` if the word is wrong
terminated when the end mark is written
truncated  never
start      nothing heard and nothing written; each number or sentence is equally likely
info       ``action_mask``: waiting is not allowed once the end was heard; at the end
           ``right_percent`` of the words, ``mean_delay`` [English words heard for each word
           written] and, with ``compute_optimal``, ``optimal_return``: dynamic programming over
           what can be known
========== ===================================================================================
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium import spaces
from jaxtyping import Bool, Float64, Int64, UInt8

from hringur.checks import check_choice
from hringur.data.languages.numbers import english_numbers, translated_numbers
from hringur.data.languages.sentences import interpreted_sentences
from hringur.envs.factories import factory
from hringur.envs.questions.env import QuestionEnv, QuestionVectorEnv
from hringur.envs.questions.question import Episodes, Question
from hringur.references.questions.interpreting import Interpreting, encoded
from hringur.types import Decide, UserError

WAIT = 0
LARGEST_COST = 1e6


@dataclass(frozen=True, kw_only=True)
class StopDecoding(Question):
    """Interpret numbers or sentences simultaneously.

    Raises:
        UserError: text or language is unknown or has no such sentences, or a cost is negative.
    """

    text: str = "numbers"
    language: str = "icelandic"
    delay_cost: float = 0.05
    wrong_cost: float = 1.0
    choose_words: bool = False
    compute_optimal: bool = False

    def __post_init__(self) -> None:
        for name in ("delay_cost", "wrong_cost"):
            value = getattr(self, name)
            if not 0 <= value <= LARGEST_COST:
                raise UserError(f"{name} must be in 0..{LARGEST_COST:g}, got {value}")
        translated_numbers(self.language)  # refuses an unknown one
        check_choice(self, "text", ("numbers", "sentences"))
        if self._of_sentences and self.language != "icelandic":
            raise UserError(f"language of sentences must be icelandic, got {self.language!r}")
        if self._of_sentences and self.choose_words:
            raise UserError("choose_words is for numbers: words of sentences are the model's")

    @property
    def _of_sentences(self) -> bool:
        return self.text == "sentences"

    @cached_property
    def model(self) -> Interpreting:
        """Everything that can be known, and what the best policy does."""
        costs = self.delay_cost, self.wrong_cost
        return Interpreting(self._source[0], self._target[0], *costs, self._guesses())

    def _guesses(self) -> Int64[np.ndarray, "N G1 T"] | None:
        """The model's words of each sentence; those that no translation has are -1."""
        if not self._of_sentences:
            return None
        number = {word: k for k, word in enumerate(self.words)}
        count, heard = self._source[0].shape
        guesses = np.full((count, heard + 1, self._target[0].shape[1]), -1)
        for guess, sentence in zip(guesses, interpreted_sentences(), strict=True):
            rows = [[number.get(word, -1) for word in row] for row in sentence.writes]
            guess[: len(rows), : len(rows[0])] = rows
        return guesses

    @cached_property
    def _source(self) -> tuple[Int64[np.ndarray, "N G"], list[str]]:
        if self._of_sentences:
            return encoded([sentence.english for sentence in interpreted_sentences()])
        return encoded(english_numbers())

    @cached_property
    def _target(self) -> tuple[Int64[np.ndarray, "N T"], list[str]]:
        if self._of_sentences:
            return encoded([sentence.icelandic for sentence in interpreted_sentences()])
        return encoded(translated_numbers(self.language))

    @property
    def words(self) -> list[str]:
        """Those of the translation; with ``choose_words``, action k writes word k - 1."""
        return self._target[1]

    @property
    def length(self) -> int:  # type: ignore[override]
        """Words heard and words written."""
        return self._source[0].shape[1] + self._target[0].shape[1]

    row_size = 1

    @property
    def action_space(self) -> spaces.Discrete:  # type: ignore[override]
        """Wait or write."""
        return spaces.Discrete(1 + (len(self.words) if self.choose_words else 1))

    @property
    def allowed_actions(self) -> str:  # type: ignore[override]
        """For messages."""
        writes = f"a word in 1..{len(self.words)}" if self.choose_words else "1 (write)"
        return f"0 (wait) or {writes}"

    @property
    def action_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Wait, write, or the words that may be written."""
        return ("wait", *(self.words if self.choose_words else ("write",)))

    def observation_space(self) -> spaces.Space:
        """Of one environment."""
        sizes = {"heard": self._source, "written": self._target}
        return spaces.Dict(
            {
                name: spaces.MultiDiscrete(np.full(rows.shape[1], 1 + len(words)))
                for name, (rows, words) in sizes.items()
            }
        )

    def begin(self, numbers: Float64[np.ndarray, "B 1"]) -> Episodes:
        """Any number, each as likely."""
        drawn = (numbers[:, 0] * len(self._source[0])).astype(np.int64)
        return {"number": drawn} | {
            name: np.zeros(len(drawn), dtype=np.int64)
            for name in ("heard", "written", "wrong", "delay")
        }

    def act(
        self, episodes: Episodes, actions: np.ndarray
    ) -> tuple[Float64[np.ndarray, " B"], Bool[np.ndarray, " B"]]:
        """Hear a word, or write one."""
        number, heard = episodes["number"], episodes["heard"]
        waiting = (actions == WAIT) & (heard < self.model.source_lengths[number])
        place = np.minimum(episodes["written"], self.model.target_lengths[number] - 1)
        word = actions - 1 if self.choose_words else self.model.likeliest[number, heard, place]
        wrong = ~waiting & (self._target[0][number, place] != word)
        reward = np.where(waiting, 0.0, -self.delay_cost * heard - self.wrong_cost * wrong)
        episodes["delay"] = episodes["delay"] + np.where(waiting, 0, heard)
        episodes["wrong"] = episodes["wrong"] + wrong
        episodes["heard"] = heard + waiting
        episodes["written"] = place + ~waiting
        return reward, episodes["written"] == self.model.target_lengths[number]

    def allowed(self, episodes: Episodes) -> Bool[np.ndarray, "B A"]:
        """Every word, and waiting while there is more to hear."""
        allowed = np.ones((len(episodes["number"]), self.action_space.n), dtype=bool)
        allowed[:, WAIT] = episodes["heard"] < self.model.source_lengths[episodes["number"]]
        return allowed

    def observe(self, episodes: Episodes) -> dict[str, np.ndarray]:
        """What was heard and what was written, as words."""
        number = episodes["number"]
        return {
            "heard": _shown(self._source[0][number], episodes["heard"]),
            "written": _shown(self._target[0][number], episodes["written"]),
        }

    def optimal(self, episodes: Episodes) -> Float64[np.ndarray, " B"]:
        """What the policy with the best expected return earns on these numbers."""
        return self._optimal[episodes["number"]]

    @cached_property
    def _optimal(self) -> Float64[np.ndarray, " N"]:
        return self.model.returns(self.model.waits)

    def figures(self, episodes: Episodes) -> dict[str, Float64[np.ndarray, " B"]]:
        """How many words were right, and how long each was waited for."""
        written = np.maximum(episodes["written"], 1)
        return {
            "right_percent": 100.0 * (1.0 - episodes["wrong"] / written),
            "mean_delay": episodes["delay"] / written,
        }

    def policies(self) -> dict[str, Decide]:
        """Policies that always stay k words behind, and write the likeliest word."""
        return {f"wait-{k}": self._decide(self.model.wait_k(k)) for k in (1, 2, 3, 5)}

    def _decide(self, waits: Bool[np.ndarray, "N G1 T1"]) -> Decide:
        """The policy that waits there; a number with the words seen stands for all such."""

        def decide(observation: Any, mask: np.ndarray | None) -> np.ndarray:
            heard, written = observation["heard"], observation["written"]
            fits = _begins(self._source[0], heard) & _begins(self._target[0], written)
            number = fits.argmax(axis=1)
            g, t = (heard > 0).sum(axis=1), (written > 0).sum(axis=1)
            word = self.model.likeliest[number, g, np.minimum(t, written.shape[1] - 1)]
            write = 1 + np.maximum(word, 0) if self.choose_words else 1
            return np.where(waits[number, g, t], WAIT, write)

        return decide

    def draw(self, episode: Episodes) -> UInt8[np.ndarray, "height width 3"]:
        """What was heard above what was written."""
        from hringur.envs.questions.drawing import draw_lists

        rows = {}
        sides = {"heard": self._source, "written": self._target}
        for name, (numbers, words) in sides.items():
            row = numbers[episode["number"][0]]
            shown = [words[word] for word in row[: int(episode[name][0])]]
            rows[name] = [*shown, *[""] * (len(row) - len(shown))]
        title = f"delay {int(episode['delay'][0])}, wrong words {int(episode['wrong'][0])}"
        return draw_lists(rows, title)


def _shown(words: Int64[np.ndarray, "B L"], count: Int64[np.ndarray, " B"]) -> np.ndarray:
    """The first words, counted from 1, and zeros behind them."""
    return np.where(np.arange(words.shape[1]) < count[:, None], words + 1, 0)


def _begins(words: Int64[np.ndarray, "N L"], seen: Int64[np.ndarray, "B L"]) -> np.ndarray:
    """Which of the N rows begin with what was seen, for each of the B; ``B N``."""
    return ((seen[:, None] == words + 1) | (seen[:, None] == 0)).all(axis=-1)


stop_decoding = factory(StopDecoding, QuestionEnv)
stop_decoding_vec = factory(StopDecoding, QuestionVectorEnv)
