"""
Makes the role and the database of Airflow in PostgreSQL, or gives the role the password that its secret has by now.

    make_database.py ADMIN_SECRET_ARN AIRFLOW_SECRET_ARN

Both secrets are JSON with host, port, dbname, username and password. Prints what it changed, a line each; nothing when all is as
it should be. Ends with exit code 1 and one line on stderr when it can't.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import botocore.session
import psycopg2
from botocore.exceptions import BotoCoreError, ClientError
from psycopg2 import extensions, sql


def main(admin_arn: str, airflow_arn: str) -> None:
    client = botocore.session.get_session().create_client("secretsmanager")
    admin, airflow = (_read(client, arn) for arn in (admin_arn, airflow_arn))
    if _can_log_in(airflow):
        return
    connection = _connect(admin)
    connection.autocommit = True
    with connection.cursor() as cursor:
        _make_role(cursor, connection, airflow)
        _make_database(cursor, airflow)
    connection.close()
    if not _can_log_in(airflow):
        raise SystemExit(
            f"the user {airflow['username']} was made but cannot log in: does pg_hba.conf let it in?"
        )


def _read(client: Any, arn: str) -> dict[str, Any]:
    secret = json.loads(client.get_secret_value(SecretId=arn)["SecretString"])
    missing = {"host", "dbname", "username", "password"} - secret.keys()
    if missing:
        raise SystemExit(f"the secret {arn} lacks {', '.join(sorted(missing))}")
    return secret


def _connect(secret: dict[str, Any]) -> extensions.connection:
    return psycopg2.connect(
        host=secret["host"],
        port=int(secret.get("port", 5432)),
        dbname=secret["dbname"],
        user=secret["username"],
        password=secret["password"],
        connect_timeout=15,
    )


def _can_log_in(secret: dict[str, Any]) -> bool:
    try:
        _connect(secret).close()
    except psycopg2.OperationalError:
        return False
    return True


def _make_role(cursor: Any, connection: Any, airflow: dict[str, Any]) -> None:
    name = airflow["username"]
    cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,))
    verb = "ALTER" if cursor.rowcount else "CREATE"
    # Only what verifies the password goes to the server, and so into its log.
    verifier = extensions.encrypt_password(
        airflow["password"], name, connection, "scram-sha-256"
    )
    cursor.execute(
        sql.SQL(f"{verb} ROLE {{}} LOGIN PASSWORD {{}}").format(
            sql.Identifier(name), sql.Literal(verifier)
        )
    )
    print(f"{'made' if verb == 'CREATE' else 'gave its password to'} the role {name}")


def _make_database(cursor: Any, airflow: dict[str, Any]) -> None:
    name, owner = airflow["dbname"], airflow["username"]
    cursor.execute("SELECT FROM pg_database WHERE datname = %s", (name,))
    is_new = not cursor.rowcount
    # Who is not a superuser, as on RDS, gives a database only to a role that it is a member of.
    cursor.execute(
        sql.SQL("GRANT {} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE").format(
            sql.Identifier(owner)
        )
        if cursor.connection.server_version >= 160000
        else sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(owner))
    )
    if is_new:
        # Closed until it is closed to others: what is killed between the two begins again here.
        cursor.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} ALLOW_CONNECTIONS false").format(
                sql.Identifier(name), sql.Identifier(owner)
            )
        )
    for statement in (
        "REVOKE CONNECT ON DATABASE {} FROM PUBLIC",
        "ALTER DATABASE {} ALLOW_CONNECTIONS true",
    ):
        cursor.execute(sql.SQL(statement).format(sql.Identifier(name)))
    if is_new:
        print(f"made the database {name}")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (psycopg2.Error, BotoCoreError, ClientError) as error:
        raise SystemExit(str(error).strip()) from None
