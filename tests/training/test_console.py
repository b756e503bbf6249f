import io

from rich.console import Console

from hringur.training.config import Counters
from hringur.training.console import Bar, Lines, display
from hringur.training.displays import Display, clock, summary

HALF = Counters(steps=1200, samples=9600, seconds=83.2)


def test_summary_tells_share_headline_speed_and_time_left():
    line = summary(0.5, HALF, "gap/greedy 0.0123", 450.2)
    assert line == " 50%  gap/greedy 0.0123  step 1,200  450 samples/s  1:23 left"
    assert summary(1.0, HALF, "", 0.0) == "100%  step 1,200  1:23 in all"
    assert clock(3723.0) == "1:02:03"


def test_plain_lines_elsewhere_are_rare_and_the_last_one_is_never_left_out():
    out = io.StringIO()
    lines = Lines(Console(file=out, width=40))
    for step in range(1, 101):
        now = Counters(steps=step, samples=8 * step, seconds=step / 10)
        lines.show(step / 100, now, "gap/greedy [0.5]")
    lines.say("a line that is longer than the console is wide, yet stays one line")
    lines.close()
    shown = out.getvalue().splitlines()
    assert len(shown) == 3
    assert shown[0].startswith("  1%  gap/greedy [0.5]  step 1 ")
    assert shown[1] == "100%  gap/greedy [0.5]  step 100  80 samples/s  0:10 in all"
    assert "\x1b" not in out.getvalue()


def test_a_bar_on_a_terminal():
    out = io.StringIO()
    bar = Bar(Console(file=out, force_terminal=True, width=100))
    bar.show(0.5, HALF, "gap/greedy 0.0123")
    bar.say("[kept]")
    bar.show(1.0, HALF, "gap/greedy 0.0120")
    bar.close()
    assert "50%  gap/greedy 0.0123" in out.getvalue()
    assert "[kept]" in out.getvalue()
    assert "100%  gap/greedy 0.0120" in out.getvalue()


def test_the_display_fits_the_place_and_stdout_stays_free(capsys):
    plain = display()
    assert isinstance(plain, Lines)
    plain.show(0.5, HALF, "")
    silent = display(quiet=True)
    assert type(silent) is Display
    silent.show(0.5, HALF, "")
    silent.say("nothing")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
