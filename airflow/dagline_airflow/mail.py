"""E-mail about how a run or one of its tasks ended."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from airflow.providers.smtp.notifications.smtp import SmtpNotifier

if TYPE_CHECKING:
    from collections.abc import Mapping


class DaglineMail(SmtpNotifier):
    """
    Sends a mail through the connection `smtp_default`, whose extra `from_email` names the sender.

    Airflow calls it with the context: in the task's process on failure and retry, in the DAG processor when a run succeeds.
    Subject, text and recipients are plain values: no field is rendered as a template, so nothing that a DAG's author
    or a failing task writes is evaluated.

    :param event: `failure` or `retry` of a task, `success` of a run
    :param to: the recipients' addresses
    """

    template_fields = ()

    def __init__(self, event: str, to: list[str], **kwargs: Any) -> None:
        super().__init__(to=to, **kwargs)
        self.event = event

    def notify(self, context: Mapping[str, Any]) -> None:
        self.subject, self.html_content = _SUBJECT_AND_BODY[self.event](context)
        super().notify(context)


def _failure(context: Mapping[str, Any]) -> tuple[str, str]:
    return f"Failed: {_task_name(context)}", _body(
        context, "failed and will not be tried again"
    )


def _retry(context: Mapping[str, Any]) -> tuple[str, str]:
    return f"Will be retried: {_task_name(context)}", _body(
        context, "failed and will be tried again"
    )


def _success(context: Mapping[str, Any]) -> tuple[str, str]:
    return f"Succeeded: {context['dag'].dag_id}", _body(context, "succeeded")


_SUBJECT_AND_BODY = {"failure": _failure, "retry": _retry, "success": _success}


def _task_name(context: Mapping[str, Any]) -> str:
    return f"{context['dag'].dag_id}.{context['ti'].task_id}"


def _body(context: Mapping[str, Any], outcome: str) -> str:
    dag, ti, dag_run = context["dag"], context.get("ti"), context.get("dag_run")
    of_task = ti is not None and "try_number" in dir(ti) and "exception" in context
    rows = {
        "DAG": dag.dag_id,
        "Description": dag.description,
        "Task": ti.task_id if of_task else None,
        "Try": ti.try_number if of_task else None,
        "Run": context.get("run_id") or getattr(dag_run, "run_id", None),
        "Logical date": getattr(dag_run, "logical_date", None),
        "Reason": context.get("exception"),
        "Log": getattr(ti, "log_url", None) if of_task else None,
    }
    shown = "".join(
        f"<tr><th align='left' valign='top'>{name}</th><td style='white-space: pre-wrap'>{escape(str(value))}</td></tr>"
        for name, value in rows.items()
        if value not in (None, "")
    )
    what = _task_name(context) if of_task else dag.dag_id
    return f"<p><b>{escape(what)}</b> {outcome}.</p><table>{shown}</table>"
