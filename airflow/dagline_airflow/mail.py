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
    return _about_task(context, "Failed", "failed and will not be tried again")


def _retry(context: Mapping[str, Any]) -> tuple[str, str]:
    return _about_task(context, "Will be retried", "failed and will be tried again")


def _success(context: Mapping[str, Any]) -> tuple[str, str]:
    dag = context["dag"]
    return f"Succeeded: {dag.dag_id}", _html(f"{dag.dag_id} succeeded", _run(context))


_SUBJECT_AND_BODY = {"failure": _failure, "retry": _retry, "success": _success}


def _about_task(
    context: Mapping[str, Any], subject: str, outcome: str
) -> tuple[str, str]:
    ti = context["ti"]
    name = f"{ti.dag_id}.{ti.task_id}"
    rows = {
        "Reason": context.get("exception"),
        "Try": ti.try_number,
        "Log": getattr(ti, "log_url", None),
    }
    return f"{subject}: {name}", _html(f"{name} {outcome}", rows | _run(context))


def _run(context: Mapping[str, Any]) -> dict[str, Any]:
    return {"Run": context.get("run_id"), "DAG": context["dag"].description}


def _html(title: str, rows: Mapping[str, Any]) -> str:
    shown = "".join(
        f'<tr><th align="left" valign="top">{name}</th><td style="white-space: pre-wrap">{escape(str(value))}</td></tr>'
        for name, value in rows.items()
        if value not in (None, "")
    )
    return f"<p><b>{escape(title)}.</b></p><table>{shown}</table>"
