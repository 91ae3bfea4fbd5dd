#!/bin/sh
# The first and only process of the user-mode Linux of path.sh: a router with netem on its second device. MODULE and NETEM come with the
# kernel's command line.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
mount -t proc proc /proc
# NETEM is several words.
# shellcheck disable=SC2086
{
  insmod "$MODULE" &&
    ip address add 10.97.1.254/24 dev vec0 && ip link set vec0 up &&
    ip address add 10.97.2.254/24 dev vec1 && ip link set vec1 up &&
    echo 1 >/proc/sys/net/ipv4/ip_forward &&
    tc qdisc add dev vec1 root netem $NETEM &&
    tc qdisc show dev vec1 | grep netem && echo 'router: ready'
} || echo 'router: failed'
while :; do sleep 3600; done
