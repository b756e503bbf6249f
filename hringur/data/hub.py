"""Models on the Hugging Face Hub, through its own client (extra ``hub``).

A model there is two files: ``model.safetensors`` and ``config.json``. Nothing else is fetched, and
reading them executes nothing. Which Hub, and with which token: the client's own variables
``HF_ENDPOINT`` and ``HF_TOKEN``, or ``hf auth login``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hringur.data.files import reason_of
from hringur.types import UserError, optional

PREFIX = "hub:"
"""Begins the name of a model of the Hub where a run or a file could stand as well."""

CONFIG, WEIGHTS = "config.json", "model.safetensors"


def fetch(name: str) -> Path:
    """The weights of ``user/name``, or of ``user/name@revision``; the settings lie beside them.

    Raises:
        UserError: there is no such model or revision, it is no model of this package, or the Hub
            cannot be reached.
    """
    repo_id, _, revision = name.partition("@")
    with _asking(repo_id):
        folder = Path(
            _client().snapshot_download(
                repo_id, revision=revision or None, allow_patterns=[CONFIG, WEIGHTS]
            )
        )
    for file in (CONFIG, WEIGHTS):
        if not (folder / file).is_file():
            raise UserError(f"{name} on the Hub is no model of Hringur: it has no {file}")
    return folder / WEIGHTS


def check(repo_id: str, private: bool = False) -> None:
    """Ask who sends: what is wrong with name or token is seen early.

    Nothing is made yet, unless the Hub does not say that the name is one of the sender's.
    """
    with _asking(repo_id):
        validate = optional("huggingface_hub.utils", "the Hugging Face Hub", "hub").validate_repo_id
        validate(repo_id)
        if "/" not in repo_id:
            raise UserError(_NO_NAME.format(repo_id))
        sender = _client().whoami()
        names = [sender["name"], *(one["name"] for one in sender.get("orgs", []))]
        if repo_id.partition("/")[0] not in names:
            _client().create_repo(repo_id, private=private, exist_ok=True)


def send(folder: Path, repo_id: str, message: str, private: bool = False) -> str:
    """Commit all files of ``folder``, to a repository that is made unless it is there.

    Returns the address of the commit.
    """
    with _asking(repo_id):
        _client().create_repo(repo_id, private=private, exist_ok=True)
        sent = _client().upload_folder(repo_id=repo_id, folder_path=folder, commit_message=message)
    return str(sent.commit_url)


def _client() -> Any:
    return optional("huggingface_hub", "the Hugging Face Hub", "hub")


@contextmanager
def _asking(repo_id: str) -> Iterator[None]:
    """Turn what the client raises into one line."""
    errors = optional("huggingface_hub.errors", "the Hugging Face Hub", "hub")
    try:
        yield
    except errors.HFValidationError as error:
        raise UserError(_NO_NAME.format(repo_id)) from error
    except errors.LocalTokenNotFoundError as error:
        raise UserError(f"the Hub wants a token for {repo_id}: {_LOG_IN}") from error
    except errors.RevisionNotFoundError as error:
        raise UserError(f"the Hub has no such revision of {repo_id}") from error
    except errors.HfHubHTTPError as error:
        raise UserError(_refusal(repo_id, error.response.status_code)) from error
    except errors.LocalEntryNotFoundError as error:
        raise UserError(f"{repo_id} is not in the cache, and {_UNREACHED}") from error
    except (errors.HTTPError, OSError, RuntimeError, ValueError) as error:
        raise UserError(f"{repo_id}: {_UNREACHED} ({reason_of(error)})") from error


_UNREACHED = "the Hub cannot be reached"
_NO_NAME = "a model of the Hub must be user/name, got {!r}"
_LOG_IN = "set HF_TOKEN, or hf auth login"


def _refusal(repo_id: str, status: int) -> str:
    """What an answer of the Hub means."""
    if status in (401, 403, 404):
        return (
            f"the Hub has no {repo_id} for this token (answer {status}):"
            " check the name, and HF_TOKEN or hf auth login"
        )
    return f"the Hub refuses {repo_id} (answer {status})"
