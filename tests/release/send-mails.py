"""Has Airflow's own code call the callbacks of the DAGs in a folder: as its task runner does when a task has failed, as its DAG processor does when a run has succeeded.
Arguments: the folder, the message that tasks fail with."""

import sys
import uuid

import structlog
from airflow.callbacks.callback_requests import DagCallbackRequest
from airflow.dag_processing.dagbag import DagBag
from airflow.dag_processing.processor import _execute_dag_callbacks
from airflow.sdk.api.datamodels._generated import TaskInstanceState
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance, finalize

log = structlog.get_logger()


def main(folder: str, message: str) -> None:
    bag = DagBag(dag_folder=folder)
    for dag_id in sorted(bag.dags):
        dag = bag.dags[dag_id]
        failed = False
        for task in dag.tasks:
            if task.task_id.startswith("bad"):
                failed = True
                if task.retries > 0:
                    end_task(task, TaskInstanceState.UP_FOR_RETRY, message)
                end_task(task, TaskInstanceState.FAILED, message)
        if not failed:
            request = DagCallbackRequest(
                filepath=dag.fileloc, bundle_name="x", bundle_version=None, dag_id=dag_id, run_id="run {{ 7 * 7 }}", is_failure_callback=False, msg=message
            )
            _execute_dag_callbacks(bag, request, log)


def end_task(task, state, message: str) -> None:
    error = RuntimeError(message)
    ti = RuntimeTaskInstance.model_construct(
        id=uuid.uuid4(), task_id=task.task_id, dag_id=task.dag_id, run_id="run {{ 7 * 7 }}", try_number=1, map_index=-1, task=task, start_date=None, end_date=None
    )
    context = {"dag": task.dag, "task": task, "ti": ti, "run_id": ti.run_id, "exception": error}
    finalize(ti, state, context, log, error)


main(*sys.argv[1:])
