#!/bin/sh
# bench/netem/path.sh FOLDER NETEM-ARGUMENTS…: a path between two network namespaces with the kernel's sch_netem on the way there, for
# instance `path.sh /tmp/x delay 20ms 5ms distribution normal loss 1%`. To be run by scripts/in-netns.sh: what it makes is gone with that
# namespace, and it makes nothing elsewhere.
#
# Here is 10.97.1.1 on the device `near`. There is 10.97.2.1 on `far`, in a namespace that lives as long as this script. Where the
# kernel of this machine has sch_netem, the two devices are a pair of veth and netem is on `near`. Where it has not, a user-mode Linux
# (Debian's user-mode-linux, and kmod for its insmod) routes between two taps and has it on the way to `far`. No path without netem is
# ever ready. FOLDER holds what the user-mode Linux says.
#
# Prints `path: ready, far PID, by WHAT` once a datagram can pass; PID is for `nsenter -t PID -n`. Ends with SIGTERM.
set -eu
PATH=$PATH:/usr/sbin:/sbin
folder=$1
shift
near=10.97.1.1 far=10.97.2.1

fail() {
  echo "path: $1" >&2
  exit 1
}
[ "${RTPLAT_NETNS:-}" = 1 ] || fail 'no network namespace of its own: run it by scripts/in-netns.sh, where namespaces are allowed'

router='' holder=''
# shellcheck disable=SC2317
down() {
  trap - EXIT
  # unshare heeds no other signal.
  [ -z "$router" ] || kill -KILL "$router" 2>/dev/null || true
  [ -z "$holder" ] || kill "$holder" 2>/dev/null || true
  wait
  ip link delete near 2>/dev/null || true
  ip link delete far 2>/dev/null || true
}
trap down EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

# Should this script be killed, the kernel ends what it started.
setpriv --pdeathsig KILL -- unshare -n sleep infinity &
holder=$!
until [ "$(readlink "/proc/$holder/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do
  kill -0 "$holder" 2>/dev/null || fail 'no second network namespace is allowed here'
  sleep 0.02
done
there() { nsenter -t "$holder" -n "$@"; }
there ip link set lo up

addresses() {
  ip address add "$near/24" dev near
  ip link set near up
  there ip address add "$far/24" dev far
  there ip link set far up
}

# Without a pair of veth the kernel cannot tell; sch_netem is tried where it will be.
if ip link add near type veth peer name far 2>/dev/null && tc qdisc add dev near root netem "$@" 2>"$folder/tc"; then
  by="the kernel's sch_netem"
  ip link set far netns "$holder"
  addresses
  ip route add "$far" dev near
  there ip route add "$near" dev far
else
  ip link delete near 2>/dev/null || true
  missing=''
  for pair in linux.uml:user-mode-linux insmod:kmod tc:iproute2; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
  done
  [ -z "$missing" ] || fail "this kernel has no sch_netem ($(head -1 "$folder/tc" 2>/dev/null)), and to run one that has, the Debian packages$missing are missing (scripts/bench-peers.sh installs them)"
  module=$(echo /usr/lib/uml/modules/*/kernel/net/sched/sch_netem.ko)
  [ -f "$module" ] || fail "this kernel has no sch_netem, and the user-mode Linux has none at $module"
  by="the sch_netem of a user-mode Linux"
  for tap in near far; do ip tuntap add "$tap" mode tap || fail 'no tap device is allowed here'; done
  : >"$folder/router.log"
  init=$(cd "$(dirname "$0")" && pwd)/router.sh
  # It is several processes: in a process namespace of its own none of them outlives the first one.
  setpriv --pdeathsig KILL -- unshare --pid --fork --kill-child=KILL linux.uml mem=128M rootfstype=hostfs rootflags=/ ro "init=$init" quiet con=null con0=null,fd:1 \
    "uml_dir=$folder/uml" umid=path "MODULE=$module" "NETEM=\"$*\"" \
    vec0:transport=tap,ifname=near,depth=64 vec1:transport=tap,ifname=far,depth=64 </dev/null >"$folder/router.log" 2>&1 &
  router=$!
  until grep -q 'router: ready' "$folder/router.log"; do
    kill -0 "$router" 2>/dev/null || fail "the user-mode Linux ended: $(tail -3 "$folder/router.log")"
    if grep -q 'router: failed' "$folder/router.log"; then fail "in the user-mode Linux: $(grep -B 3 'router: failed' "$folder/router.log")"; fi
    sleep 0.05
  done
  # Only now, for the user-mode Linux looks for it in its own namespace.
  ip link set far netns "$holder"
  addresses
  ip route add "$far" via 10.97.1.254
  there ip route add "$near" via 10.97.2.254
fi
echo "path: ready, far $holder, by $by"
wait "$holder"
fail 'the namespace at the far end is gone'
