"""The ceiling brick by brick; every published score says where it is from."""

from hringur.references.breakout import CEILING, PUBLISHED, RANDOM_PLAY


def test_the_ceiling_is_two_walls_brick_by_brick():
    points = 0
    for _wall in range(2):
        for row in range(6):
            for _brick in range(18):
                points += (1, 4, 7)[row // 2]
    assert points == CEILING == 864


def test_every_published_score_says_where_it_is_from_and_how_it_came_about():
    for one in PUBLISHED:
        assert 0 < one.score < CEILING
        assert one.source and one.protocol and one.player
    assert len({one.player for one in PUBLISHED}) == len(PUBLISHED)


def test_random_play_is_near_what_is_published():
    published = next(one.score for one in PUBLISHED if one.player == "random play")
    assert RANDOM_PLAY.low < RANDOM_PLAY.mean < RANDOM_PLAY.high
    assert abs(RANDOM_PLAY.mean - published) < 1.0 and RANDOM_PLAY.games >= 500
