"""Commands from standard input, a line of JSON each, run in children of this process."""

import json
import sys
import tempfile
from pathlib import Path

from tests.fuzz.call import Started, import_all

SECONDS = 300.0
"""after which a command counts as hung"""


def main() -> None:
    """Answer with exit code, output and errors of each."""
    import_all()
    with tempfile.TemporaryDirectory() as temporary:
        for line in sys.stdin:
            arguments, folder = json.loads(line)
            started = Started(arguments, Path(folder), output=Path(temporary) / "it")
            outcome = started.outcome(SECONDS)
            print(json.dumps([outcome.code, outcome.out, outcome.err]), flush=True)


if __name__ == "__main__":
    main()
