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
from matplotlib.figure import Figure

from hringur.evaluation.figures import COLOURS, GREY, new_figure
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
    figure = new_figure(1.3 * len(shown), 1.3 * height / width + 0.4)
    axes = figure.subplots(1, len(shown), squeeze=False)[0]
    for axis, (moment, picture) in zip(axes, shown, strict=True):
        axis.imshow(picture, interpolation="nearest")
        axis.set_axis_off()
        axis.set_title(f"{record.said(moment)}\n{record.scores[moment]:g}", fontsize=8)
    return figure


def decisions_figure(record: GameRecord) -> Figure:
    """Probability of each action over time, with the score and the lost lives."""
    if not record.chances:
        raise UserError("a figure of decisions needs a player that tells its probabilities")
    times = record.times
    figure = new_figure(10.0, 5.0)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    chances = np.array(record.chances).T  # A T
    colours = [COLOURS[index % len(COLOURS)] for index in range(len(chances))]
    above.stackplot(times[: chances.shape[1]], chances, colors=colours, labels=record.names)
    above.set(ylim=(0, 1), xlim=(0, max(times[-1], 1e-9)), ylabel="probability")
    above.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(chances), frameon=False)
    below.step(times, record.scores, where="post", color=COLOURS[0])
    unit = "time of play [s]" if record.time_unit == "s" else record.time_unit
    below.set(xlabel=unit, ylabel="score")
    lives = np.array(record.lives, dtype=float)  # NaN where the environment has none
    for time in times[1:][np.diff(lives) < 0]:
        for axis in (above, below):
            axis.axvline(time, color=GREY, linestyle=":", linewidth=1)
    return figure
