"""The lecture's experiments: ``scripts/run_models.py --xp_id exp0 --dataset mnist``.

From IPython in this folder, as on the slide: ``run run_models --xp_id exp0 --dataset mnist``. Every
setting of an experiment's model is an option; ``--xp_id exp0 --help`` tells them.
"""

import sys

from hringur.notebook import run_script

if __name__ == "__main__":
    run_script(sys.argv[1:])
