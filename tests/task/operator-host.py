"""
Runs operators as Airflow's task process does, without Airflow's database: each line on stdin is a JSON document that says what to do.

As Airflow does, it imports Airflow once and forks for each task. Prints `{"started": PID}` for each line, in order, and `{"ended": PID}`.
"""

from __future__ import annotations

import json
import logging
import os
import selectors
import signal
import sys
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow.sdk.execution_time.timeout import timeout
from dagline_airflow.operator import DaglineOperator


def main() -> None:
    waiting = selectors.DefaultSelector()
    waiting.register(0, selectors.EVENT_READ)
    rest = b""
    while True:
        for key, _ in waiting.select():
            if key.data is not None:
                os.waitpid(key.data, 0)
                waiting.unregister(key.fd)
                os.close(key.fd)
                _say("ended", key.data)
                continue
            read = os.read(0, 65536)
            if not read:
                return
            *lines, rest = (rest + read).split(b"\n")
            for line in lines:
                pid = os.fork()
                if pid == 0:
                    _task(json.loads(line))
                waiting.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)
                _say("started", pid)


def _say(word: str, pid: int) -> None:
    print(json.dumps({word: pid}), flush=True)


def _task(what: dict[str, Any]) -> None:
    log = os.open(what["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), log, log)):
        os.dup2(file, number)
    os.environ.update(what["env"])
    logging.basicConfig(
        stream=sys.stdout, format="%(levelname)s %(message)s", level="INFO"
    )
    code = 0
    try:
        print("RETURNED " + json.dumps(_execute(what)), flush=True)
    except BaseException as error:  # noqa: BLE001  whatever it is, it is the answer
        said = getattr(error, "reschedule_date", error)
        print(f"RAISED {type(error).__name__}: {said}", flush=True)
        code = 1
    os._exit(code)


def _execute(what: dict[str, Any]) -> object:
    """As airflow.sdk.execution_time.task_runner: a signal and a timeout call on_kill."""
    operator = DaglineOperator(task_id=what["task"])
    context = _context(what)
    signal.signal(signal.SIGTERM, lambda *_: operator.on_kill())
    if what["timeout"] is None:
        return operator.execute(context)
    try:
        with timeout(what["timeout"]):
            return operator.execute(context)
    except BaseException:
        operator.on_kill()
        raise


def _context(what: dict[str, Any]) -> Any:
    start = datetime.fromisoformat(what["interval_end"])
    run = SimpleNamespace(
        run_id="scheduled__1",
        logical_date=start,
        run_after=start,
        data_interval_start=start,
        data_interval_end=start,
        run_type=what["run_type"],
    )
    ti = SimpleNamespace(
        bundle_instance=SimpleNamespace(path=Path(what["release_dir"], "dags")),
        dag_id="demo",
        task_id=what["task"],
        map_index=-1,
        try_number=1,
        xcom_pull=lambda task_ids: what["upstream"].get(task_ids),
    )
    return {"ti": ti, "dag_run": run, "params": {}}


if __name__ == "__main__":
    main()
