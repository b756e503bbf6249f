"""The number of threads: chosen by pace, given up beside busy programs, fixed where runs repeat."""

import pytest
import torch

from hringur.training.config import TrainerConfig
from hringur.training.threads import Threads, chosen_by_pace, crowded


@pytest.fixture
def four(request):
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


class Machine:
    """Samples a second by the number of threads; more than are free make every thread wait."""

    def __init__(self, speed, free=4):
        self.speed, self.free, self.said = speed, free, []
        self.threads = Threads(self.said.append, lambda number: number > self.free)

    def train(self, updates):
        """The number of threads of each update."""
        used = []
        for _ in range(updates):
            now = torch.get_num_threads()
            seconds = 64 / self.speed[now] * (1 if now <= self.free else 100)
            self.threads.after(64, seconds)
            used.append(now)
        return used


SPEED = {1: 100.0, 2: 180.0, 3: 240.0, 4: 290.0}


def test_all_threads_on_a_quiet_machine_after_one_was_measured(four):
    machine = Machine(SPEED)
    assert machine.train(10) == [1, 1, 1] + [4] * 7 and machine.said == []
    machine.threads.close()
    assert torch.get_num_threads() == 4


def test_one_thread_where_more_are_slower(four):
    machine = Machine(SPEED | {4: 80.0})
    used = machine.train(30)
    assert used[3:5] == [4, 4] and used[6:] == [1] * 24 and machine.said == []


def test_threads_that_wait_are_given_up_after_one_update_and_taken_again(four):
    machine = Machine(SPEED)
    machine.train(20)
    machine.free = 3
    assert machine.train(3) == [4, 3, 3]
    machine.free = 1
    assert machine.train(3) == [3, 1, 1]
    machine.free = 4
    assert machine.train(40)[-1] == 4
    assert machine.said == [
        "threads: 3, as another program keeps a processor busy",
        "threads: 4, as the machine is quiet again",
    ]


def test_a_machine_that_is_busy_from_the_start_is_told(four):
    machine = Machine(SPEED, free=1)
    assert set(machine.train(40)) == {1}
    assert machine.said == ["threads: 1, as another program keeps a processor busy"]


def test_where_a_run_repeats_itself_the_number_is_fixed(four):
    assert chosen_by_pace(TrainerConfig(seconds=1.0, device="cpu"))
    for fixed in ({"steps": 3}, {"samples": 9}, {"seconds": 1.0, "threads": 2}):
        assert not chosen_by_pace(TrainerConfig(device="cpu", **fixed))
    torch.set_num_threads(1)
    assert not chosen_by_pace(TrainerConfig(seconds=1.0, device="cpu"))


def test_a_probe_leaves_the_number_as_it_was(four):
    assert crowded(1) is False and torch.get_num_threads() == 4
