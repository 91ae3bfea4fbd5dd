#!/bin/bash
# The real peers of the test suite: Asterisk of Debian sid and of bullseye, SIPp with its captures, tshark, dumpcap, ip, sox,
# espeak-ng, rsyslogd, Prometheus, VictoriaMetrics, HdrHistogram's own library with a Java to run it, and xmllint.
# Fetched with apt into a private directory tree and unpacked there: no root, no chroot, nothing on the machine is
# changed. Each program gets a wrapper in $PEERS/bin that starts it with its own C library. All but the Asterisks and rsyslogd are
# taken from PATH when the machine has them.
#
#   scripts/peers.sh              fetch what is missing, print one line per peer
#   scripts/peers.sh --refresh    fetch all of it again (sid moves on)
#
# RTPLAT_PEERS          where to keep them (default: ~/.cache/rtplat/peers)
# RTPLAT_DEBIAN_MIRROR  a Debian mirror (default: the one this machine's apt is set up with)
set -euo pipefail

peers=${RTPLAT_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/rtplat/peers}
layout=1 # raise when the way of unpacking changes: older caches are then fetched again
PATH=$PATH:/usr/sbin:/sbin

fail() {
  echo "peers: $1" >&2
  exit 1
}

# The mirror that apt takes this machine's own release from, in deb822 (.sources) or one-line (.list) settings.
mirror() {
  local id='' codename='' found=''
  if [ -n "${RTPLAT_DEBIAN_MIRROR:-}" ]; then
    echo "$RTPLAT_DEBIAN_MIRROR"
    return
  fi
  if [ -f /etc/os-release ]; then
    # shellcheck disable=SC1091
    read -r id codename < <(. /etc/os-release && echo "${ID:-} ${VERSION_CODENAME:-}")
  fi
  if [ "$id" = debian ] && [ -n "$codename" ]; then
    found=$(cat /etc/apt/sources.list.d/*.sources 2>/dev/null | awk -v RS= -v FS='\n' -v suite="$codename" '
      { uri = ""; suites = ""; components = ""
        for (i = 1; i <= NF; i++) {
          if ($i ~ /^URIs:/) { split($i, word, " "); uri = word[2] }
          if ($i ~ /^Suites:/) suites = $i " "
          if ($i ~ /^Components:/) components = $i " "
        }
        if (suites ~ " " suite " " && components ~ / main /) { print uri; exit } }')
    [ -n "$found" ] || found=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
      sed 's/\[[^]]*\]//' | awk -v suite="$codename" '$1 == "deb" && $3 == suite && / main( |$)/ { print $2; exit }')
  fi
  echo "${found:-http://deb.debian.org/debian}"
}

# apt over the private tree of one suite: apt_in DIR COMMAND [ARGUMENT…]
apt_in() {
  local tree=$1 command=$2
  shift 2
  "apt-$command" -qq -o Dir::Etc::SourceList="$tree/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::Etc::PreferencesParts=/dev/null -o Dir::State="$tree" -o Dir::State::status="$tree/status" \
    -o Dir::Cache="$tree/cache" -o Acquire::Check-Valid-Until=false -o Acquire::Languages=none \
    -o Acquire::Retries=3 -o APT::Architecture="$(dpkg --print-architecture)" -o APT::Architectures::= \
    -o APT::Sandbox::User= -o Debug::NoLocking=1 "$@"
}

# unpack SUITE ROOT PACKAGE…: the packages and every library that their Depends resolve to, into ROOT.
unpack() {
  local suite=$1 root=$2 from tree signed='' wanted
  shift 2
  from=$(mirror)
  tree=$(mktemp -d "$peers/.apt.XXXXXX")
  mkdir -p "$tree"/lists/partial "$tree"/cache/archives/partial "$tree/debs"
  : >"$tree/status"
  if [ -f /usr/share/keyrings/debian-archive-keyring.gpg ]; then
    signed='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] '
  fi
  echo "deb $signed$from $suite main" >"$tree/sources.list"

  apt_in "$tree" get -o APT::Update::Error-Mode=any update >"$tree/log" 2>&1 || give_up "$tree" "$suite" "$from" 'no package list'
  # With an empty status file apt resolves the whole closure. Of that, the named packages and the libraries are enough:
  # nothing is configured, no maintainer script runs.
  if ! apt_in "$tree" get --no-install-recommends --print-uris -y install "$@" >"$tree/closure" 2>"$tree/log"; then
    give_up "$tree" "$suite" "$from" "cannot resolve $*"
  fi
  wanted=$(awk '/^\047/ { sub(/_.*/, "", $2); print $2 }' "$tree/closure" | grep -E '^(lib|zlib1g)' || true)
  # shellcheck disable=SC2086
  (cd "$tree/debs" && apt_in "$tree" get download "$@" $wanted) >"$tree/log" 2>&1 ||
    give_up "$tree" "$suite" "$from" 'cannot download'
  rm -rf "$root"
  mkdir -p "$root"
  for deb in "$tree"/debs/*.deb; do
    dpkg -x "$deb" "$root" || give_up "$tree" "$suite" "$from" "cannot unpack ${deb##*/}"
  done
  rm -rf "$tree" "$root"/usr/share/{doc,man,locale,perl,lintian,mime,mibs} "$root"/usr/bin/perl*
}

give_up() {
  local why
  why=$(grep -m1 -E '^(E|W|dpkg)' "$1/log" 2>/dev/null || true)
  rm -rf "$1"
  fail "$2 from $3: $4${why:+ ($why)}. Check the network, or set RTPLAT_DEBIAN_MIRROR."
}

# wrap NAME ROOT PROGRAM [ARGUMENT]: $peers/bin/NAME starts ROOT/PROGRAM with the C library of its own suite, ARGUMENT first.
wrap() {
  local name=$1 root=$2 program=$3 argument=${4:-} loader libraries
  loader=$(find "$root" -type f \( -name 'ld-linux*.so*' -o -name 'ld-2.*.so' \) | head -1)
  libraries=$(find "$root" \( -name '*.so.*' -o -name 'lib*.so' \) ! -path '*/gconv/*' -printf '%h\n' | sort -u | paste -sd:)
  if [ -z "$loader" ] || [ ! -x "$root/$program" ]; then fail "$name: its package holds no $program or no C library"; fi
  mkdir -p "$peers/bin"
  rm -f "$peers/bin/$name"
  printf '#!/bin/sh\nexec "%s" --library-path "%s" "%s" %s"$@"\n' "$loader" "$libraries" "$root/$program" "${argument:+\"$argument\" }" \
    >"$peers/bin/$name"
  chmod +x "$peers/bin/$name"
}

# ensure NAME SUITE PACKAGE…: unpacked once, and again only when the layout changed or --refresh was given.
ensure() {
  local name=$1 suite=$2 stamp
  shift 2
  stamp="$peers/$name/.complete"
  if [ "$(cat "$stamp" 2>/dev/null)" != "$layout $suite $*" ] || [ -n "$refresh" ]; then
    echo "peers: fetching $name ($suite) …" >&2
    unpack "$suite" "$peers/$name" "$@"
    echo "$layout $suite $*" >"$stamp"
  fi
}

# system NAME: link $peers/bin/NAME to the machine's own program, if it has one.
system() {
  local found
  found=$(command -v "$1") || return 1
  mkdir -p "$peers/bin"
  ln -sfn "$found" "$peers/bin/$1"
}

# say NAME VERSION-COMMAND…: one line, or the end when the program does not run.
say() {
  local name=$1 version
  shift
  version=$("$@" 2>&1 | grep -m1 '[0-9]\.[0-9]\|iproute2' || true)
  [ -n "$version" ] || fail "$name does not run: $("$@" 2>&1 | head -1)"
  printf '%-18s %s\n' "$name" "${version#"${version%%[![:space:]]*}"}"
}

refresh=''
case ${1:-} in
  '') ;;
  --refresh) refresh=1 ;;
  *) fail "unknown argument $1 (only --refresh)" ;;
esac

mkdir -p "$peers" 2>/dev/null || fail "cannot create $peers: set RTPLAT_PEERS to a folder that can be written"
exec 9>"$peers/.lock"
flock -n 9 || {
  echo 'peers: another run is fetching, waiting …' >&2
  flock 9
}

# Under the lock, a tree that is there was left by a run that was killed.
rm -rf "$peers"/.apt.*
trap 'rm -rf "$peers"/.apt.*' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

for suite in sid bullseye; do
  name=asterisk-$suite
  ensure "$name" "$suite" asterisk asterisk-modules
  wrap "$name" "$peers/$name" usr/sbin/asterisk
  say "$name" "$peers/bin/$name" -V
done

# With Debian's SIPp come captures of speech and digits, which its own scenarios play.
captures=/usr/share/sip-tester
if ! { system sipp && [ -d "$captures" ]; }; then
  ensure sipp bookworm sip-tester
  wrap sipp "$peers/sipp" usr/bin/sipp
  captures=$peers/sipp/usr/share/sip-tester
fi
ln -sfn "$captures" "$peers/sip-captures"
say sipp "$peers/bin/sipp" -v

if ! { system tshark && system dumpcap; }; then
  ensure tshark bookworm tshark wireshark-common
  wrap tshark "$peers/tshark" usr/bin/tshark
  wrap dumpcap "$peers/tshark" usr/bin/dumpcap
fi
say tshark "$peers/bin/tshark" --version
say dumpcap "$peers/bin/dumpcap" --version

if ! { system ip; }; then
  ensure iproute2 bookworm iproute2
  wrap ip "$peers/iproute2" bin/ip
fi
say ip "$peers/bin/ip" -V

if ! { system sox; }; then
  ensure sox bookworm sox
  wrap sox "$peers/sox" usr/bin/sox
fi
say sox "$peers/bin/sox" --version

if ! { system espeak-ng; }; then
  ensure espeak-ng bookworm espeak-ng espeak-ng-data
  wrap espeak-ng "$peers/espeak-ng" usr/bin/espeak-ng "--path=$(dirname "$(find "$peers/espeak-ng" -type d -name espeak-ng-data)")"
fi
say espeak-ng "$peers/bin/espeak-ng" --version

# Never the machine's own: its AppArmor profile may keep it from our folders.
ensure rsyslog bookworm rsyslog
wrap rsyslogd "$peers/rsyslog" usr/sbin/rsyslogd "-M$(dirname "$(find "$peers/rsyslog" -name imuxsock.so)")"
say rsyslogd "$peers/bin/rsyslogd" -v

ensure prometheus sid prometheus promtool
for name in prometheus promtool; do
  wrap "$name" "$peers/prometheus" "usr/bin/$name"
  say "$name" "$peers/bin/$name" --version
done

# Debian's tells no version. What else is in its package, ten times as large, nobody needs.
ensure victoria-metrics sid victoria-metrics
rm -f "$peers"/victoria-metrics/usr/bin/vm*
wrap victoria-metrics "$peers/victoria-metrics" usr/bin/victoria-metrics
"$peers/bin/victoria-metrics" -version >/dev/null 2>&1 || fail 'victoria-metrics does not run'
printf '%-18s runs\n' victoria-metrics

# The library that the format is by. It has a program for histogram logs.
ensure hdrhistogram bookworm libhdrhistogram-java
ln -sfn "$peers/hdrhistogram/usr/share/java/hdrhistogram.jar" "$peers/hdrhistogram.jar"
if ! { system java; }; then
  ensure java bookworm openjdk-17-jre-headless
  wrap java "$peers/java" "$(cd "$peers/java" && echo usr/lib/jvm/java-17-openjdk-*/bin/java)"
fi
say java "$peers/bin/java" -version
{ "$peers/bin/java" -cp "$peers/hdrhistogram.jar" org.HdrHistogram.HistogramLogProcessor -h 2>&1 || true; } | grep -q 'valid arguments' ||
  fail 'HdrHistogram does not run'
printf '%-18s runs\n' HdrHistogram

if ! { system xmllint; }; then
  ensure xmllint bookworm libxml2-utils
  wrap xmllint "$peers/xmllint" usr/bin/xmllint
fi
"$peers/bin/xmllint" --version >/dev/null 2>&1 || fail "xmllint does not run"
printf '%-18s runs\n' xmllint
