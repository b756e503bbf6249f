"""One episode of any environment that draws itself: its pictures, scores and decisions.

Playing yields one ``Moment`` for each picture, so a film of any length can be written meanwhile.
A ``GameRecord`` keeps a few pictures, and the numbers.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from hringur.data.figures import COLOURS, light_grid, new_figure
from hringur.data.text import drawn
from hringur.evaluators.environments import gym_spec, make_single, said
from hringur.types import UserError

Mask = np.ndarray | None
"""1 for each action that is allowed, if the environment says so."""

Predict = Callable[[Any, Mask], Any]
"""From one observation and its mask to one action."""

Probabilities = Callable[[Any, Mask], np.ndarray]
"""From one observation and its mask to the probability of each action."""

KEPT = 64
"""Most pictures that a record keeps, evenly spread."""

DECISIONS_SHOWN = 120
"""Most decisions in a figure: eight seconds of Breakout."""


@dataclass(frozen=True, eq=False)
class Moment:
    """A picture, and the decision that followed it."""

    picture: UInt8[np.ndarray, "H W 3"]
    score: float
    """sum of the rewards so far"""

    lives: int | None
    """None if the environment has no lives"""

    action: int | None
    """None at the end, or if it is not a single choice"""

    chances: Float[np.ndarray, " A"] | None
    """probability of each action, if it is known"""


@dataclass(eq=False)
class GameRecord:
    """The numbers of an episode, and some of its pictures."""

    names: tuple[str, ...]
    """names of the actions"""

    frames_per_second: int
    time_unit: str = "s"
    """of a step; "s": seconds of play"""

    scores: list[float] = field(default_factory=list)
    """sum of the rewards at each moment"""

    lives: list[int | None] = field(default_factory=list)
    actions: list[int | None] = field(default_factory=list)
    chances: list[np.ndarray] = field(default_factory=list)
    """probability of each action [A] at each moment but the last, if they are known"""

    pictures: list[tuple[int, UInt8[np.ndarray, "H W 3"]]] = field(default_factory=list)
    """pictures of some of the moments, with their numbers"""

    _stride: int = 1

    def add(self, moment: Moment) -> None:
        """Add a moment; every other picture is dropped when there are too many."""
        index = len(self.scores)
        self.scores.append(moment.score)
        self.lives.append(moment.lives)
        self.actions.append(moment.action)
        if moment.chances is not None:
            self.chances.append(moment.chances)
        if index % self._stride == 0:
            self.pictures.append((index, moment.picture))
            if len(self.pictures) > KEPT:
                self._stride *= 2
                self.pictures = self.pictures[::2]

    @property
    def score(self) -> float:
        """Score of the whole episode."""
        return self.scores[-1]

    @property
    def times(self) -> Float[np.ndarray, " T"]:
        """When each moment was, in ``time_unit``."""
        steps = np.arange(len(self.scores), dtype=np.float64)
        return steps / self.frames_per_second if self.time_unit == "s" else steps

    def said(self, moment: int) -> str:
        """The time of a moment in words: "1.5 s", "day 3"."""
        time = self.times[moment]
        return f"{time:.1f} s" if self.time_unit == "s" else f"{self.time_unit} {time:.0f}"


class Game:
    """An episode: iterate over its moments, while ``record`` grows."""

    def __init__(
        self,
        env_id: str,
        env_options: Mapping[str, Any],
        predict: Predict,
        *,
        probabilities: Probabilities | None = None,
        seed: int = 0,
        max_steps: int | None = None,
    ) -> None:
        """``max_steps`` decisions end the episode, if the environment has not by then."""
        spec, asked = gym_spec(env_id), make_single(env_id, **env_options)
        asked.close()
        if "rgb_array" not in asked.unwrapped.metadata.get("render_modes", []):
            raise UserError(f"{spec.id} draws no pictures: it has no render_mode rgb_array")
        overruled = getattr(asked.unwrapped, "evaluation_options", {})
        self.env = make_single(env_id, **{**env_options, **overruled}, render_mode="rgb_array")
        inner: Any = self.env.unwrapped
        self.env_id, self.predict, self.probabilities = spec.id, predict, probabilities
        self.seed, self.max_steps = seed, max_steps
        space = self.env.action_space
        count = int(space.n) if isinstance(space, gym.spaces.Discrete) else 0
        names = said(self.env, "action_names", tuple(str(index) for index in range(count)))
        fps, unit = int(inner.metadata.get("render_fps", 30)), said(self.env, "time_unit", "s")
        self.record = GameRecord(tuple(names), fps, unit)

    def __iter__(self) -> Iterator[Moment]:
        """Play from the first picture to the one after the last step; close the environment."""
        try:
            observation, info = self.env.reset(seed=self.seed)
            score, steps, over = 0.0, 0, False
            while not over:
                action = self.predict(observation, info.get("action_mask"))
                yield self._moment(observation, score, info, action)
                observation, reward, terminated, truncated, info = self.env.step(action)
                score, steps = score + float(reward), steps + 1
                over = terminated or truncated or steps == self.max_steps
            yield self._moment(None, score, info, None)
        finally:
            self.env.close()

    def _moment(
        self, observation: Any, score: float, info: Mapping[str, Any], action: Any
    ) -> Moment:
        chances = None
        if self.probabilities is not None and action is not None:
            mask = info.get("action_mask")
            chances = np.asarray(self.probabilities(observation, mask), dtype=np.float64)
        try:
            picture: Any = self.env.render()
        except gym.error.DependencyNotInstalled as error:
            raise UserError(f"{self.env_id} cannot be drawn: {error}") from error
        one = action is not None and np.size(action) == 1 and bool(self.record.names)
        moment = Moment(
            picture=picture,
            score=score,
            lives=int(info["lives"]) if "lives" in info else None,
            action=int(action) if one else None,
            chances=chances,
        )
        self.record.add(moment)
        return moment


def filmstrip(record: GameRecord, count: int = 10) -> Figure:
    """``count`` pictures of an episode in a row, evenly spread, each with its time and score."""
    picked = np.unique(np.linspace(0, len(record.pictures) - 1, count).round().astype(int))
    shown = [record.pictures[index] for index in picked.tolist()]
    height, width = shown[0][1].shape[:2]
    each, words = 1.3, 0.45  # inches
    tall = each * height / width + words
    figure = Figure(figsize=(each * len(shown), tall), facecolor="white")
    for place, (moment, picture) in enumerate(shown):
        box = ((place + 0.02) / len(shown), 0.0, 0.96 / len(shown), 1 - words / tall)
        axes = figure.add_axes(box)
        axes.imshow(picture, interpolation="nearest", aspect="auto")
        axes.set_axis_off()
        axes.set_title(f"{record.said(moment)}\nscore {record.scores[moment]:g}", fontsize=8)
    return figure


def decisions_figure(record: GameRecord) -> Figure:
    """How likely each action was, decision by decision, before the first lost life or the end.

    A row for each action, a bar for each decision, dark where the action was chosen.
    """
    if not record.chances:
        raise UserError("a figure of decisions needs a player that tells its probabilities")
    shown, lost = _before_the_end(record)
    chances, times = np.array(record.chances)[shown], record.times[shown]
    chosen = np.array([-1 if one is None else one for one in record.actions[shown]])
    step = record.times[1] - record.times[0]
    end = "the first ball is lost" if lost else "the end"
    words = f"How likely each decision was, {len(times)} of them, until {end}"
    figure = new_figure(10.0, 0.8 * len(record.names) + 1.1, words)
    rows = figure.subplots(len(record.names), 1, sharex=True, squeeze=False)[:, 0]
    for action, (axes, name) in enumerate(zip(rows, record.names, strict=True)):
        faint = np.where(chosen == action, 1.0, 0.35)
        colour = [(*to_rgb(COLOURS[action % len(COLOURS)]), alpha) for alpha in faint]
        axes.bar(times, chances[:, action], 0.9 * step, align="edge", color=colour)
        axes.set(ylim=(0, 1), xlim=(times[0], times[-1] + step), yticks=[0, 1])
        axes.set_ylabel(drawn(name), rotation=0, ha="right", va="center")
        light_grid(axes, "y")
    unit = "time of play [s]" if record.time_unit == "s" else record.time_unit
    rows[-1].set_xlabel(f"{unit}; height: probability, dark: what was chosen")
    return figure


def _before_the_end(record: GameRecord) -> tuple[slice, bool]:
    """The last decisions before the first lost life, else of all; whether a life was lost."""
    lives = np.array(record.lives, dtype=float)  # NaN where the environment has none
    lost = np.flatnonzero(np.diff(lives) < 0)
    end = int(lost[0]) + 1 if len(lost) else len(record.chances)
    return slice(max(0, end - DECISIONS_SHOWN), end), bool(len(lost))
