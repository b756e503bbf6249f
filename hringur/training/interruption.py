"""Ctrl-C and SIGTERM as a polite request: the update under way is finished first."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Interruption:
    """While entered, remembers the first Ctrl-C or SIGTERM; a second Ctrl-C acts at once."""

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():  # only there may it be set
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) is signal.SIG_IGN:  # as a shell's background job
                    continue
                self._before[number] = signal.signal(number, self._request)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number in list(self._before):
            self._restore(number)

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        if number == signal.SIGINT:  # torchrun may send SIGTERM twice, a hurried user means it
            self._restore(number)

    def _restore(self, number: int) -> None:
        if number in self._before:
            signal.signal(number, self._before.pop(number) or signal.SIG_DFL)
