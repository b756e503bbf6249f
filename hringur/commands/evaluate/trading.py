"""``hringur evaluate RUN --report DIR``: one page about a trader."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hringur.commands.console import note
from hringur.data.files import check_writable, write_whole
from hringur.evaluation.agents.scores import Evaluated
from hringur.evaluation.agents.trading import problem_of
from hringur.registry import TRADING
from hringur.trained import Trained
from hringur.types import UserError

PAGE = "index.html"


def check_trader(trained: Trained) -> None:
    """Refuse what is no agent of a trading environment."""
    if trained.domain is not TRADING:
        raise UserError(f"{trained.path} is of {trained.name} and trades nothing")


def check_report(trained: Trained, folder: Path) -> None:
    """Refuse, before anything is played, a page that could not be written.

    Raises:
        UserError: the run is no trader's, or the folder is no new or empty one.
    """
    check_trader(trained)
    if folder.is_dir() and not any(folder.iterdir()):
        check_writable(folder / PAGE)
    elif folder.exists():
        raise UserError(f"--report {folder} exists already: choose another folder")
    else:
        check_writable(folder)


def write_report(
    name: str, own: dict[str, Any], evaluated: Evaluated, folder: Path, command: str
) -> Path:
    """Play every day of the prices, and write the page.

    With ``own`` options, those of training, the past that was trained on is a part of it.
    """
    from hringur.evaluation.agents import trading_report as report  # matplotlib is slow to load

    parts: list[tuple[str, Mapping[str, Any]]] = [("Evaluated", evaluated.env_options)]
    if own.get("split") == "train" and dict(evaluated.env_options) != own:
        parts.append(("The past that it was trained on", own))
    sections, learned = [], problem_of(evaluated.env_id, own)
    for title, options in parts:
        seen = report.share_seen(problem_of(evaluated.env_id, options), learned)
        for one in report.passages(evaluated.decide, evaluated.env_id, options):
            note(f"reporting {one.name}, {len(one.gained):,} days ...")
            sections.append(report.section(one, f"{title}: {one.name}", seen))
    folder.mkdir(exist_ok=True)
    title = f"{name} on {evaluated.env_id}"
    write_whole(folder / PAGE, report.page(title, sections, command))
    return folder / PAGE
