"""The process of Node that runs a task, with all that it starts: what it prints, how it ended, and its end by force."""

from __future__ import annotations

import codecs
import fcntl
import os
import re
import resource
import select
import signal
import subprocess
import sys
import termios
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from logging import Logger

# Airflow's supervisor kills a task 5 s after it told it to stop; Node must be gone by then.
_TERM_SECONDS = 4
# A process that the function left behind may hold stdout open: the task has ended all the same.
_LEFT_BEHIND_SECONDS = 2
_PIECE = 65_536
_HELD_PIECES = 16
# V8's last words when a limit of its own is reached: https://nodejs.org/api/cli.html#--max-old-space-sizesize-in-mib
_OUT_OF_HEAP = re.compile(
    r"FATAL ERROR: .*heap out of memory|Fatal (process|JavaScript) (OOM|out of memory|invalid size)"
)


class TaskProcess:
    """
    Starts a command as the leader of a process group of its own.

    :param log: gets each line that the group prints to stdout or stderr; a first word ERROR or WARNING sets the level
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: dict[str, str],
        folder: str,
        log: Logger,
    ) -> None:
        self._lines = _Lines(log)
        self._held: deque[bytes] = deque()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self._output = self._process.stdout.fileno()
        # A signal's handler may have read what select() promised.
        os.set_blocking(self._output, False)
        self.was_stopped = False

    @property
    def out_of_heap(self) -> bool:
        return self._lines.out_of_heap

    def run(self, document: bytes) -> int:
        """Gives the process its document, logs what it prints, and returns its exit code, or a signal's number below zero."""
        try:
            self._send(document)
            self._follow()
            return self._process.wait()
        except BaseException:
            # A timeout: raised in here while waiting for a line.
            self.stop()
            raise
        finally:
            _signal_group(self._process.pid, signal.SIGKILL)
            self._log_held()
            self._lines.end()

    def stop(self) -> None:
        """Ends the group: TERM, then KILL. Node may be waiting for a reader of what it prints, so that is read meanwhile, and logged later."""
        if self._process.poll() is None:
            self.was_stopped = True
            _signal_group(self._process.pid, signal.SIGTERM)
            last = time.monotonic() + _TERM_SECONDS
            while self._process.poll() is None and time.monotonic() < last:
                if len(self._held) < _HELD_PIECES and (piece := self._read(0.05)):
                    self._held.append(piece)
                else:
                    time.sleep(0.05)
        _signal_group(self._process.pid, signal.SIGKILL)

    def largest_megabytes(self) -> int:
        """The most memory that a child of this process has had resident."""
        unit = 1 if sys.platform == "darwin" else 1024
        return (
            resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit // 1_000_000
        )

    def _send(self, document: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(document + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            self._lines.log.error("the task's process ended before it read what to do")

    def _follow(self) -> None:
        """Until all that Node printed is logged, however slowly, and nobody else is to be waited for."""
        unread, last = 0, None
        while True:
            piece = self._read(0.5)
            if last is None and self._process.poll() is not None:
                unread = _bytes_in(self._output) + len(piece or b"")
                last = time.monotonic() + _LEFT_BEHIND_SECONDS
            if piece:
                unread -= len(piece)
                self._lines.feed(piece)
                self._log_held()
            if piece == b"":
                return
            if last is not None and unread <= 0 and time.monotonic() > last:
                return

    def _read(self, seconds: float) -> bytes | None:
        """A piece of what was printed; None when there is none so far, empty when there will be no more."""
        try:
            if select.select([self._output], [], [], seconds)[0]:
                return os.read(self._output, _PIECE)
        except BlockingIOError:
            pass
        return None

    def _log_held(self) -> None:
        while self._held:
            self._lines.feed(self._held.popleft())


class _Lines:
    """Cuts what arrives into lines for the log; a line without end is logged in pieces, so that it needs no memory without end."""

    def __init__(self, log: Logger) -> None:
        self.log = log
        self.out_of_heap = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, piece: bytes, final: bool = False) -> None:
        *lines, self._rest = (self._rest + self._decoder.decode(piece, final)).split(
            "\n"
        )
        for line in lines:
            self._write(line)
        if len(self._rest) >= _PIECE:
            self._write(self._rest)
            self._rest = ""

    def end(self) -> None:
        self.feed(b"", final=True)
        if self._rest:
            self._write(self._rest)
            self._rest = ""

    def _write(self, line: str) -> None:
        line = line.rstrip("\r")
        if _OUT_OF_HEAP.search(line):
            self.out_of_heap = True
        if line.startswith("ERROR "):
            self.log.error("%s", line[6:])
        elif line.startswith("WARNING "):
            self.log.warning("%s", line[8:])
        else:
            self.log.info("%s", line)


def _bytes_in(pipe: int) -> int:
    return int.from_bytes(
        fcntl.ioctl(pipe, termios.FIONREAD, b"\0\0\0\0"), sys.byteorder
    )


def _signal_group(pid: int, what: signal.Signals) -> None:
    try:
        os.killpg(pid, what)
    except (ProcessLookupError, PermissionError):
        # Nothing of the group is left; macOS says so with EPERM while a zombie is.
        pass
