"""
What an Airflow of the local stack does otherwise than a host's: nobody at a laptop waits minutes for a retry.

A host has no such policy: there, retries wait as long as the YAML's `retry_delay` says.
"""

from __future__ import annotations

import datetime
from typing import Any

__all__ = ["task_policy"]

_LONGEST = datetime.timedelta(seconds=5)


def task_policy(task: Any) -> None:
    """Airflow calls it for each task of a DAG that it reads ("Cluster Policies" in Airflow's documentation)."""
    task.retry_delay = min(task.retry_delay, _LONGEST)
