"""``push_to_hub`` and ``from_pretrained``: what agents and models have for the Hugging Face Hub."""

from pathlib import Path
from pkgutil import resolve_name
from typing import Any, TypeVar

from hringur.data.hub import fetch

Own = TypeVar("Own", bound="Shared")

PUSH = "hringur.commands.push:push_learner"
"""What measures and sends; it lies above agents and models, as their evaluations do."""


class Shared:
    """Goes to the Hub and comes back (extra ``hub``)."""

    @classmethod
    def load(cls, path: str | Path, *args: Any, **options: Any) -> Any:
        """What is in a file."""
        raise NotImplementedError

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool = False,
        measure: bool = True,
        count: int | None = None,
        message: str = "",
    ) -> str:
        """Send weights, settings, a model card with figures, and a film or pictures.

        Args:
            repo_id: ``user/name``; it is made if it is not there.
            private: of a repository that is made.
            measure: whether the card has the figures of ``hringur evaluate``, measured now.
            count: take so many held-out episodes, instances, images; as ``hringur evaluate`` if
                None.
            message: of the commit.

        Returns:
            The address of the commit.
        """
        options = {"private": private, "measure": measure, "count": count, "message": message}
        return resolve_name(PUSH)(self, repo_id, **options)

    @classmethod
    def from_pretrained(cls, repo_id: str, revision: str | None = None, **options: Any) -> Any:
        """What ``push_to_hub`` or ``hringur push`` sent; nothing that came is executed.

        Args:
            repo_id: ``user/name``.
            revision: a branch, tag or commit of it.
            options: of ``load``, such as ``device``.
        """
        return cls.load(fetch(f"{repo_id}@{revision}" if revision else repo_id), **options)
