#!/bin/sh
# scripts/in-netns.sh COMMAND…: runs it in a network namespace of its own, with nothing but loopback: private ports, no
# cross-talk, and the right to capture, as root or as any user. Where namespaces are forbidden it says so and runs the
# command in the network of the machine.
set -eu
PATH=$PATH:/usr/sbin:/sbin
if [ "${RTPLAT_NETNS:-}" = 1 ]; then exec "$@"; fi # already inside
ip=$(command -v ip || echo "${RTPLAT_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/rtplat/peers}/bin/ip")
if [ "$(id -u)" = 0 ]; then how='-n'; else how='-rn'; fi
if unshare "$how" "$ip" link set lo up 2>/dev/null; then
  export RTPLAT_NETNS=1
  # shellcheck disable=SC2016
  exec unshare "$how" sh -c '"$0" link set lo up && exec "$@"' "$ip" "$@"
fi
echo "in-netns: unshare $how is not allowed here; running in the network of this machine" >&2
exec "$@"
