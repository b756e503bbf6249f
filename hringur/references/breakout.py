"""Scores to hold a Breakout player against: the ceiling, published ones, and random play.

The ceiling follows from the rules. A wall has 6 rows of 18 bricks, worth 1, 1, 4, 4, 7 and 7
points from below; once it is gone a second one is put up, and after that none:

    2 * 18 * (1 + 1 + 4 + 4 + 7 + 7) = 864.

Published scores come from different protocols, and each says which: without sticky actions the
game hardly varies, and where a life is served by the player, four buttons are needed.
"""

from dataclasses import dataclass

BRICKS_PER_ROW = 18
POINTS_OF_ROWS = (1, 1, 4, 4, 7, 7)
WALLS = 2
CEILING = WALLS * BRICKS_PER_ROW * sum(POINTS_OF_ROWS)

NO_OPS = "up to 30 no-ops before a game, no sticky actions, 4 buttons"
HUMAN_STARTS = "games begin at points of human games, no sticky actions, 4 buttons"
STICKY = "sticky actions 0.25, 4 buttons, mean of 5 runs as they stood then"
TRAINING = "mean of the last 100 games while training, sampled actions, no-ops, no sticky actions"
TESTER = "2 hours of practice, then about 20 games of at most 5 minutes"
ZOO = "no-ops, no sticky actions, 4 buttons, {} games, one run"

MNIH_2015 = "Mnih et al. 2015, extended data table 2"
MNIH_2016 = "Mnih et al. 2016, table of raw scores"
WANG = "Wang et al. 2016, table of raw scores"
SCHULMAN = "Schulman et al. 2017, table 6"
HESSEL = "Hessel et al. 2018, table 6"
DOPAMINE = "Castro et al. 2018, google/dopamine, baselines/atari/data/breakout.json"
SB3 = "RL Baselines3 Zoo, benchmark.md"


@dataclass(frozen=True)
class PublishedScore:
    """A mean score, and how it came about."""

    player: str
    score: float
    frames: float | None
    """emulated frames of training [millions]; four of them are one decision"""

    protocol: str
    source: str


DQN = f"{NO_OPS}; 5 % random actions, games of at most 5 minutes, best network kept"
A3C = f"{HUMAN_STARTS}; 4 days on 16 cores, best of many runs"
PUBLISHED = (
    PublishedScore("random play", 1.7, None, NO_OPS, MNIH_2015),
    PublishedScore("human, professional tester", 31.8, None, TESTER, MNIH_2015),
    PublishedScore("human", 30.5, None, NO_OPS, WANG),
    PublishedScore("DQN", 401.2, 200.0, DQN, MNIH_2015),
    PublishedScore("A3C, feed-forward", 681.9, None, A3C, MNIH_2016),
    PublishedScore("A3C, recurrent", 766.8, None, A3C, MNIH_2016),
    PublishedScore("A2C", 303.0, 40.0, TRAINING, SCHULMAN),
    PublishedScore("PPO", 274.8, 40.0, TRAINING, SCHULMAN),
    PublishedScore("Rainbow", 417.5, 200.0, f"{NO_OPS}; best network kept", HESSEL),
    PublishedScore("DQN of Dopamine, early", 38.8, 15.0, STICKY, DOPAMINE),
    PublishedScore("Rainbow of Dopamine, early", 62.2, 15.0, STICKY, DOPAMINE),
    PublishedScore("DQN of Dopamine", 96.2, 199.0, STICKY, DOPAMINE),
    PublishedScore("Rainbow of Dopamine", 120.1, 199.0, STICKY, DOPAMINE),
    PublishedScore("A2C of Stable-Baselines3", 279.8, 40.0, ZOO.format(82), SB3),
    PublishedScore("DQN of Stable-Baselines3", 358.3, 40.0, ZOO.format(55), SB3),
    PublishedScore("PPO of Stable-Baselines3", 398.0, 40.0, ZOO.format(60), SB3),
)


@dataclass(frozen=True, kw_only=True)
class MeasuredScore:
    """A mean score of our own, with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float
    games: int
    protocol: str


RANDOM_PLAY = MeasuredScore(
    mean=1.52,
    low=1.40,
    high=1.64,
    games=512,
    protocol="sticky actions 0.25, no no-ops, Left, Wait and Right equally often",
)
"""Made again by ``python scripts/benchmark_breakout.py --part random --num-envs 32``."""
