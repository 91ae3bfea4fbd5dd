#!/bin/sh
# Installs the Debian packages that the full form of the benchmarks compares with, as root: compilers, load generators and
# media servers. The services among them are not started. The short form needs only gcc and Node.
set -eu
packages='gcc libc6-dev golang-go sockperf sip-tester irtt rtpengine-daemon tshark libhdrhistogram-java default-jre-headless libfftw3-dev user-mode-linux kmod'

missing=''
for package in $packages; do
  status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
  [ "$status" = 'install ok installed' ] || missing="$missing $package"
done
if [ -z "$missing" ]; then exit 0; fi
if [ "$(id -u)" != 0 ]; then
  echo "bench-peers: only root can install:$missing" >&2
  exit 1
fi

# Debian starts a service as soon as it is installed, unless this program forbids it. One that is there already stays.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
apt-get -qq update
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends $missing
