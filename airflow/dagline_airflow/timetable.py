"""The timetable of a cron schedule: the light one for authors. Airflow's own does all of the scheduler's work on every import of a DAG."""

from airflow.sdk import CronDataIntervalTimetable

__all__ = ["CronDataIntervalTimetable"]
