"""The database that loads write to, as an Airflow connection and the host's settings name it."""

from __future__ import annotations

import json
from typing import Any

# What each means: https://www.postgresql.org/docs/current/libpq-ssl.html, "SSL Mode Descriptions".
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
# Airflow's names of the fields, and what they are in its form.
_NEEDED = {
    "host": "Host",
    "schema": "Database (`schema` in JSON and URLs)",
    "login": "Login",
    "password": "Password",
}


def read_database(host: dict[str, Any]) -> dict[str, Any]:
    """
    The `database` of a task's document.

    :param host: the settings of `host.json`, which say how TLS is checked where the connection's extra does not
    :raises AirflowFailException: the connection is not there, or not whole: names it and what to set; never shows a value of it
    """
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

    connection_id = host["connection"]
    try:
        connection = Connection.get(connection_id)
    except AirflowNotFoundException as error:
        # Airflow passes over one that it can't read, in an environment variable for example, without a word.
        raise AirflowFailException(
            f"Airflow has no connection {connection_id!r} that it can read. Add it under Admin, Connections (Postgres: host,"
            " database, login, password); in JSON and URLs the port must be a number."
        ) from error
    wrong = [
        f"it has no {label}"
        for field, label in _NEEDED.items()
        if not getattr(connection, field)
    ]
    port = connection.port or 5432
    if not isinstance(port, int) or not 0 < port < 65_536:
        wrong.append("its port is no number from 1 to 65535")
    extra = _extra(connection.extra)
    if extra is None:
        wrong.append("its extra is no JSON object")
        extra = {}
    mode = extra.get("sslmode")
    if mode is not None and mode not in _SSL_MODES:
        wrong.append(
            f"sslmode in its extra is none of libpq's: {', '.join(_SSL_MODES)}"
        )
    root = extra.get("sslrootcert")
    if root is not None and not isinstance(root, str):
        wrong.append("sslrootcert in its extra is no path")
    if wrong:
        raise AirflowFailException(
            f"the Airflow connection {connection_id!r} can't be used: {'; '.join(wrong)}. Correct it under Admin, Connections."
        )
    # Who asks for TLS without verifying means no authorities: with them, libpq verifies in every mode.
    if root is None and (mode is None or mode.startswith("verify-")):
        root = host.get("connection_sslrootcert")
    if mode is None:
        mode = host.get("connection_sslmode")
    return {
        "host": connection.host,
        "port": port,
        "dbname": connection.schema,
        "user": connection.login,
        "password": connection.password,
        **({} if mode is None else {"sslmode": mode}),
        **({} if root is None else {"sslrootcert": root}),
    }


def _extra(text: str | None) -> dict[str, Any] | None:
    """Airflow takes an extra that it can't read for an empty one, and the sslmode in it would be gone."""
    try:
        extra = json.loads(text) if text else {}
    except ValueError:
        return None
    return extra if isinstance(extra, dict) else None
