"""Asks the installed Airflow what it makes of schedules and params. Reads one JSON document from stdin, writes one to stdout."""

import json
import sys

import airflow.timetables.interval as interval
import pendulum
from airflow.exceptions import AirflowException
from airflow.sdk import Param
from airflow.serialization.decoders import decode_timetable
from airflow.serialization.encoders import encode_timetable
from airflow.timetables.base import DataInterval, TimeRestriction
from croniter import croniter
from dagline_airflow.timetable import CronDataIntervalTimetable
from jsonschema.validators import Draft202012Validator


def main() -> None:
    asked = json.load(sys.stdin)
    read_each_expression_once()
    check_each_schema_once()
    answer = {
        "times": [times(**case) for case in asked["times"]],
        "runs": [runs(**case) for case in asked["runs"]],
        "params": [params(**case) for case in asked["params"]],
    }
    json.dump(answer, sys.stdout)


def times(expression: str, zone: str, moments: list) -> dict:
    """The times before and after each moment, or why Airflow does not import a DAG with this schedule."""
    try:
        timetable = scheduler_timetable(expression, zone)
    except Exception as error:
        return {"refused": repr(error)}
    answers = [[ms(timetable._get_prev(moment)), ms(timetable._get_next(moment))] for moment in map(at, moments)]
    return {"times": answers}


def runs(expression: str, zone: str, earliest: int, latest: int | None, catchup: bool, now: int, last: list | None) -> dict:
    """What the scheduler creates at `now`, as airflow.jobs.scheduler_job_runner does: one run after the other, as long as they are due."""
    interval.utcnow = lambda: at(now)
    timetable = scheduler_timetable(expression, zone)
    restriction = TimeRestriction(earliest=at(earliest), latest=None if latest is None else at(latest), catchup=catchup)
    current = None if last is None else DataInterval(at(last[0]), at(last[1]))
    due = []
    while True:
        try:
            info = timetable.next_dagrun_info(last_automated_data_interval=current, restriction=restriction)
        except ValueError as error:
            assert "did not advance" in str(error)
            info = None
        except AssertionError as error:
            assert "shouldn't be earlier" in str(error)
            return {"fails": True}
        if info is None or info.run_after > at(now):
            return {"count": len(due), "first": due[0] if due else None, "last": due[-1] if due else None, "next": pair(info)}
        current = info.data_interval
        due.append(pair(info))


known: dict = {}


def scheduler_timetable(expression: str, zone: str):
    """As a rendered DAG writes it, stored and read back: what the scheduler works with."""
    key = (expression, zone)
    if key not in known:
        written = CronDataIntervalTimetable(expression, timezone=zone)
        known[key] = decode_timetable(encode_timetable(written))
        known[key].validate()
    return known[key]


def params(schema: dict, values: list) -> list:
    """For each value, why Airflow refuses it; null when it takes it."""
    return [refusal(schema, value) for value in values]


def refusal(schema: dict, value) -> str | None:
    try:
        taken = Param(value, schema=schema).resolve()
    except (AirflowException, ValueError) as error:
        return str(error).splitlines()[0]
    except Exception as error:
        return repr(error)
    assert taken is value
    return None


def read_each_expression_once() -> None:
    """A timetable does it for each time that it looks for."""
    expand = croniter._expand.__func__
    read: dict = {}

    def once(cls, expression, **kwargs):
        if expression not in read:
            read[expression] = expand(cls, expression, **kwargs)
        return read[expression]

    croniter._expand = classmethod(once)


def check_each_schema_once() -> None:
    """Param does it for each value, and it takes longer than all the rest."""
    checked: dict = {}
    check = Draft202012Validator.check_schema

    def once(schema, *args, **kwargs):
        key = json.dumps(schema)
        if key not in checked:
            try:
                check(schema, *args, **kwargs)
                checked[key] = None
            except Exception as error:
                checked[key] = error
        if checked[key] is not None:
            raise checked[key]

    Draft202012Validator.check_schema = once


def at(moment: int):
    return pendulum.from_timestamp(moment / 1000, tz="UTC")


def ms(moment) -> int:
    return round(moment.timestamp() * 1000)


def pair(info) -> list | None:
    return None if info is None else [ms(info.data_interval.start), ms(info.run_after)]


main()
