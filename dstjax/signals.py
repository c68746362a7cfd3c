"""Ctrl-C and SIGTERM as a wish to stop at the next chunk boundary."""

import os
import signal
import socket
import threading
from collections.abc import Callable
from types import TracebackType

INTERRUPTED = 130
"""Exit code after Ctrl-C, by convention 128 + SIGINT."""


class StopSignals:
    """While it is entered, the first signal is noted and announced; a second Ctrl-C leaves at once.

    Python runs signal handlers between bytecodes of the main thread, so none would run during a chunk, which may be
    minutes inside XLA. The wake-up socket is written by the C handler itself, and a thread that waits on it answers.

    Args:
      announce: called from that thread with a line for the user.
    """

    def __init__(self, announce: Callable[[str], None]) -> None:
        self._announce = announce
        self.received: signal.Signals | None = None

    @property
    def exit_code(self) -> int:
        """What to exit with once the run is saved."""
        return INTERRUPTED if self.received == signal.SIGINT else 0

    def __enter__(self) -> "StopSignals":
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._handlers = {number: signal.signal(number, self._note) for number in _WATCHED}
        self._wakeup = signal.set_wakeup_fd(self._writer.fileno())
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._writer.close()
        self._thread.join()
        self._reader.close()

    def _watch(self) -> None:
        announced = False
        while number := self._reader.recv(1):
            if number[0] not in _WATCHED:
                continue
            if announced and number[0] == signal.SIGINT:
                os._exit(INTERRUPTED)
            if not announced:
                announced = True
                self._note(number[0])
                self._announce("stopping: finishing the chunk and saving; Ctrl-C now leaves at once, without saving")

    def _note(self, number: int, frame: object = None) -> None:
        """Remember the first signal; also the handler in the main thread, where it takes effect without delay."""
        if self.received is None:
            self.received = signal.Signals(number)


_WATCHED = (signal.SIGINT, signal.SIGTERM)
