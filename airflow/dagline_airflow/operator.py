"""Runs a task of a release in Node; see docs/architecture.md, "A task"."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from airflow.sdk import BaseOperator

from dagline_airflow.months import months_between

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

# Names of places, and what AWS's SDK finds its role by. Everything else of Airflow's environment may hold a secret.
_PASSED_ON = re.compile(
    r"PATH|HOME|LANG|LC_\w+|TZ|TMPDIR|SSL_CERT_\w+|NODE_EXTRA_CA_CERTS|https?_proxy|no_proxy|HTTPS?_PROXY|NO_PROXY"
    r"|AWS_(SHARED_CREDENTIALS_FILE|CONFIG_FILE|PROFILE|REGION|DEFAULT_REGION|EC2_METADATA_DISABLED)"
)
# Airflow's supervisor kills a task 5 s after it told it to stop; Node must be gone by then.
_TERM_SECONDS = 4
_LONGEST_LINE = 65_536


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
        self._process: subprocess.Popen[bytes] | None = None

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
            result_file = Path(folder, "result.json")
            document = self._document(context, host, result_file)
            code = self._run(host["node"], home, document, folder)
            result = (
                json.loads(result_file.read_text()) if result_file.exists() else None
            )
        if result is None:
            raise AirflowException(
                f"the task's process ended with {_ending(code)} and left no result"
            )
        if result["state"] == "done":
            return result.get("output") or result["load"]
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
        """Ends Node and every process that it started: TERM to the group, then KILL."""
        process = self._process
        if process is None:
            return
        _signal_group(process.pid, signal.SIGTERM)
        try:
            process.wait(_TERM_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        _signal_group(process.pid, signal.SIGKILL)

    def _run(self, node: str, home: Path, document: dict[str, Any], folder: str) -> int:
        environment = {
            name: value
            for name, value in os.environ.items()
            if _PASSED_ON.fullmatch(name)
        }
        environment["NODE_COMPILE_CACHE"] = str(home / "cache" / "node")
        environment["TMPDIR"] = folder
        runner = Path(document["release_dir"], "run-task.mjs")
        process = subprocess.Popen(
            [node, "--max-old-space-size=160", str(runner)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
        self._process = process
        try:
            assert process.stdin is not None
            try:
                process.stdin.write(json.dumps(document).encode() + b"\n")
                process.stdin.flush()
            except BrokenPipeError:
                self.log.error("the task's process ended before it read what to do")
            self._stream(process)
            return process.wait()
        except BaseException:
            # A timeout or a kill: raised in here while waiting for a line.
            self.on_kill()
            raise
        finally:
            self.on_kill()
            self._process = None

    def _stream(self, process: subprocess.Popen[bytes]) -> None:
        output = process.stdout
        assert output is not None
        done = threading.Event()

        def close_when_ended() -> None:
            # A process that the function left behind may hold stdout open: the task has ended all the same.
            process.wait()
            if not done.wait(2):
                _signal_group(process.pid, signal.SIGKILL)

        threading.Thread(target=close_when_ended, daemon=True).start()
        # In pieces, so that a line without end needs no memory without end.
        for raw in iter(lambda: output.readline(_LONGEST_LINE), b""):
            line = raw.decode(errors="replace").rstrip("\r\n")
            if line.startswith("ERROR "):
                self.log.error("%s", line[6:])
            elif line.startswith("WARNING "):
                self.log.warning("%s", line[8:])
            else:
                self.log.info("%s", line)
        done.set()

    def _document(
        self, context: Context, host: dict[str, Any], result_file: Path
    ) -> dict[str, Any]:
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
            "staging": {
                "bucket": host["staging_bucket"],
                "prefix": host["staging_prefix"],
                "region": host["region"],
                "endpoint": host["s3_endpoint"],
            },
            "database": _database(host["connection"])
            if spec["kind"] == "load"
            else None,
            "origins": host["origins"],
            "result_file": str(result_file),
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
    """What upstream tasks returned; one that was skipped returned nothing."""
    index = {} if map_index < 0 else {"map_indexes": map_index}
    found = (ti.xcom_pull(task_ids=task, **index) for task in tasks)
    return [reference for reference in found if reference is not None]


def _database(connection_id: str) -> dict[str, Any]:
    from airflow.sdk import Connection

    connection = Connection.get(connection_id)
    extra = connection.extra_dejson
    return {
        "host": connection.host,
        "port": connection.port or 5432,
        "dbname": connection.schema,
        "user": connection.login,
        "password": connection.password,
        **({"sslmode": extra["sslmode"]} if "sslmode" in extra else {}),
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _signal_group(pid: int, what: signal.Signals) -> None:
    try:
        os.killpg(pid, what)
    except (ProcessLookupError, PermissionError):
        # Nothing of the group is left; macOS says so with EPERM while a zombie is.
        pass


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
