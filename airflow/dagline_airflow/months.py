"""The range of months that a DAG with `each_month` is mapped over."""

from __future__ import annotations

import re


def months_between(first: str, last: str) -> list[str]:
    """The months from `first` to `last`, both `YYYY-MM` and included; fails for a range that is empty, or longer than Airflow maps a task over."""
    from airflow.sdk.configuration import conf
    from airflow.sdk.exceptions import AirflowFailException

    try:
        (first_year, first_month), (last_year, last_month) = (
            _month(first),
            _month(last),
        )
    except ValueError as error:
        raise AirflowFailException(
            f"a month is written YYYY-MM, for example 2023-01: {error}"
        ) from error
    start, end = first_year * 12 + first_month - 1, last_year * 12 + last_month - 1
    if end < start:
        raise AirflowFailException(
            f"no range of months: from {first} to {last}. The first must not be after the last."
        )
    max_months = conf.getint("core", "max_map_length", fallback=1024)
    if end - start >= max_months:
        raise AirflowFailException(
            f"from {first} to {last} are {end - start + 1} months, and Airflow maps a task over {max_months} at most"
            " ([core] max_map_length). Run it for parts of the range."
        )
    return [
        f"{index // 12:04d}-{index % 12 + 1:02d}" for index in range(start, end + 1)
    ]


def _month(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([0-9]{4})-(0[1-9]|1[0-2])", str(text))
    if match is None:
        raise ValueError(f"not {text!r}")
    return int(match[1]), int(match[2])
