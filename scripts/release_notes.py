"""The changelog's newest section, for the tag of a release; and the commands that make one.

    python scripts/release_notes.py > notes.md

Nothing is tagged or uploaded: the commands are printed, on stderr.
"""

import re
import sys
from pathlib import Path

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"


def newest(changelog: str) -> tuple[str, str]:
    """Version and text of the newest section."""
    found = re.search(r"^## (\S+)[^\n]*\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    if found is None:
        raise SystemExit("CHANGELOG.md has no section")
    return found[1], found[2].strip()


def main() -> None:
    version, text = newest(CHANGELOG.read_text(encoding="utf-8"))
    print(text)
    print(
        f"git tag -a v{version} --cleanup=verbatim -F notes.md\n"
        f"python -m twine upload dist/hringur-{version}*",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
