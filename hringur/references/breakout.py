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
DOPAMINE = "Castro et al. 2018, google/dopamine, baselines/atari/data/breakout.json"
TRAINING = "mean of the last 100 games while training, sampled actions, no-ops, no sticky actions"


@dataclass(frozen=True, kw_only=True)
class PublishedScore:
    """A mean score, and how it came about."""

    player: str
    score: float
    frames: float | None
    """emulated frames of training [millions]; four of them are one decision"""

    protocol: str
    source: str


PUBLISHED = (
    PublishedScore(
        player="random play",
        score=1.7,
        frames=None,
        protocol=NO_OPS,
        source="Mnih et al. 2015, extended data table 2",
    ),
    PublishedScore(
        player="human, professional tester",
        score=31.8,
        frames=None,
        protocol="2 hours of practice, then about 20 games of at most 5 minutes",
        source="Mnih et al. 2015, extended data table 2",
    ),
    PublishedScore(
        player="human",
        score=30.5,
        frames=None,
        protocol=NO_OPS,
        source="Wang et al. 2016, table of raw scores",
    ),
    PublishedScore(
        player="DQN",
        score=401.2,
        frames=200.0,
        protocol=f"{NO_OPS}; 5 % random actions, games of at most 5 minutes, best network kept",
        source="Mnih et al. 2015, extended data table 2",
    ),
    PublishedScore(
        player="A3C, feed-forward",
        score=681.9,
        frames=None,
        protocol=f"{HUMAN_STARTS}; 4 days on 16 cores, best of many runs",
        source="Mnih et al. 2016, table of raw scores",
    ),
    PublishedScore(
        player="A3C, recurrent",
        score=766.8,
        frames=None,
        protocol=f"{HUMAN_STARTS}; 4 days on 16 cores, best of many runs",
        source="Mnih et al. 2016, table of raw scores",
    ),
    PublishedScore(
        player="A2C",
        score=303.0,
        frames=40.0,
        protocol=TRAINING,
        source="Schulman et al. 2017, table 6",
    ),
    PublishedScore(
        player="PPO",
        score=274.8,
        frames=40.0,
        protocol=TRAINING,
        source="Schulman et al. 2017, table 6",
    ),
    PublishedScore(
        player="Rainbow",
        score=417.5,
        frames=200.0,
        protocol=f"{NO_OPS}; best network kept",
        source="Hessel et al. 2018, table 6",
    ),
    PublishedScore(
        player="DQN of Dopamine, early",
        score=38.8,
        frames=15.0,
        protocol=STICKY,
        source=DOPAMINE,
    ),
    PublishedScore(
        player="Rainbow of Dopamine, early",
        score=62.2,
        frames=15.0,
        protocol=STICKY,
        source=DOPAMINE,
    ),
    PublishedScore(
        player="DQN of Dopamine",
        score=96.2,
        frames=199.0,
        protocol=STICKY,
        source=DOPAMINE,
    ),
    PublishedScore(
        player="Rainbow of Dopamine",
        score=120.1,
        frames=199.0,
        protocol=STICKY,
        source=DOPAMINE,
    ),
    PublishedScore(
        player="A2C of Stable-Baselines3",
        score=279.8,
        frames=40.0,
        protocol="no-ops, no sticky actions, 4 buttons, 82 games, one run",
        source="RL Baselines3 Zoo, benchmark.md",
    ),
    PublishedScore(
        player="DQN of Stable-Baselines3",
        score=358.3,
        frames=40.0,
        protocol="no-ops, no sticky actions, 4 buttons, 55 games, one run",
        source="RL Baselines3 Zoo, benchmark.md",
    ),
    PublishedScore(
        player="PPO of Stable-Baselines3",
        score=398.0,
        frames=40.0,
        protocol="no-ops, no sticky actions, 4 buttons, 60 games, one run",
        source="RL Baselines3 Zoo, benchmark.md",
    ),
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
