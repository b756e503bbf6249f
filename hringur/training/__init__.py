"""One trainer, one checkpoint format, one run folder and one log for every learner.

``trainer.py`` has the loop, ``config.py`` its settings, ``run_folder.py`` what is kept of a run.
"""

from hringur.faces import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "config": "TrainerConfig",
        "console": "display",
        "fabric": "make_fabric",
        "log": "NoLog RunLog",
        "random_state": "seed_everything",
        "run_folder": "RunFolder",
        "trainer": "train",
    },
)
