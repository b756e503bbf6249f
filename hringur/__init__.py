"""Neural networks that make discrete decisions, with the gap to the optimum on the table.

Importing the package registers its environments with Gymnasium; torch is imported with the first
agent or model. ``load`` opens whatever was trained or saved.
"""

from hringur import interrupts as interrupts  # first: the others take their time

# isort: split

from typing import TYPE_CHECKING, Any

from gymnasium.envs.registration import register

from hringur import moved
from hringur.faces import lazy
from hringur.registry import ENVIRONMENTS, NAMESPACE

if TYPE_CHECKING:
    from hringur.agents.reinforce.agent import Reinforce as Reinforce
    from hringur.agents.tours.agent import TourAgent as TourAgent
    from hringur.trained import from_pretrained as from_pretrained
    from hringur.trained import load as load

_get, __dir__, __all__ = lazy(
    __name__,
    {
        "agents.reinforce.agent": "Reinforce",
        "agents.tours.agent": "TourAgent",
        "trained": "load from_pretrained",
    },
)

for env_id, row in ENVIRONMENTS.items():
    for name in (env_id, NAMESPACE + env_id):
        register(name, row.factory, vector_entry_point=row.vector)
del env_id, row, name
moved.redirect()


def load_ipython_extension(shell: Any) -> None:
    """What ``%load_ext hringur`` calls: the lecture's cells then work from any folder."""
    from hringur.notebook import load_extension

    load_extension(shell)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("hringur")
    return _get(name)
