# shellcheck shell=bash disable=SC2154,SC2034
# What scripts/test-systemd.sh checks in a machine that it has booted; it has the words that are used here.

from_deb() {
  local pid arch
  arch=$(dpkg --print-architecture)
  listing >"$work/files.before"
  check 'the package installs' apt install "/packages/rtplat_1.0.0-1_$arch.deb"
  check 'the user rtplat is there, without a shell' account
  check 'nothing is enabled and nothing runs' untouched
  check 'systemd-analyze verify finds nothing' verified
  note=$(scores) check 'systemd-analyze security: 2.0 or less' secure
  check 'the configuration it brings is right' configured

  check 'echo starts and is ready' start echo
  check 'it says what it does in systemctl status' says_status
  check 'packets come back, through the batch engine' answers
  check 'sip-serve starts and is ready' start sip-serve
  check 'and its health is good' healthy http://127.0.0.1:8080/health
  pid=$(show sip-serve MainPID)
  inside sed -i 's/^mode = .*/mode = "echo"/' /etc/rtplat/sip-serve.toml
  check 'systemctl reload reads its configuration again' reloads "$pid"
  check 'ari-serve does not start without its password, and says where it belongs' refuses_without_password
  inside sh -c 'umask 077; echo secret > /etc/rtplat/ari-pass'
  check 'with it ari-serve starts, whether Asterisk is there or not' start ari-serve
  check 'and tells that Asterisk is not' healthy http://127.0.0.1:9090/health 503
  watch_unit dbus other dbus.service
  check 'monitor starts and is ready' start monitor
  check 'all run as rtplat, without capabilities, behind a seccomp filter' confined

  signalled KILL 15 'kill -9 of all: they are back'
  check 'and echo answers' answers
  signalled STOP 60 'SIGSTOP of all: the watchdog ends them, and they are back'
  check 'the journal says so' logged echo 'Watchdog timeout'
  check 'and echo answers' answers
  check 'and the health of sip-serve is good' healthy http://127.0.0.1:8080/health

  monitored
  crash_loop
  wrong_configuration

  inside systemctl --quiet enable rtplat-echo rtplat-sip-serve
  inside sed -i 's/^port = 4000/port = 4001/' /etc/rtplat/echo.toml
  reboot
  check 'what was enabled runs after a reboot, with its configuration' within 20 answers 4001
  check 'sip-serve too' within 20 is sip-serve ActiveState active
  check 'what was not enabled does not' is ari-serve ActiveState inactive

  pid=$(show echo MainPID)
  on_the_phone
  check 'an upgrade installs' apt install "/packages/rtplat_1.0.1-1_$arch.deb"
  check 'a call that is up has its time, and is ended with BYE' within 5 grep -q ^BYE "$work/call"
  check 'a service that ran runs again, as a new process' another echo "$pid"
  check 'with the configuration as it was edited' answers 4001
  check 'sip-serve takes calls again' healthy http://127.0.0.1:8080/health
  check 'what did not run does not' is ari-serve ActiveState inactive
  check 'it is still enabled' inside systemctl --quiet is-enabled rtplat-echo

  examples

  check 'it is removed' apt remove rtplat
  check 'no service had to be killed to stop' none_killed
  check 'its processes are gone, the configuration is there' removed
  check 'it is purged' apt purge rtplat
  check 'and leaves nothing behind' same_files
}

from_tarball() {
  local cpu=x64 pid
  [ "$(uname -m)" = x86_64 ] || cpu=arm64
  inside mkdir -p /tmp/unpacked
  inside tar -xzf "/packages/rtplat-1.0.0-linux-$cpu.tar.gz" -C /tmp/unpacked --strip-components=1
  listing >"$work/files.before"
  check 'the tarball runs where it is unpacked' inside /tmp/unpacked/bin/rtplat --version
  check 'install.sh --dry-run' inside /tmp/unpacked/install.sh --dry-run
  check 'does nothing' same_files
  check 'install.sh' inside /tmp/unpacked/install.sh
  check 'echo starts and is ready' start echo
  check 'and answers' answers
  inside sed -i 's/^port = 4000/port = 4001/' /etc/rtplat/echo.toml
  pid=$(show echo MainPID)
  check 'install.sh once more' inside /tmp/unpacked/install.sh
  check 'starts again what ran, as a new process' another echo "$pid"
  check 'and keeps the configuration' answers 4001
  check 'install.sh --prefix in place of something else is refused' refused_prefix
  check 'uninstall.sh' inside /opt/rtplat/uninstall.sh
  check 'keeps the configuration' inside grep -q 'port = 4001' /etc/rtplat/echo.toml
  check 'uninstall.sh --purge' inside /tmp/unpacked/uninstall.sh --purge
  check 'leaves nothing behind' same_files
}

apt() { inside env DEBIAN_FRONTEND=noninteractive apt-get -qq -y "$@"; }

account() { inside getent passwd rtplat | grep -q ':/var/lib/rtplat:/usr/sbin/nologin$'; }

untouched() {
  local unit
  for unit in echo ari-serve sip-serve monitor; do
    is "$unit" UnitFileState disabled && is "$unit" ActiveState inactive || return
  done
}

verified() {
  local unit said
  for unit in echo ari-serve sip-serve monitor; do
    said=$(inside systemd-analyze verify --recursive-errors=no "rtplat-$unit.service" 2>&1 |
      grep -v "Command 'man rtplat-[a-z-]*(1)' failed") # a minimal Debian has no man
    [ -z "$said" ] || {
      echo "$said"
      return 1
    }
  done
}

scores() {
  local unit
  for unit in echo ari-serve sip-serve monitor; do
    inside systemd-analyze security --no-pager "rtplat-$unit.service" 2>/dev/null | sed -n 's/.*level for rtplat-\([a-z-]*\).service: \([0-9.]*\).*/\1 \2/p'
  done | paste -sd, | sed 's/,/, /g'
}
secure() {
  local unit
  for unit in echo ari-serve sip-serve monitor; do
    inside systemd-analyze security --no-pager --threshold=20 "rtplat-$unit.service" >"$work/score" || {
      tail -1 "$work/score"
      return 1
    }
  done
}

configured() {
  local command
  for command in echo ari-serve sip-serve; do
    inside env CREDENTIALS_DIRECTORY=/etc/rtplat rtplat "$command" --config "/etc/rtplat/$command.toml" --check || return
  done
}

says_status() { inside systemctl status --no-pager rtplat-echo | grep -q 'Status: ".*4000'; }

confined() {
  local unit pid
  for unit in echo ari-serve sip-serve monitor; do
    pid=$(show "$unit" MainPID)
    inside grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):' "/proc/$pid/status"
    [ "$(inside stat -c %U "/proc/$pid")" = rtplat ] &&
      inside grep -q '^CapBnd:.0*$' "/proc/$pid/status" &&
      inside grep -q '^NoNewPrivs:.1$' "/proc/$pid/status" &&
      inside grep -q '^Seccomp:.2$' "/proc/$pid/status" || return
  done
}

# signalled SIGNAL SECONDS NAME: all four get it at once, and all four run as other processes within the time.
signalled() {
  local pids
  pids=$(main_pids | paste -sd' ')
  inside sh -c "kill -$1 $pids"
  # shellcheck disable=SC2086
  check "$3" within "$2" others $pids
}
main_pids() {
  local unit
  for unit in echo ari-serve sip-serve monitor; do show "$unit" MainPID; done
}
others() {
  local unit
  for unit in echo ari-serve sip-serve monitor; do
    another "$unit" "$1" >/dev/null || return
    shift
  done
}

reloads() {
  inside systemctl reload rtplat-sip-serve && within 10 logged sip-serve 'Configuration reloaded' && is sip-serve MainPID "$1"
}

refuses_without_password() {
  ! inside systemctl start rtplat-ari-serve && is ari-serve NRestarts 0 && logged ari-serve 'credential:ari-pass is empty' && logged ari-serve LoadCredential=
}

# watch_unit NAME KIND UNIT: what the monitor watches at its next start.
watch_unit() {
  # shellcheck disable=SC2016
  inside sed -i '/^\[\[service]]/,$d' /etc/rtplat/monitor.toml
  printf '[[service]]\nname = "%s"\nkind = "%s"\nsystemd_unit = "%s"\ninterval_ms = 500\ntimeout_ms = 400\n' "$@" |
    inside tee -a /etc/rtplat/monitor.toml >/dev/null
}

# As the user rtplat, by the rule for polkit.
monitored() {
  watch_unit echo echo rtplat-echo.service
  inside systemctl restart rtplat-monitor
  inside systemctl stop rtplat-echo
  check 'monitor restarts a unit that is down' within 30 is echo ActiveState active
  check 'which answers' answers
  check 'the user rtplat may restart no other' no_other_unit
  inside systemctl stop rtplat-monitor
}
no_other_unit() {
  ! inside setpriv --reuid rtplat --regid rtplat --clear-groups systemctl --no-ask-password restart systemd-logind.service
}

# Another process has its port: six starts, then it has failed for good, and says so.
crash_loop() {
  inside systemctl stop rtplat-echo
  # What was started before must not count.
  inside systemctl reset-failed rtplat-echo 2>/dev/null
  inside systemd-run --quiet --unit=thief rtplat echo --port 4000
  within 10 answers >/dev/null 2>&1
  inside systemctl start rtplat-echo 2>/dev/null
  check 'a crash loop ends in the state failed' within 90 is echo ActiveState failed
  check 'after six starts' six_starts
  check 'and says why' logged echo 'Start request repeated too quickly'
  inside systemctl stop thief
  inside systemctl reset-failed rtplat-echo
  check 'it starts when its port is free again' start echo
}

six_starts() {
  local starts
  starts=$(inside journalctl -q --no-pager -u rtplat-echo | grep -c 'cannot bind')
  [ "$starts" = 6 ] || {
    echo "$starts starts"
    return 1
  }
}

wrong_configuration() {
  inside systemctl stop rtplat-echo
  inside sed -i 's/^port = /prot = /' /etc/rtplat/echo.toml
  check 'a wrong configuration does not start' not_started
  check 'is not tried again' is echo NRestarts 0
  check 'and the journal says file, line and remedy' logged echo '/etc/rtplat/echo.toml:5: unknown key "prot" at the top level (did you mean "port"?)'
  inside sed -i 's/^prot = /port = /' /etc/rtplat/echo.toml
  check 'put right, it starts' start echo
}
not_started() { ! inside systemctl start rtplat-echo && is echo ActiveState failed; }

# A call to sip-serve, from a program of this machine in the network of the other: it notes when the call is up, and when BYE came.
on_the_phone() {
  nsenter -t "$init" -n node scripts/packages/call.ts 5060 >"$work/call" 2>&1 &
  call=$!
  check 'sip-serve takes a call' within 10 grep -q ^up "$work/call"
}

# with_example NAME: echo, started with a drop-in that is only an example.
with_example() {
  inside rm -rf /etc/systemd/system/rtplat-echo.service.d
  inside mkdir /etc/systemd/system/rtplat-echo.service.d
  inside cp "/usr/share/doc/rtplat/examples/$1" /etc/systemd/system/rtplat-echo.service.d/
  inside systemctl daemon-reload
  inside systemctl restart rtplat-echo
}
examples() {
  with_example realtime.conf
  check 'with realtime.conf all its threads have real-time priority' all_realtime "$(show echo MainPID)"
  check 'and it answers' answers 4001
  inside sed -i 's/^port = 4001/port = 401/' /etc/rtplat/echo.toml
  inside systemctl restart rtplat-echo
  check 'it has no port below 1024' logged echo 'EACCES'
  with_example low-ports.conf
  check 'but with low-ports.conf' answers 401
  inside rm -r /etc/systemd/system/rtplat-echo.service.d
}
# Field 41 of /proc/PID/stat is the policy; 2 is SCHED_RR. Field 2, in brackets, may have spaces.
all_realtime() {
  local policies
  policies=$(inside sh -c "cat /proc/$1/task/*/stat" | sed 's/.*) //' | cut -d' ' -f39)
  echo "$policies"
  [ "$(echo "$policies" | wc -l)" -gt 5 ] && [ "$(echo "$policies" | sort -u)" = 2 ]
}

none_killed() { ! inside journalctl -q --no-pager -u 'rtplat-*' | grep "'stop-.*timed out"; }

removed() {
  inside test -f /etc/rtplat/echo.toml && [ -z "$(inside find /proc -maxdepth 1 -user rtplat)" ] && ! inside test -e /etc/systemd/system/multi-user.target.wants/rtplat-echo.service
}

refused_prefix() { ! inside /tmp/unpacked/install.sh --prefix /usr/share && ! inside /tmp/unpacked/install.sh --prefix /usr; }
