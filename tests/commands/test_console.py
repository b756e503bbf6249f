"""What commands say besides their results."""

from hringur.commands import console


def test_long_work_says_every_ten_seconds_how_far_it_is(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    patience = console.Patience("episodes", 1_000)
    for second in range(25):
        now[0] = 100.0 + second
        patience(40 * second, 300 * second)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "400 of 1,000 episodes over after 3,000 decisions",
        "800 of 1,000 episodes over after 6,000 decisions",
    ]
