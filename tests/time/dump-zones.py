"""What Python's zoneinfo, and pendulum over it, make of every zone from 1970 to 2037: JSON on stdout, for zoneinfo.test.ts."""

import importlib.resources
import json
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import _zoneinfo, available_timezones

import tzdata
from pendulum.tz.timezone import Timezone

UTC = timezone.utc
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FROM, TO = 0, int(datetime(2038, 1, 1, tzinfo=UTC).timestamp())


def main() -> None:
    tables: dict[bytes, dict] = {}
    # Factory is no zone of a place, and Node does not know it.
    for name in sorted(available_timezones() - {"Factory"}):
        file = (
            importlib.resources.files(tzdata)
            .joinpath("zoneinfo", *name.split("/"))
            .read_bytes()
        )
        if file not in tables:
            tables[file] = {"names": [], **table(name)}
        tables[file]["names"].append(name)
    json.dump(
        {"version": tzdata.IANA_VERSION, "tables": list(tables.values())},
        sys.stdout,
        separators=(",", ":"),
    )


def table(name: str) -> dict:
    zone = Timezone(name)
    changes = [FROM, offset(zone, FROM)]
    for instant in sorted(jumps(name)):
        if FROM < instant < TO and offset(zone, instant) != changes[-1]:
            changes += [instant, offset(zone, instant)]
    walls = []
    for i in range(2, len(changes), 2):
        first, end = sorted((changes[i] + changes[i - 1], changes[i] + changes[i + 1]))
        for wall in (first, end - 60):
            walls += [wall, *instants(zone, wall)]
    return {"changes": changes, "walls": walls}


def offset(zone: Timezone, instant: int) -> int:
    return seconds((EPOCH + timedelta(seconds=instant)).astimezone(zone).utcoffset())


def instants(zone: Timezone, wall: int) -> tuple[int, int]:
    """The first instant by zoneinfo, and the one that Airflow's make_aware takes."""
    naive = datetime(1970, 1, 1) + timedelta(seconds=wall)
    first = naive.replace(fold=0, tzinfo=zone).astimezone(UTC)
    return seconds(first - EPOCH), seconds(
        zone.convert(naive.replace(fold=1)).astimezone(UTC) - EPOCH
    )


def jumps(name: str) -> set[int]:
    """When the offset may change: only zoneinfo's implementation in Python shows it."""
    rules = _zoneinfo.ZoneInfo(name)
    found = set(rules._trans_utc)
    if not isinstance(rules._tz_after, _zoneinfo._ttinfo):
        for year in range(1970, 2038):
            for wall in rules._tz_after.transitions(year):
                found |= {
                    wall - seconds(one.utcoff)
                    for one in (rules._tz_after.std, rules._tz_after.dst)
                }
    return found


def seconds(delta: timedelta) -> int:
    return int(delta.total_seconds())


main()
