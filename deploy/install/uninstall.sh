#!/bin/sh
# Takes away what install.sh installed. Configuration, and what services wrote, stay unless --purge is given. Can be run again.
set -eu

usage() {
  cat <<'EOF'
uninstall.sh [--prefix FOLDER] [--purge] [--dry-run]

  --prefix FOLDER  where install.sh put the program (default: /opt/rtplat)
  --purge          also /etc/rtplat, /var/lib/rtplat, /var/log/rtplat, and the user if install.sh made it
  --dry-run        print what would be done, and do nothing
EOF
}

fail() {
  echo "uninstall.sh: $1" >&2
  exit "${2:-1}"
}

prefix=/opt/rtplat purge='' dry=''
while [ $# -gt 0 ]; do
  case $1 in
    --prefix)
      [ $# -ge 2 ] || fail '--prefix needs a value; see --help' 2
      prefix=$2
      shift
      ;;
    --purge) purge=yes ;;
    --dry-run) dry=yes ;;
    --help | -h)
      usage
      exit 0
      ;;
    *) fail "unknown argument $1; see --help" 2 ;;
  esac
  shift
done

# do_it COMMAND…: prints it, and without --dry-run runs it.
do_it() {
  echo "+ $*"
  [ -n "$dry" ] || "$@"
}

if [ -e "$prefix" ] && { [ ! -e "$prefix/dist/bin/rtplat.js" ] || [ ! -e "$prefix/uninstall.sh" ]; }; then
  fail "$prefix is not what install.sh installs; nothing was removed"
fi

units=/etc/systemd/system
# Units that start another program (of a second installation) are not ours.
if grep -qs "^ExecStart=$prefix/bin/rtplat " "$units/rtplat-echo.service"; then
  [ -n "$dry" ] || [ "$(id -u)" = 0 ] || fail 'units need root: run it with sudo'
  for unit in echo ari-serve sip-serve monitor; do
    if [ -d /run/systemd/system ]; then do_it systemctl stop "rtplat-$unit.service"; fi
    do_it systemctl --quiet --no-reload disable "rtplat-$unit.service"
    do_it rm -f "$units/rtplat-$unit.service"
  done
  do_it rm -f "$units/rtplat-.service.d/10-rtplat.conf" "$units/rtplat-.service.d/20-backoff.conf" /etc/polkit-1/rules.d/50-rtplat.rules
  # Drop-ins of your own stay.
  do_it rmdir --ignore-fail-on-non-empty "$units/rtplat-.service.d"
  if [ "$(readlink /usr/local/bin/rtplat 2>/dev/null)" = "$prefix/bin/rtplat" ]; then do_it rm -f /usr/local/bin/rtplat; fi
  if [ -d /run/systemd/system ]; then do_it systemctl daemon-reload; fi
fi

if [ -n "$purge" ]; then
  for mark in /var/lib/rtplat/.user-*; do
    user=${mark##*/.user-}
    if [ -e "$mark" ] && getent passwd "$user" >/dev/null; then do_it userdel "$user"; fi
  done
  do_it rm -rf /etc/rtplat /var/lib/rtplat /var/log/rtplat
fi
if [ -e "$prefix" ]; then do_it rm -rf "$prefix"; fi
[ -z "$dry" ] || echo 'Nothing was done.'
