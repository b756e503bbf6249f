"""One trainer, one checkpoint format, one run folder and one log for every learner.

``trainer.py`` has the loop and ``config.py`` its settings; ``run_folder.py`` and ``log.py`` write
the files.
"""

from hringur.faces import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "NoLog": "hringur.training.log",
        "RunFolder": "hringur.training.run_folder",
        "RunLog": "hringur.training.log",
        "TrainerConfig": "hringur.training.config",
        "display": "hringur.training.console",
        "make_fabric": "hringur.training.fabric",
        "seed_everything": "hringur.training.random_state",
        "train": "hringur.training.trainer",
    },
)
