"""A Breakout agent's score beside the ceiling and the published ones, each with its protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from string import ascii_lowercase
from typing import Any

from hringur.envs.breakout.game import BreakoutOptions
from hringur.evaluation.agents.scores import EpisodeScore, Evaluated, Report, variety
from hringur.evaluation.tables import Column, Table, estimate_cells
from hringur.references.breakout import CEILING, PUBLISHED

DRAWS = {
    "likeliest": "likeliest actions",
    "sampled": "actions drawn from the policy",
    "random": "every action equally often",
}


@dataclass(frozen=True, kw_only=True)
class Line:
    """One row of the table."""

    player: str
    score: float
    interval: str = ""
    frames: float | None = None
    """emulated frames of training [millions]"""

    protocol: str = ""
    source: str = ""
    learned: bool = False

    @property
    def gap(self) -> float:
        """Distance from the ceiling, as a fraction of it."""
        return (CEILING - self.score) / CEILING


def report(evaluated: Evaluated) -> Report:
    """The agent's score beside random actions and what is published, in one table."""
    frames, options = None, evaluated.env_options
    if evaluated.samples is not None:
        frames = evaluated.samples * options.get("frame_skip", 4) / 1e6
    lines = [
        Line(player="ceiling", score=float(CEILING), source="the rules"),
        _line(evaluated.score, frames, protocol(options, evaluated.actions)),
        _line(evaluated.by_chance, None, protocol(options, "random")),
        *(Line(**asdict(one)) for one in PUBLISHED),
    ]
    lines.sort(key=lambda line: -line.score)
    games = len(evaluated.score.played.returns)
    title = f"{evaluated.env_id}, {games:,} games: mean score, 95 % bootstrap interval"
    letters = _letters(lines)
    legend = "\n".join(f"{letter}  {protocol}" for protocol, letter in letters.items())
    beside = [asdict(line) | {"gap": line.gap} for line in lines]
    return Report(
        tables=[
            table(lines, letters, f"{title}, gap to {CEILING}"),
            legend,
            variety(evaluated.score, "games"),
        ],
        record={"beside": beside, "different_games": evaluated.score.played.distinct},
        instead=True,
    )


def protocol(env_options: Mapping[str, Any], actions: str) -> str:
    """How games with these options of the environment were played, in words."""
    options = BreakoutOptions(**{k: v for k, v in env_options.items() if k != "render_mode"})
    sticky = f"sticky actions {options.sticky:g}" if options.sticky else "no sticky actions"
    noops = f"up to {options.noop_max} no-ops" if options.noop_max else "no no-ops"
    cut = options.max_frames < BreakoutOptions().max_frames
    games = f"games cut off after {options.max_frames:,} frames" if cut else "whole games"
    skip = "" if options.frame_skip == 4 else f", a choice held for {options.frame_skip} frames"
    return f"{sticky}, {noops}, {games}, 3 buttons{skip}, {DRAWS[actions]}"


def table(lines: Sequence[Line], letters: Mapping[str, str], title: str) -> Table[Line]:
    """Every player's score, its gap to the ceiling, and the letter of its protocol."""
    return Table(
        title=title,
        columns=[
            Column("player", lambda line: line.player, text=True, wrap=True),
            Column("score", lambda line: f"{line.score:.4g}", wrap=True),
            Column("interval", lambda line: line.interval, wrap=True),
            Column("gap %", lambda line: f"{100 * line.gap:.2f}", wrap=True),
            Column("M frames", lambda line: "" if line.frames is None else f"{line.frames:.3g}"),
            Column("protocol", lambda line: letters.get(line.protocol, ""), text=True),
        ],
        rows=lines,
        style=lambda line: "bold cyan" if line.learned else "",
    )


def _line(score: EpisodeScore, frames: float | None, protocol: str) -> Line:
    return Line(
        player=score.name,
        score=score.mean_return.value,
        interval=estimate_cells(score.mean_return)[1],
        frames=frames,
        protocol=protocol,
        learned=score.kind == "learned",
    )


def _letters(lines: Sequence[Line]) -> dict[str, str]:
    """A letter for each protocol, those of games played here first."""
    ordered = sorted(lines, key=lambda line: (not line.learned, bool(line.source)))
    protocols = dict.fromkeys(line.protocol for line in ordered if line.protocol)
    return dict(zip(protocols, ascii_lowercase, strict=False))
