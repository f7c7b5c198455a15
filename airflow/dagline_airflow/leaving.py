"""A DAG that a deploy removed, while runs of it have not ended."""

from __future__ import annotations

from airflow.sdk import DAG
from airflow.sdk.definitions.timetables.simple import NullTimetable
from airflow.utils.types import DagRunType


def leave(dag: DAG) -> None:
    """
    Has a DAG start no more runs, by its schedule or by hand; those under way belong to their own release and go on.

    Pausing would not do: the scheduler leaves the runs of a paused DAG alone (`DagRun.get_running_dag_runs_to_examine`).
    """
    dag.timetable = NullTimetable()
    dag.description = "Removed by a deploy: it finishes its runs and starts none."
    # Past the validator, which wants a DAG without a schedule to be started by hand.
    vars(dag)["allowed_run_types"] = frozenset({DagRunType.SCHEDULED})
