"""All figures of a model's strings beside its references: ``score_strings``."""

from typing import Any

from hringur.evaluation.generative.report import GenerativeReport
from hringur.evaluators.strings import StringEvaluator
from hringur.types import Metrics

RECONSTRUCTED = 1_000
"""Held-out strings that are encoded and decoded."""


def score_strings(model: Any, evaluator: StringEvaluator, seed: int = 0) -> GenerativeReport:
    """Samples of the prior and of the fitted density, under each mask, and the data's halves."""
    masks = {"": "grammar"}
    if "valence" in model.masks:
        masks[", valence kept"] = "valence"
    own = {"evaluation/reconstructed_percent": model.reconstructed_percent(RECONSTRUCTED)}
    rows: dict[str, Metrics] = {}
    for density, name in {"fitted": "fitted density", "prior": "prior"}.items():
        for words, mask in masks.items():
            made = model.sample(evaluator.count, density=density, seed=seed, mask=mask)
            rows[name + words] = own | evaluator.measure(made)
    made = model.untrained().sample(evaluator.count, seed=seed)
    rows["untrained model"] = evaluator.measure(made)
    rows["the data's halves"] = evaluator.halves
    return GenerativeReport(evaluator.strings.name, evaluator.count, rows, "strings")
