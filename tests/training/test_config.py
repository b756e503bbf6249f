from hringur.training.config import Averages, Counters, Due


def test_averages_are_over_the_updates_that_told_a_tag():
    averages = Averages()
    averages.add({"a": 1.0, "b": 10.0})
    averages.add({"a": 2.0})
    assert averages.take() == {"a": 1.5, "b": 10.0}
    assert averages.take() == {}


def test_due_by_steps_by_seconds_by_both_and_never():
    def run(every_steps, every_seconds, first=0):
        due = Due(Counters(steps=first, seconds=0.5 * first), every_steps, every_seconds)
        moments = [Counters(steps=step, seconds=0.5 * step) for step in range(first + 1, 13)]
        return [now.steps for now in moments if due(now)]

    assert run(4, None) == [4, 8, 12]
    assert run(None, 1.5) == [3, 6, 9, 12]
    assert run(None, 1.4, first=2) == [5, 8, 11]
    assert run(4, 2.5) == [4, 8, 12]  # the seconds are counted from the last time, whatever it was
    assert run(None, None) == []


def test_due_by_samples_which_come_in_batches():
    due = Due(Counters(), samples=100)
    seen = [Counters(steps=k, samples=40 * k) for k in range(1, 9)]
    assert [now.samples for now in seen if due(now)] == [120, 240]
    late = Due(Counters(samples=1000), samples=100)
    assert not late(Counters(samples=1099)) and late(Counters(samples=1100))
