"""Runs an operator as Airflow's task process does, without Airflow's database: what to do is one JSON document on stdin."""

from __future__ import annotations

import json
import logging
import signal
import sys
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow.sdk.execution_time.timeout import timeout
from dagline_airflow.operator import DaglineOperator

what: dict[str, Any] = json.load(sys.stdin)
logging.basicConfig(stream=sys.stdout, format="%(levelname)s %(message)s", level="INFO")
operator = DaglineOperator(task_id=what["task"])
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
context: Any = {"ti": ti, "dag_run": run, "params": {}}


def execute() -> object:
    """As airflow.sdk.execution_time.task_runner: a signal and a timeout call on_kill."""
    signal.signal(signal.SIGTERM, lambda *_: operator.on_kill())
    if what["timeout"] is None:
        return operator.execute(context)
    try:
        with timeout(what["timeout"]):
            return operator.execute(context)
    except BaseException:
        operator.on_kill()
        raise


sys.excepthook = lambda kind, error, _: print(
    f"RAISED {kind.__name__}: {getattr(error, 'reschedule_date', error)}", flush=True
)
print("RETURNED " + json.dumps(execute()), flush=True)
