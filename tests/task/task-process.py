"""Runs a command as the operator runs Node, and prints what came of it. The one argument says which, as JSON."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import threading
import time
from typing import Any

from dagline_airflow.process import TaskProcess


class Log:
    """As slow as it is told to be; keeps the lengths of lines that are long."""

    def __init__(self, seconds_each: float) -> None:
        self.lines: list[str] = []
        self._seconds = seconds_each

    def _keep(self, level: str, line: str) -> None:
        time.sleep(self._seconds)
        self.lines.append(level + line)

    def info(self, _: str, line: str) -> None:
        self._keep("", line)

    def warning(self, _: str, line: str) -> None:
        self._keep("W ", line)

    def error(self, _: str, line: str) -> None:
        self._keep("E ", line)


def run(case: dict[str, Any]) -> dict[str, Any]:
    log: Any = Log(case.get("seconds_each", 0))
    with tempfile.TemporaryDirectory() as folder:
        process = TaskProcess(
            case["command"], environment=dict(os.environ), folder=folder, log=log
        )
        signal.signal(signal.SIGTERM, lambda *_: process.stop())
        if "stop_after" in case:
            stop = threading.Timer(
                case["stop_after"], lambda: os.kill(os.getpid(), signal.SIGTERM)
            )
            stop.start()
        started = time.monotonic()
        code = process.run(b"{}")
        seconds = time.monotonic() - started
    lines = log.lines
    return {
        "code": code,
        "seconds": seconds,
        "count": len(lines),
        "characters": sum(map(len, lines)),
        "last": [line[:200] for line in lines[-3:]],
        "out_of_heap": process.out_of_heap,
        "was_stopped": process.was_stopped,
        "largest": process.largest_megabytes(),
    }


print(json.dumps(run(json.loads(sys.argv[1]))))
