"""The timetable of a cron schedule, wherever this version of Airflow keeps it."""

try:
    # The light one for authors: Airflow's own does all of the scheduler's work when it is made, on every import of a DAG.
    from airflow.sdk import CronDataIntervalTimetable
except ImportError:  # in the first versions of Airflow 3, authors use the scheduler's
    from airflow.timetables.interval import CronDataIntervalTimetable

__all__ = ["CronDataIntervalTimetable"]
