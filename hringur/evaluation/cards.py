"""Model cards for the Hugging Face Hub: Markdown for a reader below YAML for the Hub.

The YAML names library and tags, and has the figures in the form of a model index; huggingface_hub
writes it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from hringur.evaluation.generative.report import COLUMNS
from hringur.types import optional

AGENT_TASK = "reinforcement-learning"
MODEL_TASKS = {"images": "unconditional-image-generation"}
"""The Hub's name of a task, by what a model is of."""

LEARNED = {
    "mean_gap": ("mean gap to the optimum [%]", 100.0),
    "gap": ("gap to the optimum [%]", 100.0),
    "mean_return": ("mean return", 1.0),
}
"""Heading and factor of an agent's figures, by their key in what ``hringur evaluate`` records."""


class Figure(NamedTuple):
    """One measured number."""

    kind: str
    words: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a model card says."""

    repo_id: str
    learner: str
    """name in the registry"""
    of: str | None
    """what a generative model is of; None: it is an agent"""
    data: str
    """environment or data set"""
    version: str
    """of Hringur"""
    made_by: str
    """the command that trained it, or how else it was made"""
    settings: Mapping[str, Any]
    command: str
    """that measured"""
    record: Mapping[str, Any]
    """what it recorded; empty where nothing was measured"""
    tables: str
    """its tables, in Markdown"""
    pictures: Sequence[str] = ()
    """names of files beside the card"""

    def text(self) -> str:
        """The whole file README.md."""
        what = "An agent" if self.of is None else f"A model of {self.of}"
        options = "".join(f", {key}: {value}" for key, value in self.settings.items())
        name = "agent" if self.of is None else "model"
        parts = [
            f"---\n{self.metadata()}\n---",
            f"# {self.repo_id}",
            f"{what} of the kind `{self.learner}`, trained on `{self.data}`{options} with Hringur"
            f" {self.version}.",
            *(f"![{picture.partition('.')[0]}]({picture})" for picture in self.pictures),
            f"## Figures\n\n{self.measured()}",
            f"## Made by\n\n{self.made_by}",
            "## Use",
            "```python\nimport hringur  # pip install 'hringur[hub]'\n\n"
            f'{name} = hringur.from_pretrained("{self.repo_id}")\n```',
            f"On the command line `hub:{self.repo_id}` stands wherever a run can. Opening it"
            " executes nothing: weights and settings are safetensors and JSON.",
        ]
        return "\n\n".join(parts) + "\n"

    def measured(self) -> str:
        """The tables and the command that measures again."""
        if not self.record:
            return "Nothing was measured."
        again = f"Intervals are 95 %. Measured by\n\n```\n{self.command}\n```"
        return f"{self.tables.strip()}\n\n{again}"

    def metadata(self) -> str:
        """YAML between the rules, by huggingface_hub."""
        client = optional("huggingface_hub", "a model card", "hub")
        task = AGENT_TASK if self.of is None else MODEL_TASKS.get(self.of)
        results = [
            client.EvalResult(
                task_type=task or "other",
                dataset_type=self.data,
                dataset_name=self.data,
                metric_type=figure.kind,
                metric_name=figure.words,
                metric_value=figure.value,
            )
            for figure in figures(self.record)
        ]
        data = client.ModelCardData(
            library_name="hringur",
            tags=["hringur", self.learner, self.data, *([AGENT_TASK] if self.of is None else [])],
            pipeline_tag=task,
            model_name=self.repo_id.rpartition("/")[2],
            eval_results=results or None,
        )
        return data.to_yaml()


def figures(record: Mapping[str, Any]) -> list[Figure]:
    """The learned figures of a record with their intervals; references are in the tables only."""
    found = []
    for score in record.get("scores", ()):
        for key, (words, factor) in LEARNED.items() if score["kind"] == "learned" else ():
            if (value := score.get(key)) is None or f"{key}_interval" not in score:
                continue
            bounds = [round(factor * one, 6) for one in score[f"{key}_interval"] if one is not None]
            how = f", {score['decoding']}" if score.get("decoding") else ""
            bounded = len(bounds) == 2 and bounds[0] < bounds[1]
            interval = f", 95 % [{bounds[0]:.4g}, {bounds[1]:.4g}]" if bounded else ""
            found.append(Figure(key, f"{words}{how}{interval}", round(factor * value, 6)))
    rows = record.get("rows", {}).values()
    own: Mapping[str, float] = next(iter(rows), {})  # those below are references
    found += [
        Figure(tag.rpartition("/")[2], COLUMNS[tag][0], own[tag]) for tag in COLUMNS if tag in own
    ]
    return [figure for figure in found if math.isfinite(figure.value)]
