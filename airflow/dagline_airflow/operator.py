"""Runs a task of a release in Node; see docs/architecture.md, "A task"."""

from __future__ import annotations

import json
import os
import re
import secrets
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from airflow.sdk import BaseOperator

from dagline_airflow.database import read_database
from dagline_airflow.months import months_between
from dagline_airflow.process import TaskProcess
from dagline_airflow.result import HEAP_MEGABYTES, read_result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

# Names of places, and what AWS's SDK finds its role by. Everything else of Airflow's environment may hold a secret.
_PASSED_ON = re.compile(
    r"PATH|HOME|LANG|LC_\w+|TZ|TMPDIR|SSL_CERT_\w+|NODE_EXTRA_CA_CERTS|https?_proxy|no_proxy|HTTPS?_PROXY|NO_PROXY"
    r"|AWS_(SHARED_CREDENTIALS_FILE|CONFIG_FILE|PROFILE|REGION|DEFAULT_REGION|EC2_METADATA_DISABLED)"
)


class DaglineOperator(BaseOperator):
    """
    Runs the task of the same id of the release that the run belongs to, and returns its reference for XCom.

    :param month: `YYYY-MM`, the month that a task of a DAG with `each_month` is mapped to
    """

    # Only so that Airflow puts the month of a mapped task in the place of its reference; nothing that an author wrote is rendered.
    template_fields: Sequence[str] = ("month",)
    ui_color = "#e8f4ea"

    def __init__(self, *, month: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.month = month
        self._process: TaskProcess | None = None
        self._stopped = False

    def execute(self, context: Context) -> dict[str, Any] | None:
        from airflow.sdk.exceptions import (
            AirflowException,
            AirflowFailException,
            AirflowRescheduleException,
            AirflowSkipException,
        )

        home = Path(os.environ.get("DAGLINE_HOME", "/opt/dagline"))
        host = json.loads((home / "host.json").read_text())
        with tempfile.TemporaryDirectory(prefix="dagline-run-") as folder:
            document = self._document(context, host)
            spec = _spec(context["ti"])["tasks"][self.task_id]
            kind = spec["kind"]
            result = self._run(host, home, document, kind, folder)
            if result["state"] == "done" and spec.get("compare_with"):
                result = self._compare(host, home, document, kind, folder, result)
        if result["state"] == "done":
            return result["load"] if kind == "load" else result["output"]
        if result["state"] == "skipped":
            again = _ask_again(context, host, result)
            if again is not None:
                self.log.info(
                    "waits: %s; asked again at %s", result["reason"], _iso(again)
                )
                raise AirflowRescheduleException(again)
            raise AirflowSkipException(result["reason"])
        reason = " ".join(filter(None, [result["message"], result["hint"]]))
        # A user error is the same at every try; anything else Airflow may try again, as the task's retries say.
        raise (AirflowFailException if result["kind"] == "user" else AirflowException)(
            reason
        )

    def on_kill(self) -> None:
        """Ends Node and every process that it started."""
        self._stopped = True
        if self._process is not None:
            self._process.stop()

    def _run(
        self,
        host: dict[str, Any],
        home: Path,
        document: dict[str, Any],
        kind: str,
        folder: str,
    ) -> dict[str, Any]:
        # The process's temporary files, whatever their names, are in another folder than the result.
        result_file = Path(folder, f"result-{secrets.token_hex(16)}.json")
        document = {**document, "result_file": str(result_file)}
        process = self._start(host["node"], home, document["release_dir"], folder)
        self._process = process
        try:
            code = process.run(json.dumps(document).encode())
        finally:
            self._process = None
        return read_result(result_file, kind, code, process)

    def _compare(
        self,
        host: dict[str, Any],
        home: Path,
        document: dict[str, Any],
        kind: str,
        folder: str,
        done: dict[str, Any],
    ) -> dict[str, Any]:
        """
        Asks whether the loads below have these very rows in their tables, in a process that runs no function of the scrape: it knows the database.

        It only saves work: whatever goes wrong, the task is done.
        """
        if done["output"].get("rows_digest") is None:
            return done
        try:
            ask = {
                "compare": done["output"],
                "database": read_database(host),
            }
            result = self._run(host, home, {**document, **ask}, kind, folder)
            if result["state"] == "failed":
                raise RuntimeError(result["message"])
        except Exception as error:
            if self._stopped:
                raise
            self.log.warning(
                "not compared with what was loaded, so nothing is skipped: %s", error
            )
            return done
        return result if result["state"] == "skipped" else done

    def _start(
        self, node: str, home: Path, release_dir: str, folder: str
    ) -> TaskProcess:
        environment = {
            name: value
            for name, value in os.environ.items()
            if _PASSED_ON.fullmatch(name)
        }
        work = Path(tempfile.mkdtemp(prefix="work-", dir=folder))
        environment["NODE_COMPILE_CACHE"] = str(home / "cache" / "node")
        environment["TMPDIR"] = str(work)
        runner = Path(release_dir, "run-task.mjs")
        return TaskProcess(
            [node, f"--max-old-space-size={HEAP_MEGABYTES}", str(runner)],
            environment=environment,
            folder=str(work),
            log=self.log,
        )

    def _document(self, context: Context, host: dict[str, Any]) -> dict[str, Any]:
        ti: Any = context["ti"]
        run: Any = context["dag_run"]
        release_dir = _release_dir(ti)
        deployed = json.loads((release_dir / "release.json").read_text())
        spec = _spec(ti)["tasks"][ti.task_id]
        map_index = -1 if ti.map_index is None else ti.map_index
        start, end = run.data_interval_start, run.data_interval_end
        return {
            "version": 1,
            "release": deployed["release"],
            "commit": deployed["commit"],
            "release_dir": str(release_dir),
            "dag": ti.dag_id,
            "task": ti.task_id,
            "run_id": run.run_id,
            "map_index": map_index,
            "try_number": ti.try_number,
            "logical_date": _iso(run.logical_date),
            "run_after": _iso(run.run_after),
            "data_interval": None
            if start is None or end is None
            else {"start": _iso(start), "end": _iso(end)},
            "params": dict(context["params"]),
            "month": self.month,
            "upstream": _references(ti, spec["dependencies"], map_index),
            "confirms": _references(ti, spec.get("confirms", []), map_index),
            "compare": None,
            "staging": {
                "bucket": host["staging_bucket"],
                "prefix": host["staging_prefix"],
                "region": host["region"],
                "endpoint": host["s3_endpoint"],
            },
            "database": read_database(host) if spec["kind"] == "load" else None,
            "origins": host["origins"],
        }


class DaglineMonths(BaseOperator):
    """
    Lists the months from one param of the run to another, both included, as `YYYY-MM`.

    :param from_param: the name of the param with the first month
    :param to_param: the name of the param with the last one
    """

    template_fields: Sequence[str] = ()

    def __init__(self, *, from_param: str, to_param: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.from_param = from_param
        self.to_param = to_param

    def execute(self, context: Context) -> list[str]:
        params = context["params"]
        return months_between(params[self.from_param], params[self.to_param])


def _release_dir(ti: Any) -> Path:
    return Path(ti.bundle_instance.path).parent


def _spec(ti: Any) -> dict[str, Any]:
    """What the release says of the DAG."""
    return json.loads((_release_dir(ti) / "specs" / f"{ti.dag_id}.json").read_text())


def _ask_again(
    context: Context, host: dict[str, Any], result: dict[str, Any]
) -> datetime | None:
    """When to ask anew for data that was not there, as `wait_for_data` says; None: it is not waited for, or not any longer."""
    spec, run = _spec(context["ti"]), cast("Any", context["dag_run"])
    seconds = spec["tasks"][context["ti"].task_id].get("wait_seconds")
    end = run.data_interval_end
    if seconds is None or end is None or not result["no_data"]:
        return None
    # Whoever starts a run or a backfill wants to know now, and the local stack's stand-in for an origin publishes nothing later.
    stand_in = (spec["url"] or "").startswith(tuple(f"{o}/" for o in host["origins"]))
    if run.run_type != "scheduled" or stand_in:
        return None
    wait = timedelta(seconds=seconds)
    now, last = datetime.now(end.tzinfo), end + wait
    # The last time is the very end of the wait, not up to a day before it.
    return None if now >= last else min(now + min(timedelta(days=1), wait / 20), last)


def _references(ti: Any, tasks: list[str], map_index: int) -> list[dict[str, Any]]:
    """
    What upstream tasks returned: each of them, since no task runs before all of them have succeeded (rendered DAGs have no other trigger rule).

    None is there after a task was marked as success by hand, or Airflow's own clean-up of old XComs.
    """
    from airflow.sdk.exceptions import AirflowFailException

    index = {} if map_index < 0 else {"map_indexes": map_index}
    references = {task: ti.xcom_pull(task_ids=task, **index) for task in tasks}
    missing = [
        task for task, found in references.items() if not isinstance(found, dict)
    ]
    if missing:
        where = "" if map_index < 0 else f" (map index {map_index})"
        raise AirflowFailException(
            f"{', '.join(missing)}{where} left no reference to a staged file in XCom, so {ti.task_id} has nothing to read."
            f" Clear {', '.join(missing)} with all tasks below, so that it stages its file again."
        )
    return list(references.values())


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
