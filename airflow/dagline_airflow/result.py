"""What the runner says of a task's end; docs/architecture.md, "A task", gives the form."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from dagline_airflow.process import TaskProcess

# How much JavaScript memory a task has; docs/architecture.md, "Functions", tells authors.
HEAP_MEGABYTES = 160
_HOLDS_TOO_MUCH = "Stream the data instead of holding it, or have DuckDB do the work."
_CODES = {"done": (0,), "skipped": (99,), "failed": (1, 3, 70)}
_MEMBERS: dict[str, dict[str, type]] = {
    "skipped": {"reason": str, "no_data": bool},
    "failed": {"kind": str, "message": str, "hint": str},
    "output": {"task": str, "key": str, "sha256": str, "size": int},
    "load": {"load_id": str, "table": str},
}


def read_result(
    file: Path, kind: str, code: int, process: TaskProcess
) -> dict[str, Any]:
    """
    Reads the result of a task that ended with `code`, checked.

    :param kind: the task's kind: a load leaves a load, any other the reference to its output
    :raises AirflowException: there is none, or none that fits the exit code: says why
    """
    from airflow.sdk.exceptions import AirflowException

    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        raise _no_result(code, process) from None
    try:
        result = json.loads(text)
    except ValueError:
        result = None
    if not _is_result(result, "load" if kind == "load" else "output"):
        raise AirflowException(
            f"the task's process left a result that the runner did not write: {text[:200]!r}"
        )
    # A failure's reason is worth more than how the process ended after it.
    if result["state"] != "failed" and code not in _CODES[result["state"]]:
        raise AirflowException(
            f"the task's process said {result['state']!r}, and then ended with {_ending(code)}"
        )
    return result


def _is_result(result: Any, done: str) -> bool:
    state = result.get("state") if isinstance(result, dict) else None
    if state == "done":
        return _has(result.get(done), _MEMBERS[done])
    return state in ("skipped", "failed") and _has(result, _MEMBERS[state])


def _has(value: Any, members: dict[str, type]) -> bool:
    return isinstance(value, dict) and all(
        isinstance(value.get(name), kind) for name, kind in members.items()
    )


def _no_result(code: int, process: TaskProcess) -> Exception:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException

    if process.was_stopped:
        return AirflowException("the task was stopped")
    if process.out_of_heap:
        # The same data needs as much at the next try.
        return AirflowFailException(
            f"the task used more than {HEAP_MEGABYTES} MB of JavaScript memory. {_HOLDS_TOO_MUCH}"
        )
    if code == -signal.SIGKILL:
        return AirflowException(
            "the task's process was killed from outside (SIGKILL), as the kernel does when the machine's memory runs out;"
            f" it had used up to {process.largest_megabytes()} MB."
            f" `journalctl -k` on the host tells. {_HOLDS_TOO_MUCH}"
        )
    return AirflowException(
        f"the task's process ended with {_ending(code)} and left no result; the end of its log may tell more"
    )


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
