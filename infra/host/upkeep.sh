#!/usr/bin/env bash
# Makes the system's updates take effect while no run is in flight: reboots where an update asks for it, or restarts the services of
# Airflow that still run on a replaced library. dagline-upkeep.timer starts it at night.
#
#   dagline-upkeep [ROOT]      ROOT: the folder that stands for / in a test
set -Eeuo pipefail
export LC_ALL=C.UTF-8

readonly ROOT=${1:-}
readonly SCHEDULER=airflow-scheduler.service
readonly UNITS=(airflow-api-server.service "$SCHEDULER" airflow-dag-processor.service airflow-triggerer.service)

main() {
  local reboot=no outdated=() unit
  if [[ -e $ROOT/run/reboot-required ]]; then reboot=yes; fi
  for unit in "${UNITS[@]}"; do
    if runs_on_replaced_files "$unit"; then outdated+=("$unit"); fi
  done
  [[ $reboot == yes || ${#outdated[@]} -gt 0 ]] || leave 'nothing to do'
  exec 9>"$ROOT/run/dagline-bootstrap.lock"
  flock --nonblock 9 || leave 'bootstrap.sh is running'
  idle || leave 'runs are in flight, a reload is under way, or Airflow is not healthy'

  # A stopped scheduler starts no task. A run that began before it stopped is seen by the second look.
  trap 'systemctl kill --kill-whom=main --signal=CONT "$SCHEDULER" 2>/dev/null || true' EXIT
  systemctl kill --kill-whom=main --signal=STOP "$SCHEDULER"
  idle || leave 'a run has just begun'
  # When systemd ends it, it goes on just to end: SIGCONT follows SIGTERM (systemd.kill(5), KillSignal=).
  if [[ $reboot == yes ]]; then
    printf 'rebooting: an update asks for it\n'
    systemctl reboot
  else
    printf 'restarting %s: libraries were replaced\n' "${outdated[*]}"
    systemctl restart "${outdated[@]}"
  fi
}

leave() {
  printf '%s\n' "$1"
  exit 0
}

# What dpkg replaced is "(deleted)" in the maps of a process that still runs on it.
runs_on_replaced_files() {
  local pid
  pid=$(systemctl show --property=MainPID --value "$1")
  [[ $pid =~ ^[1-9][0-9]*$ ]] && grep -Eqs ' /(usr|lib[0-9]*|bin|sbin)/.* \(deleted\)$' "$ROOT/proc/$pid/maps"
}

# Neither a run nor a reload, which must not lose Airflow in its middle.
idle() {
  local status
  ! grep -Paqs 'agent\.mjs\0reload\0' "$ROOT"/proc/[0-9]*/cmdline &&
    status=$(timeout 30 "$ROOT/opt/dagline/bin/dagline-agent" status) &&
    [[ $status == *'"in_flight":{}'* && $status == *'"healthy":true'* ]]
}

main
