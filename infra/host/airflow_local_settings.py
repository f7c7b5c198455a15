"""
How Airflow's processes on a host connect to Airflow's own database.

The address in airflow.cfg names nobody's host. Each new connection gets host, user and password of the secret whose ARN is in
DAGLINE_AIRFLOW_DATABASE_SECRET, so that no password stands in a file, in the environment or on a command line, and a rotated
one is taken within a minute, without a restart.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

# Airflow copies every public name of this module into its settings: there is nothing for it here.
__all__: list[str] = []

PLACEHOLDER = "airflow-database.invalid"
_KEPT_SECONDS = 60
_cache: tuple[float, dict[str, Any]] | None = None


@event.listens_for(Engine, "do_connect")
def _connect_as_the_secret_says(
    dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]
) -> None:
    # Connections of others, such as those of tasks and hooks, are left alone.
    if parameters.get("host") != PLACEHOLDER:
        return
    secret = _read_secret()
    parameters["host"] = secret["host"]
    parameters["port"] = int(secret.get("port", 5432))
    parameters["user"] = secret["username"]
    parameters["password"] = secret["password"]
    name = "dbname" if dialect.driver == "psycopg2" else "database"
    parameters[name] = secret["dbname"]


def _read_secret() -> dict[str, Any]:
    global _cache
    now = time.monotonic()
    if _cache is not None and now - _cache[0] < _KEPT_SECONDS:
        return _cache[1]
    try:
        secret = _fetch_secret(os.environ["DAGLINE_AIRFLOW_DATABASE_SECRET"])
    except Exception:
        # Secrets Manager may be out of reach for a while; what it said last most likely still holds.
        if _cache is None:
            raise
        secret = _cache[1]
    _cache = (now, secret)
    return secret


def _fetch_secret(arn: str) -> dict[str, Any]:
    import botocore.session

    client = botocore.session.get_session().create_client("secretsmanager")
    return json.loads(client.get_secret_value(SecretId=arn)["SecretString"])
