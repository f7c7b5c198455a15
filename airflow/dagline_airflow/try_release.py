"""
Imports and serialises the DAGs of a folder as the DAG processor would, without a database.

Started before the release is on the disk, since importing Airflow takes longest: reads one line of JSON, `{"dags": FOLDER}`, and
prints one, `{"dags": {FILE: [DAG ID, ...]}, "errors": [{"file": FILE, "trace": TEXT}, ...]}`.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any


def main() -> None:
    # What a DAG or a library prints must not get in the way of the answer.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    # The program is short-lived: collecting garbage would cost a tenth of its time.
    gc.disable()
    from airflow.dag_processing.dagbag import BundleDagBag
    from airflow.serialization.serialized_objects import DagSerialization

    request = sys.stdin.readline()
    if not request:
        return
    folder = Path(json.loads(request)["dags"])
    bag = BundleDagBag(
        dag_folder=str(folder), bundle_path=folder, bundle_name="dagline"
    )
    dags: dict[str, list[str]] = {
        str(file.relative_to(folder)): [] for file in folder.rglob("*.py")
    }
    errors: list[dict[str, Any]] = [
        {"file": str(_relative(file, folder)), "trace": trace}
        for file, trace in bag.import_errors.items()
    ]
    for dag_id, dag in bag.dags.items():
        file = str(_relative(dag.fileloc, folder))
        dags.setdefault(file, []).append(dag_id)
        try:
            json.dumps(DagSerialization.to_dict(dag))
        except Exception:  # noqa: BLE001  whatever it is, it is the answer
            errors.append({"file": file, "trace": traceback.format_exc()})
    json.dump({"dags": dags, "errors": errors}, answer)
    answer.close()
    # Nothing is left to be done, and Python's own end takes a while.
    os._exit(0)


def _relative(file: str, folder: Path) -> Path:
    path = Path(file)
    return path.relative_to(folder) if path.is_absolute() else path


if __name__ == "__main__":
    main()
