import numpy as np

from tests.scripts.loading import load_script

changes = load_script("record_breakout").changes


def test_runs_of_changes_make_the_next_picture_of_the_last():
    rng = np.random.default_rng(0)
    before = rng.integers(3, size=200).astype(np.uint8)
    now = np.where(rng.random(200) < 0.3, rng.integers(3, size=200), before).astype(np.uint8)
    painted, place = before.copy(), 0
    for skipped, length, colour in np.reshape(changes(before, now), (-1, 3)):
        assert length > 0 and (painted[place + skipped : place + skipped + length] != colour).all()
        painted[place + skipped : place + skipped + length] = colour
        place += skipped + length
    np.testing.assert_array_equal(painted, now)
    assert changes(now, now) == []
