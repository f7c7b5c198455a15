"""The DAGs of a release, as one of Airflow's own versioned bundles."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

from airflow.dag_processing.bundles.base import BaseDagBundle
from airflow.exceptions import AirflowException

try:
    from airflow.dag_processing.bundles.base import BundleVersion
except ImportError as error:
    raise ImportError("dagline needs Airflow 3.2 or newer") from error

_RELEASE_ID = re.compile(r"[0-9a-f]{64}")


class DaglineBundle(BaseDagBundle):
    """
    Serves the DAG files of one release: its version is the release's id, its path that release's folder.

    Without a version (the DAG processor) it serves the release that `active.json` names and looks again at each refresh.
    With one (a task of a run, which belongs to the release that it started on) it serves that release, and fetches it
    where it is not on this machine.

    :param home: the host's folder; `DAGLINE_HOME`, or `/opt/dagline`, when not given
    """

    supports_versioning = True

    def __init__(self, *, home: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._home = Path(home or os.environ.get("DAGLINE_HOME") or "/opt/dagline")
        if self.version is not None and not _RELEASE_ID.fullmatch(self.version):
            raise AirflowException(f"not a dagline release: {self.version!r}")
        # One value between two refreshes, so that the path and the version never speak of two releases.
        self._release = self.version or self._active_release()

    @property
    def path(self) -> Path:
        return self._home / (
            "empty" if self._release is None else f"releases/{self._release}/dags"
        )

    def initialize(self) -> None:
        if self.version is not None and not self.path.exists():
            self._fetch(self.version)
        self.refresh()
        super().initialize()

    def refresh(self) -> None:
        self._release = self.version or self._active_release()
        if self._release is None:
            self.path.mkdir(parents=True, exist_ok=True)

    def get_current_version(self) -> BundleVersion | None:
        return None if self._release is None else BundleVersion(version=self._release)

    def _active_release(self) -> str | None:
        try:
            return json.loads((self._home / "active.json").read_text(encoding="utf-8"))[
                "release"
            ]
        except FileNotFoundError:
            return None

    def _fetch(self, version: str) -> None:
        agent = self._home / "bin" / "dagline-agent"
        outcome = subprocess.run(
            [str(agent), "fetch", version], capture_output=True, text=True, check=False
        )
        if outcome.returncode != 0:
            raise AirflowException(
                f"release {version} is not on this machine and could not be fetched: {outcome.stderr.strip()}"
            )


class LeavingBundle(DaglineBundle):
    """
    Serves the DAGs that the active release lacks and that have runs which have not ended; the agent keeps them in `leaving`.

    The scheduler examines only runs of DAGs that some bundle serves (`DagRun.get_running_dag_runs_to_examine`).
    A task of such a run asks for the version that the run belongs to, as ever: that is its release.
    """

    @property
    def path(self) -> Path:
        return super().path if self.version is not None else self._home / "leaving"

    def refresh(self) -> None:
        if self.version is None:
            self.path.mkdir(parents=True, exist_ok=True)

    def get_current_version(self) -> BundleVersion | None:
        if self.version is not None:
            return super().get_current_version()
        # Airflow looks for files that came or went only when the version changes.
        digest = hashlib.sha256()
        for file in sorted(self.path.glob("*.py")):
            digest.update(f"{file.name} {file.stat().st_mtime_ns}\n".encode())
        return BundleVersion(version=f"leaving-{digest.hexdigest()[:16]}")
