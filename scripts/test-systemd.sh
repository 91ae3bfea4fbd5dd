#!/bin/bash
# The Debian package and the tarball under a real systemd: installed, configured, started, killed, stopped dead, crashed in a loop,
# rebooted, upgraded, removed and purged, in Debian 12 and 13 booted by systemd-nspawn with no network but loopback. Needs root.
#
#   scripts/test-systemd.sh [bookworm|trixie …]     both without an argument
#
# RTPLAT_ROOTS     where the root trees are kept (default: ~/.cache/rtplat/roots); nothing in them is changed
# RTPLAT_PACKAGES  a folder with packages of the versions 1.0.0 and 1.0.1 rather than fresh ones, to save their building
# RTPLAT_SYSTEMD   "required": a machine that cannot boot one is a failure; else it is said, and the status is 77: neither success nor failure
set -uo pipefail
cd "$(dirname "$0")/.." || exit
PATH=$PWD/node_modules/.bin:$PATH:/usr/sbin:/sbin
roots=${RTPLAT_ROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/rtplat/roots}
include=systemd,dbus,libstdc++6,passwd,polkitd
suites=("$@")
[ $# -gt 0 ] || suites=(bookworm trixie)

cannot() {
  echo "test-systemd: not run: $1" >&2
  [ "${RTPLAT_SYSTEMD:-}" != required ] || exit 1
  exit 77
}
[ "$(id -u)" = 0 ] || cannot 'it needs root'
for program in systemd-nspawn mmdebstrap unshare nsenter setpriv dpkg-deb; do
  command -v "$program" >/dev/null || cannot "there is no $program here (Debian packages systemd-container, mmdebstrap, util-linux, dpkg)"
done

work=$(mktemp -d "${TMPDIR:-/tmp}/rtplat-systemd.XXXXXX")
init='' launcher='' call='' hurry=''
cleanup() {
  [ -z "$call" ] || kill "$call" 2>/dev/null
  [ -z "$hurry" ] || [ -z "$init" ] || kill -9 "$init"
  halt
  rm -rf "$work"
}
trap cleanup EXIT
trap 'hurry=yes; exit 130' INT
trap 'hurry=yes; exit 143' TERM

passed=0 failed=0
# check NAME COMMAND…: one line, and what the command said where it failed.
check() {
  local name=$1 said status=0 since=$SECONDS
  shift
  said=$("$@" 2>&1) || status=$?
  if [ "$status" = 0 ]; then
    passed=$((passed + 1))
    [ $((SECONDS - since)) -lt 3 ] || note="${note:+$note, }$((SECONDS - since)) s"
    echo "ok    $suite: $name${note:+ ($note)}"
  else
    failed=$((failed + 1))
    echo "FAIL  $suite: $name (status $status)"
    # shellcheck disable=SC2001
    echo "${said:-(it said nothing)}" | tail -20 | sed 's/^/      /'
  fi
  note=''
}
note=''

# inside COMMAND…: in the machine that has been booted.
inside() {
  nsenter -t "$init" -a env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@"
}
# within SECONDS COMMAND…: until it succeeds.
within() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.2
  done
}

# The root tree of a suite, made once.
root_of() {
  local suite=$1
  [ "$(cat "$roots/$suite.complete" 2>/dev/null)" = "$include" ] && return
  rm -rf "${roots:?}/$suite" "$roots/$suite.complete"
  mkdir -p "$roots"
  echo "test-systemd: making Debian $suite …" >&2
  mmdebstrap --quiet --variant=minbase --include="$include" "$suite" "$roots/$suite" || return
  echo "$include" >"$roots/$suite.complete"
}

# boot: the suite's tree, with what is written to it kept aside, so that a second boot finds it again. The machine dies with this script.
boot() {
  local keep='' child state
  mkdir -p "$work/$suite/"{upper,work,root}
  # Where no systemd manages this machine there is nobody to ask for a unit.
  [ -d /run/systemd/system ] || keep=--keep-unit
  # shellcheck disable=SC2016
  setsid setpriv --pdeathsig KILL unshare -m --propagation private sh -c '
    mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root" || exit
    exec systemd-nspawn --quiet -D "$2/root" --bind-ro="$3:/packages" --register=no $4 --private-network --boot --console=pipe
  ' - "$roots/$suite" "$work/$suite" "$packages" "$keep" </dev/null >"$work/$suite/console" 2>&1 &
  launcher=$!
  for _ in $(seq 300); do
    kill -0 "$launcher" 2>/dev/null || return 1
    for child in $(pgrep -P "$launcher"); do
      case $(cat "/proc/$child/comm" 2>/dev/null) in
        systemd | init) init=$child ;;
      esac
    done
    if [ -n "$init" ]; then
      state=$(inside systemctl is-system-running 2>/dev/null)
      case $state in running | degraded) return 0 ;; esac
    fi
    sleep 0.1
  done
  return 1
}
# halt: as the machine's own power button would.
halt() {
  [ -n "$launcher" ] || return 0
  [ -z "$init" ] || gone "$init" || inside systemctl poweroff >/dev/null 2>&1
  within 60 gone "$launcher" || { [ -z "$init" ] || kill -9 "$init"; }
  wait "$launcher" 2>/dev/null
  init='' launcher=''
}
gone() { ! kill -0 "$1" 2>/dev/null; }
# reboot: off and on. Without a machine there is nothing to check.
reboot() {
  halt
  if boot; then return; fi
  tail -20 "$work/$suite/console" >&2
  echo "test-systemd: Debian $suite did not come back from a reboot" >&2
  exit 1
}

# show UNIT PROPERTY; is UNIT PROPERTY VALUE
show() { inside systemctl show --value -p "$2" "rtplat-$1.service"; }
is() {
  local value
  value=$(show "$1" "$2")
  [ "$value" = "$3" ] || {
    echo "$2 of $1 is $value, not $3"
    return 1
  }
}
start() { inside systemctl start "rtplat-$1" || {
  inside journalctl -q -n 25 --no-pager -u "rtplat-$1"
  return 1
}; }
logged() { inside journalctl -q --no-pager -u "rtplat-$1" | grep -qF -- "$2" || {
  inside journalctl -q -n 25 --no-pager -u "rtplat-$1"
  return 1
}; }
# A real packet there and back; the measurement is a service's own affair, a busy machine may call it untrustworthy (4).
answers() {
  inside rtplat probe "udp://127.0.0.1:${1:-4000}" --duration 300ms --json >"$work/run.json"
  case $? in 0 | 4) ;; *) return 1 ;; esac
  node -e '
    const { summary } = JSON.parse(require("fs").readFileSync(process.argv[1]));
    console.log(JSON.stringify(summary));
    process.exit(summary.sent > 0 && summary.received === summary.sent && summary.engine === "batch" ? 0 : 1);
  ' "$work/run.json"
}
# another UNIT PID: it runs again, as another process.
another() {
  local pid
  pid=$(show "$1" MainPID)
  [ "$pid" != 0 ] && [ "$pid" != "$2" ] && [ "$(show "$1" ActiveState)" = active ]
}
healthy() {
  inside /usr/lib/rtplat/bin/node -e '
    const answer = await fetch(process.argv[1]);
    console.log(answer.status, await answer.text());
    process.exit(answer.status === Number(process.argv[2]) ? 0 : 1);
  ' --input-type=module "$1" "${2:-200}"
}
# Files of a machine that a package may leave or take; what the system itself keeps writing is not among them.
listing() {
  inside find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /dev -o -path /packages -o -path /var/log/journal -o -path /var/log/apt -o -path /var/lib/apt -o -path /var/cache \
    -o -path /var/lib/systemd -o -path /var/tmp \) -prune -o -print | sort
}
same_files() {
  listing >"$work/files.now"
  diff "$work/files.before" "$work/files.now" | grep '^[<>]' | grep -v -e '/etc/.*-$' -e '/var/lib/dpkg/' -e '/var/log/dpkg.log' -e '/etc/\.pwd\.lock' && return 1
  ! inside getent passwd rtplat
}

# shellcheck source=scripts/packages/systemd-checks.bash
. scripts/packages/systemd-checks.bash

packages=${RTPLAT_PACKAGES:-}
if [ -z "$packages" ]; then
  packages=$work/packages
  cpu=$(node -p process.arch)
  echo 'test-systemd: building the packages …' >&2
  sh scripts/setup.sh
  build() { node scripts/build-packages.ts --fast --cpu "$cpu" --version 1.0.0 --version 1.0.1 --out "$1" >&2; }
  build "$packages" || exit 1
  suite=packages
  (umask 077 && TZ=Asia/Kathmandu build "$work/again") || exit 1
  check 'built again, with another umask in another time zone, they are the same' cmp "$packages/SHA256SUMS" "$work/again/SHA256SUMS"
  rm -r "$work/again"
fi
for suite in "${suites[@]}"; do
  root_of "$suite" || cannot "mmdebstrap could not make Debian $suite"
  if ! boot; then
    halt
    tail -5 "$work/$suite/console" >&2
    cannot "systemd-nspawn does not boot Debian $suite here"
  fi
  from_deb
  from_tarball
  halt
done
echo "$SECONDS s"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
