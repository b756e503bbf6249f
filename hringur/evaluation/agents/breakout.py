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


def report(evaluated: Evaluated) -> Report:
    """The agent's score beside random actions and what is published, in one table."""
    frames = None
    if evaluated.samples is not None:
        frames = evaluated.samples * evaluated.env_options.get("frame_skip", 4) / 1e6
    played_with = evaluated.env_options
    lines = beside_published(
        [
            own(evaluated.score, frames, protocol(played_with, evaluated.actions)),
            own(evaluated.by_chance, None, protocol(played_with, "random")),
        ]
    )
    games = len(evaluated.score.played.returns)
    title = f"{evaluated.env_id}, {games:,} games: mean score, 95 % bootstrap interval"
    return Report(
        tables=[
            table(lines, f"{title}, gap to {CEILING}"),
            legend(lines),
            variety(evaluated.score, "games"),
        ],
        record={"beside": to_json(lines), "different_games": evaluated.score.played.distinct},
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


def own(score: EpisodeScore, frames: float | None, protocol: str) -> Line:
    """The row of games played here."""
    return Line(
        player=score.name,
        score=score.mean_return.value,
        interval=estimate_cells(score.mean_return)[1],
        frames=frames,
        protocol=protocol,
        learned=score.kind == "learned",
    )


def beside_published(played: Sequence[Line]) -> list[Line]:
    """The rows with the ceiling and the published scores, best first."""
    ceiling = Line(player="ceiling", score=float(CEILING), source="the rules")
    published = [Line(**asdict(one)) for one in PUBLISHED]
    return sorted([ceiling, *played, *published], key=lambda line: -line.score)


def gap(line: Line) -> float:
    """Distance from the ceiling, as a fraction of it."""
    return (CEILING - line.score) / CEILING


def table(lines: Sequence[Line], title: str) -> Table[Line]:
    """Every player's score and gap to the ceiling; ``legend`` explains the last column."""
    letters = _letters(lines)
    return Table(
        title=title,
        columns=[
            Column("player", lambda line: line.player, text=True, wrap=True),
            Column("score", lambda line: f"{line.score:.4g}", wrap=True),
            Column("interval", lambda line: line.interval, wrap=True),
            Column("gap %", lambda line: f"{100 * gap(line):.2f}", wrap=True),
            Column("M frames", lambda line: "" if line.frames is None else f"{line.frames:.3g}"),
            Column("protocol", lambda line: letters.get(line.protocol, ""), text=True),
        ],
        rows=lines,
        style=lambda line: "bold cyan" if line.learned else "",
    )


def legend(lines: Sequence[Line]) -> str:
    """What each letter of the table stands for."""
    return "\n".join(f"{letter}  {text}" for text, letter in _letters(lines).items())


def to_json(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """The rows for a program."""
    return [asdict(line) | {"gap": gap(line)} for line in lines]


def _letters(lines: Sequence[Line]) -> dict[str, str]:
    """A letter for each protocol, those of games played here first."""
    ordered = sorted(lines, key=lambda line: (not line.learned, bool(line.source)))
    protocols = dict.fromkeys(line.protocol for line in ordered if line.protocol)
    return dict(zip(protocols, ascii_lowercase, strict=False))
