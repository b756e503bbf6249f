"""What holds for every model of structures, as assertions that their tests call."""

from pathlib import Path

from hringur.training import checkpoint
from hringur.training.random_state import random_state, restore_random_state

METRICS = Path(__file__).parents[2] / "docs" / "metrics.md"


def resumes_to_the_same_scalars(make, path):
    """Three updates and an evaluation, unbroken and from a file, are equal bit for bit."""
    model = make()
    batches = model.batches()
    for _ in range(3):
        model.update(next(batches), 0.1)
    own = {"learner": model.state_dict(), "batches": batches.state_dict()}
    checkpoint.save(path, own | {"random": random_state()})
    unbroken = [model.update(next(batches), 0.5) for _ in range(3)] + [model.evaluate()]
    resumed, state = make(), checkpoint.load(path)
    following = resumed.batches()
    resumed.load_state_dict(state["learner"])
    following.load_state_dict(state["batches"])
    restore_random_state(state["random"])
    again = [resumed.update(next(following), 0.5) for _ in range(3)] + [resumed.evaluate()]
    assert again == unbroken


def every_tag_is_documented(model):
    """Metrics and pictures all stand in docs/metrics.md."""
    tags = [*model.update(next(model.batches()), 0.5), *model.evaluate(), *model.figures()]
    documented = METRICS.read_text(encoding="utf-8")
    assert all(f"`{tag}`" in documented for tag in tags)
