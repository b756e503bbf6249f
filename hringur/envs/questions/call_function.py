"""``CallFunction-v0``: which function should a program call next?

A list of small whole numbers is to become a target. Each action calls one function on the list.

========== ===================================================================================
part       what
========== ===================================================================================
observe    ``list`` and ``target`` [length] in 0..10, where 10 marks a place that holds no
           number any more; ``differences`` [length * length], target less list modulo 10 for
           each pair of places, 10 where one holds nothing; ``calls_left`` in 0..max_calls
action     the function to call, by its position in ``functions``
reward     minus ``call_cost`` for each call, and 1 when the list is the target
terminated when the list is the target, or after ``max_calls`` calls
truncated  never
start      a random list; the target is what 1 to ``program_length`` random calls make of it, and
           differs from the list
info       at the end ``solved_percent`` (0 or 100), ``calls`` and, with ``compute_optimal``,
           ``shortest_calls`` and ``optimal_return``, exact by breadth-first search
========== ===================================================================================
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from gymnasium import spaces
from jaxtyping import Bool, Float64, Int64, UInt8

from hringur.envs.factories import factory
from hringur.envs.questions.env import QuestionEnv, QuestionVectorEnv
from hringur.envs.questions.question import Episodes, Question
from hringur.types import UserError

BASE = 10
"""Numbers are 0 .. 9, and arithmetic is modulo 10."""
NOTHING = 10
"""Marks the places behind the end of a list that has become shorter."""
CANDIDATES = 8
"""Lists and programs that are drawn for an episode; the first whose target differs is taken."""

Lists = Int64[np.ndarray, "*rows length"]


def reverse(lists: Lists) -> Lists:
    """The numbers in the opposite order."""
    return _kept(lists[..., ::-1])


def sort(lists: Lists) -> Lists:
    """The numbers in rising order."""
    return np.sort(lists, axis=-1)  # the mark is the largest


def rotate(lists: Lists) -> Lists:
    """The first number moves to the end."""
    return _kept(np.concatenate([lists[..., 1:], lists[..., :1]], axis=-1))


def add_one(lists: Lists) -> Lists:
    """Each number becomes the next one, and 9 becomes 0."""
    return np.where(lists == NOTHING, NOTHING, (lists + 1) % BASE)


def double(lists: Lists) -> Lists:
    """Each number becomes the last digit of its double."""
    return np.where(lists == NOTHING, NOTHING, lists * 2 % BASE)


def drop_first(lists: Lists) -> Lists:
    """The first number is removed."""
    return np.concatenate([lists[..., 1:], np.full_like(lists[..., :1], NOTHING)], axis=-1)


def swap(lists: Lists) -> Lists:
    """The first two numbers change places."""
    return _kept(np.concatenate([lists[..., 1::-1], lists[..., 2:]], axis=-1))


def _kept(lists: Lists) -> Lists:
    """The numbers moved to the front, in their order, behind them the marks."""
    order = np.argsort(lists == NOTHING, axis=-1, kind="stable")
    return np.take_along_axis(lists, order, axis=-1)


FUNCTIONS: dict[str, Callable[[Lists], Lists]] = {
    "reverse": reverse,
    "sort": sort,
    "rotate": rotate,
    "add-one": add_one,
    "double": double,
    "drop-first": drop_first,
    "swap": swap,
}
DEFAULT = ("reverse", "sort", "rotate", "add-one", "drop-first")


@dataclass(frozen=True, kw_only=True)
class CallFunction(Question):
    """Make a list the target by as few calls as possible.

    Raises:
        UserError: an option is out of range, or there is no such function.
    """

    functions: Sequence[str] = DEFAULT
    list_length: int = 5
    program_length: int = 4
    max_calls: int = 8
    call_cost: float = 0.05
    compute_optimal: bool = False
    time_unit = "call"

    def __post_init__(self) -> None:
        unknown = [name for name in self.functions if name not in FUNCTIONS]
        twice = len(set(self.functions)) < len(self.functions)
        if unknown or twice or not self.functions or isinstance(self.functions, str):
            got = repr(unknown[0] if unknown else self.functions)
            raise UserError(f"functions must be of {', '.join(FUNCTIONS)}, each once, got {got}")
        for name, least, most in (
            ("list_length", 2, 20),
            ("program_length", 1, 6),
            ("max_calls", self.program_length, 100),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise UserError(f"{name} must be in {least}..{most}, got {value}")
        if not 0 <= self.call_cost * self.max_calls <= 1:
            raise UserError(
                f"call_cost must be in 0..{1 / self.max_calls:g}, so that reaching the target pays,"
                f" got {self.call_cost}"
            )

    @property
    def length(self) -> int:  # type: ignore[override]
        """Calls of an episode at most."""
        return self.max_calls

    @property
    def row_size(self) -> int:  # type: ignore[override]
        """Lists, lengths of programs, and calls, for each candidate."""
        return CANDIDATES * (self.list_length + 1 + self.program_length)

    @property
    def action_space(self) -> spaces.Discrete:  # type: ignore[override]
        """One action for each function."""
        return spaces.Discrete(len(self.functions))

    @property
    def allowed_actions(self) -> str:  # type: ignore[override]
        """For messages."""
        return f"a function in 0..{len(self.functions) - 1}"

    @property
    def action_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """The functions."""
        return tuple(self.functions)

    def observation_space(self) -> spaces.Space:
        """Of one environment."""
        values = np.full(self.list_length, BASE + 1)
        return spaces.Dict(
            {
                "list": spaces.MultiDiscrete(values),
                "target": spaces.MultiDiscrete(values),
                "differences": spaces.MultiDiscrete(np.repeat(values, self.list_length)),
                "calls_left": spaces.Discrete(self.max_calls + 1),
            }
        )

    def begin(self, numbers: Float64[np.ndarray, "B R"]) -> Episodes:
        """The first candidate whose target differs from its list; else a falling list."""
        drawn = numbers.reshape(len(numbers), CANDIDATES, -1)
        n = self.list_length
        lists = (drawn[..., :n] * BASE).astype(np.int64)
        lengths = 1 + (drawn[..., n] * self.program_length).astype(np.int64)
        calls = (drawn[..., n + 1 :] * len(self.functions)).astype(np.int64)
        targets = lists.copy()
        for k in range(self.program_length):
            targets = np.where(
                (k < lengths)[..., None], self._call(targets, calls[..., k]), targets
            )
        differs = (targets != lists).any(axis=-1)
        chosen = differs.argmax(axis=1)
        rows = np.arange(len(numbers))
        first, target = lists[rows, chosen], targets[rows, chosen]
        alike = ~differs.any(axis=1)
        first[alike] = np.arange(n)[::-1] % BASE
        target[alike] = self._call(first[alike], np.zeros(int(alike.sum()), dtype=np.int64))
        return {
            "first": first,
            "list": first.copy(),
            "target": target,
            "calls": np.zeros(len(rows), dtype=np.int64),
        }

    def act(
        self, episodes: Episodes, actions: np.ndarray
    ) -> tuple[Float64[np.ndarray, " B"], Bool[np.ndarray, " B"]]:
        """Call the functions."""
        episodes["list"] = self._call(episodes["list"], actions)
        episodes["calls"] += 1
        solved = (episodes["list"] == episodes["target"]).all(axis=1)
        return solved - self.call_cost, solved

    def observe(self, episodes: Episodes) -> dict[str, np.ndarray]:
        """The list, the target, how they differ, and how many calls are left."""
        numbers, target = episodes["list"][:, :, None], episodes["target"][:, None]
        nothing = (numbers == NOTHING) | (target == NOTHING)
        differences = np.where(nothing, NOTHING, (target - numbers) % BASE)
        return {
            "list": episodes["list"].copy(),
            "target": episodes["target"].copy(),
            "differences": differences.reshape(len(differences), -1),
            "calls_left": self.max_calls - episodes["calls"],
        }

    def optimal(self, episodes: Episodes) -> Float64[np.ndarray, " B"]:
        """One less the cost of the shortest program."""
        return 1.0 - self.call_cost * self.shortest(episodes["first"], episodes["target"])

    def figures(self, episodes: Episodes) -> dict[str, Float64[np.ndarray, " B"]]:
        """Whether the target was reached, and the calls."""
        solved = (episodes["list"] == episodes["target"]).all(axis=1)
        told = {"solved_percent": 100.0 * solved, "calls": episodes["calls"].astype(np.float64)}
        if self.compute_optimal:
            shortest = self.shortest(episodes["first"], episodes["target"])
            told["shortest_calls"] = shortest.astype(np.float64)
        return told

    def shortest(
        self, first: Int64[np.ndarray, "B length"], target: Int64[np.ndarray, "B length"]
    ) -> Int64[np.ndarray, " B"]:
        """The fewest calls from list to target, by breadth-first search over all programs.

        No target is further than ``program_length`` calls, so the search ends there.
        """
        found = np.zeros(len(first), dtype=np.int64)
        reached = first[:, None]  # B lists length
        for calls in range(1, self.program_length + 1):
            reached = np.concatenate([FUNCTIONS[name](reached) for name in self.functions], axis=1)
            hit = (reached == target[:, None]).all(axis=-1).any(axis=1)
            found[(found == 0) & hit] = calls
        return found

    def draw(self, episode: Episodes) -> UInt8[np.ndarray, "height width 3"]:
        """The list above the target."""
        from hringur.envs.questions.drawing import draw_lists

        rows = {"list": episode["list"][0], "target": episode["target"][0]}
        shown = {
            name: ["" if value == NOTHING else str(value) for value in row.tolist()]
            for name, row in rows.items()
        }
        calls = int(episode["calls"][0])
        return draw_lists(shown, f"{calls} calls", rows["list"] == rows["target"])

    def _call(self, lists: Lists, actions: Int64[np.ndarray, "*rows"]) -> Lists:
        called = np.stack([FUNCTIONS[name](lists) for name in self.functions])
        return np.take_along_axis(called, actions[None, ..., None], axis=0)[0]


call_function = factory(CallFunction, QuestionEnv)
call_function_vec = factory(CallFunction, QuestionVectorEnv)
