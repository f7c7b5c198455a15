"""Calls parts of the operator with what stdin says, and prints what each returned or raised, as JSON."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable

from dagline_airflow.database import read_database
from dagline_airflow.operator import _references
from dagline_airflow.result import read_result


def tried(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except Exception as error:  # noqa: BLE001  whatever it is, it is the answer
        return f"{type(error).__name__}: {error}"


def result(case: dict[str, Any]) -> Any:
    process: Any = SimpleNamespace(
        was_stopped=case.get("was_stopped", False),
        out_of_heap=case.get("out_of_heap", False),
        largest_megabytes=lambda: 1234,
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "result.json")
        if "text" in case:
            file.write_text(case["text"])
        return tried(lambda: read_result(file, case["kind"], case["code"], process))


def references(case: dict[str, Any]) -> Any:
    def xcom_pull(task_ids: str, map_indexes: int = -1) -> Any:
        return case["xcom"].get(f"{task_ids}[{map_indexes}]")

    ti = SimpleNamespace(task_id="load_x", xcom_pull=xcom_pull)
    return tried(lambda: _references(ti, case["tasks"], case["map_index"]))


what = json.load(sys.stdin)
answers = {
    "connections": [
        tried(lambda: read_database({"connection": name}))
        for name in what["connections"]
    ],
    "verified": [tried(lambda: read_database(host)) for host in what["verified"]],
    "results": [result(case) for case in what["results"]],
    "references": [references(case) for case in what["references"]],
}
print(json.dumps(answers))
