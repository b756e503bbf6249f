"""``python -m hringur`` is ``hringur``."""

import sys

from hringur.cli import main

sys.exit(main())
