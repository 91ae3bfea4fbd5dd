#!/bin/sh
# Installs rtplat from the folder that this script lies in: the program, units for systemd, a user, configuration to begin with.
# Can be run again, over an older or the same version: configuration stays, services that run are stopped before (their calls
# drain) and started again. Enables and starts nothing else, and opens no port: it prints the rules for that.
set -eu

usage() {
  cat <<'EOF'
install.sh [--prefix FOLDER] [--dry-run] [--no-systemd] [--user NAME]

  --prefix FOLDER  where the program goes; the folder is its own (default: /opt/rtplat)
  --dry-run        print what would be done, and do nothing
  --no-systemd     the program only: no units, no user, no configuration
  --user NAME      the user that services run as (default: rtplat); made if it is not there
EOF
}

fail() {
  echo "install.sh: $1" >&2
  exit "${2:-1}"
}

prefix=/opt/rtplat dry='' systemd=yes user=rtplat
while [ $# -gt 0 ]; do
  case $1 in
    --prefix | --user)
      [ $# -ge 2 ] || fail "$1 needs a value; see --help" 2
      if [ "$1" = --prefix ]; then prefix=$2; else user=$2; fi
      shift
      ;;
    --dry-run) dry=yes ;;
    --no-systemd) systemd='' ;;
    --help | -h)
      usage
      exit 0
      ;;
    *) fail "unknown argument $1; see --help" 2 ;;
  esac
  shift
done

here=$(dirname "$(readlink -f "$0")")
case $prefix in
  / | /bin | /boot | /dev | /etc | /home | /lib | /lib64 | /opt | /proc | /root | /run | /sbin | /srv | /sys | /tmp | /usr | /usr/local | /usr/bin | /usr/lib | /var | /var/lib)
    fail "--prefix must be a folder for rtplat alone, such as /opt/rtplat, not $prefix" 2
    ;;
  *[!A-Za-z0-9._/+-]* | [!/]* | '') fail "--prefix must be an absolute path of letters, digits, and . _ - + /, not $prefix" 2 ;;
  */ | */.. | */../* | */. | */./* | *//*) fail "--prefix must be written without /./, /../, // and a slash at its end, not $prefix" 2 ;;
esac
case $user in
  '' | -* | *[!a-z0-9_-]*) fail "--user must be the name of a user: a-z, 0-9, _ and -, not $user" 2 ;;
esac
[ -x "$here/bin/node" ] || fail "$here is not an unpacked rtplat: bin/node is missing"
if [ -e "$prefix" ] && [ ! -e "$prefix/dist/bin/rtplat.js" ] && [ -n "$(ls -A "$prefix" 2>/dev/null)" ]; then
  fail "$prefix holds something that is not rtplat; choose another --prefix"
fi
"$here/bin/node" --version >/dev/null || fail 'its Node does not run here: the tarball is for another processor, or libstdc++6 is missing'

# do_it COMMAND…: prints it, and without --dry-run runs it.
do_it() {
  echo "+ $*"
  [ -n "$dry" ] || "$@"
}

units=/etc/systemd/system
running=''
if [ -n "$systemd" ]; then
  [ -n "$dry" ] || [ "$(id -u)" = 0 ] || fail 'units and a user need root: run it with sudo, or give --no-systemd'
  command -v systemctl >/dev/null || fail 'there is no systemd here; give --no-systemd' 1
  if [ -e /usr/lib/systemd/system/rtplat-echo.service ]; then
    fail 'the Debian package is installed, and its units would be hidden: apt-get remove rtplat first, or give --no-systemd'
  fi
  if [ -d /run/systemd/system ]; then
    running=$(systemctl list-units --plain --no-legend --state=active,activating,reloading 'rtplat-*.service' | while read -r unit _; do echo "$unit"; done)
  fi
fi

# Beside the old one first: whatever fails here leaves that one whole.
if [ "$here" != "$prefix" ]; then
  do_it mkdir -p "$(dirname "$prefix")"
  do_it rm -rf "$prefix.new" "$prefix.old"
  do_it cp -R "$here" "$prefix.new"
fi
# A running service loads some of its parts late: they must be of the version that it began with.
# shellcheck disable=SC2086
[ -z "$running" ] || do_it systemctl stop $running
if [ "$here" != "$prefix" ]; then
  [ ! -e "$prefix" ] || do_it mv "$prefix" "$prefix.old"
  do_it mv "$prefix.new" "$prefix"
  do_it rm -rf "$prefix.old"
fi

if [ -n "$systemd" ]; then
  if ! getent passwd "$user" >/dev/null; then
    do_it useradd --system --user-group --home-dir /var/lib/rtplat --no-create-home --shell /usr/sbin/nologin --comment 'rtplat services' "$user"
    # For uninstall.sh --purge: a user that was there before stays.
    do_it mkdir -p /var/lib/rtplat
    do_it touch "/var/lib/rtplat/.user-$user"
  fi
  group=$(id -gn "$user" 2>/dev/null || echo "$user")
  do_it mkdir -p "$units/rtplat-.service.d" /etc/rtplat
  for file in "$here"/share/systemd/rtplat-*.service "$here"/share/systemd/rtplat-.service.d/10-rtplat.conf; do
    target=$units/${file#"$here/share/systemd/"}
    echo "+ write $target"
    [ -n "$dry" ] || sed -e "s|^ExecStart=/usr/bin/rtplat |ExecStart=$prefix/bin/rtplat |" -e "s|^User=.*|User=$user|" -e "s|^Group=.*|Group=$group|" "$file" >"$target"
  done
  # An older systemd complains of the keys in it.
  if [ "$(systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')" -ge 254 ]; then
    do_it cp "$here/share/systemd/backoff.conf" "$units/rtplat-.service.d/20-backoff.conf"
  fi
  if [ -d /etc/polkit-1/rules.d ]; then
    echo '+ write /etc/polkit-1/rules.d/50-rtplat.rules'
    [ -n "$dry" ] || sed "s|'rtplat'|'$user'|" "$here/share/polkit.rules" >/etc/polkit-1/rules.d/50-rtplat.rules
  fi
  for file in "$here"/share/etc/*.toml; do
    target=/etc/rtplat/${file##*/}
    if [ -e "$target" ]; then echo "  $target stays as it is"; else do_it cp "$file" "$target"; fi
  done
  if [ -d /usr/local/bin ] && { [ ! -e /usr/local/bin/rtplat ] || [ -L /usr/local/bin/rtplat ]; }; then
    do_it ln -sfn "$prefix/bin/rtplat" /usr/local/bin/rtplat
  fi
  if [ -d /run/systemd/system ]; then
    do_it systemctl daemon-reload
    # shellcheck disable=SC2086
    [ -z "$running" ] || do_it systemctl start $running
  fi
fi

[ -z "$dry" ] || echo 'Nothing was done.'
[ -n "$dry" ] || echo "Installed: $("$prefix/bin/rtplat" --version) in $prefix"
[ -z "$systemd" ] || cat <<'EOF'

Next: look at /etc/rtplat/echo.toml, then: systemctl enable --now rtplat-echo
Where a firewall stands before this host, these let packets in; take the lines of what you use, and name the addresses that may send.
  ufw:       ufw allow from 192.0.2.0/24 to any port 4000 proto udp            # echo
             ufw allow from 192.0.2.0/24 to any port 10000:10100 proto udp     # ari-serve
             ufw allow from 192.0.2.0/24 to any port 5060                      # sip-serve, and 10000:20000 proto udp
  nftables:  nft add rule inet filter input ip saddr 192.0.2.0/24 udp dport '{ 4000, 5060, 10000-20000 }' accept
             nft add rule inet filter input ip saddr 192.0.2.0/24 tcp dport 5060 accept
EOF
