"""Imports a folder of DAG files as Airflow does and prints what it made of them as JSON. Arguments: the folder."""

import json
import sys
from datetime import datetime, timezone

from airflow.dag_processing.dagbag import DagBag
from airflow.models.serialized_dag import SerializedDagModel
from airflow.serialization.definitions.notset import is_arg_set
from airflow.serialization.serialized_objects import DagSerialization, LazyDeserializedDAG


def main(folder: str) -> None:
    bag = DagBag(dag_folder=folder)
    again = DagBag(dag_folder=folder)
    dags = {dag_id: {**describe(dag), "stable": digest(dag) == digest(again.dags[dag_id])} for dag_id, dag in bag.dags.items()}
    json.dump({"errors": bag.import_errors, "dags": dags}, sys.stdout)


def digest(dag) -> str:
    """What tells Airflow that a DAG has a new version."""
    return SerializedDagModel.hash(DagSerialization.to_dict(dag))


def describe(dag) -> dict:
    # Through the stored form and back: what the scheduler and the web interface work with.
    stored = json.loads(json.dumps(DagSerialization.to_dict(dag)))
    served = DagSerialization.from_dict(stored)
    return {
        "description": served.description,
        "doc_md": served.doc_md,
        "tags": sorted(served.tags),
        "catchup": served.catchup,
        "paused": served.is_paused_upon_creation,
        "max_active_runs": served.max_active_runs,
        "timezone": str(served.timezone),
        "start": served.start_date.isoformat() if served.start_date else None,
        "end": served.end_date.isoformat() if served.end_date else None,
        "params": {name: form(param) for name, param in served.params.items()},
        "runs": runs(served),
        "assets": [[asset.name, asset.uri] for asset in assets(served)],
        "on_success": served.has_on_success_callback,
        "tasks": {task.task_id: describe_task(task) for task in served.tasks},
        "tasks_as_written": {task.task_id: as_written(task) for task in dag.tasks},
        "templates": templates(dag),
    }


def form(param) -> dict:
    """A field of the trigger form, as the API serves it."""
    value = param.value if is_arg_set(param.value) else None
    return {"value": value, "schema": param.schema, "description": param.description}


def runs(dag) -> list:
    """The first intervals that the scheduler would run, with the time of each run."""
    infos = dag.iter_dagrun_infos_between(dag.start_date, datetime(2024, 4, 15, tzinfo=timezone.utc)) if dag.timetable.periodic else []
    return [[moment.isoformat() for moment in (*info.data_interval, info.run_after)] for info, _ in zip(infos, range(3))]


def assets(dag) -> list:
    return [asset for _, asset in dag.timetable.asset_condition.iter_assets()]


def describe_task(task) -> dict:
    return {
        "owner": task.owner,
        "retries": task.retries,
        "retry_delay": task.retry_delay.total_seconds(),
        "execution_timeout": task.execution_timeout.total_seconds() if task.execution_timeout else None,
        "pool": task.pool,
        "outlets": [[asset.name, asset.uri] for asset in task.outlets],
        "upstream": sorted(task.upstream_task_ids),
        "on_failure": task.has_on_failure_callback,
        "on_retry": task.has_on_retry_callback,
        "mapped": task.get_closest_mapped_task_group() is not None,
    }


def as_written(task) -> dict:
    return {"to": [callback.to for callback in callbacks(task)], "events": [callback.event for callback in callbacks(task)]}


def callbacks(task) -> list:
    return [*as_list(task.on_failure_callback), *as_list(task.on_retry_callback)]


def as_list(callback) -> list:
    return callback if isinstance(callback, (list, tuple)) else [] if callback is None else [callback]


def templates(dag) -> list:
    """Every text that Airflow would render as a template."""
    parts = [*dag.tasks, *as_list(dag.on_success_callback), *(callback for task in dag.tasks for callback in callbacks(task))]
    return [value for part in parts for name in part.template_fields if isinstance(value := getattr(part, name, None), (str, list, dict))]


main(sys.argv[1])
