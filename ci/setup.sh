#!/bin/sh
# Installs what this package needs from the system. Debian and Ubuntu: does it (as root). Elsewhere: names the packages.
# Runs before anything of npm is there, so it is plain sh. Running it again costs a fraction of a second.
#
#   ci/setup.sh            to build and to benchmark
#   ci/setup.sh --test     and to run the tests
#   ci/setup.sh --build    only to build the native parts
#   ci/setup.sh --print    with any of these: print the command that installs them, change nothing
#
# Exit: 0 all there · 1 installing failed · 2 usage · 3 this machine lacks something that you must install yourself
set -u

want=bench
print=no
for argument; do
  case $argument in
    --test) want=test ;;
    --build) want=build ;;
    --print) print=yes ;;
    *)
      echo "ci/setup.sh: unknown argument $argument (known: --test, --build, --print)" >&2
      exit 2
      ;;
  esac
done
here=$(cd "$(dirname "$0")/.." && pwd) || exit 1

say() { printf '%s\n' "$*"; }
fail() { # CODE LINE…
  code=$1
  shift
  for line; do say "$line" >&2; done
  exit "$code"
}

# --- what is needed, by system ------------------------------------------------------------------------------------
# build: to compile. run: the lab cannot work without. subjects: VPNs that are reported as "missing" without.
# test: only for the tests. test_optional: tests that need one of these are skipped without it.

system=$(. /etc/os-release 2>/dev/null && echo "${ID:-} ${ID_LIKE:-}")
case " $system " in
  *' debian '* | *' ubuntu '*)
    system=debian
    install='apt-get install --no-install-recommends'
    build='g++ cmake ninja-build nlohmann-json3-dev libgnutls28-dev libnghttp3-dev libmnl-dev'
    run='iproute2 iperf3 ethtool nftables conntrack procps iputils-ping openssl tcpdump fonts-dejavu-core'
    subjects='mptcpize wireguard-go wireguard-tools openvpn fastd'
    test='doctest-dev'
    # After chromium: the foreign ends of ci/interop.
    test_optional='chromium ngtcp2-client ngtcp2-server tshark python3-venv'
    ;;
  *' fedora '* | *' rhel '*)
    system=fedora
    install='dnf install'
    build='gcc-c++ cmake ninja-build json-devel gnutls-devel nghttp3-devel libmnl-devel'
    run='iproute iproute-tc iperf3 ethtool nftables conntrack-tools procps-ng iputils openssl tcpdump dejavu-sans-fonts'
    subjects='mptcpd wireguard-tools openvpn fastd'
    test='doctest-devel libasan libubsan'
    test_optional='chromium'
    ;;
  *' arch '*)
    system=arch
    install='pacman -S --needed'
    build='gcc cmake ninja nlohmann-json gnutls libnghttp3 libmnl'
    run='iproute2 iperf3 ethtool nftables conntrack-tools procps-ng iputils openssl tcpdump ttf-dejavu'
    subjects='wireguard-tools openvpn'
    test='doctest'
    test_optional='chromium'
    ;;
  *' alpine '*)
    system=alpine
    install='apk add'
    build='g++ cmake samurai linux-headers nlohmann-json gnutls-dev nghttp3-dev libmnl-dev'
    run='iproute2 iperf3 ethtool nftables conntrack-tools procps-ng iputils openssl tcpdump font-dejavu'
    subjects='wireguard-go wireguard-tools openvpn fastd'
    test='doctest-dev'
    test_optional='chromium'
    ;;
  *suse*)
    system=suse
    install='zypper install --no-recommends'
    build='gcc-c++ cmake ninja nlohmann_json-devel libgnutls-devel libnghttp3-devel libmnl-devel'
    run='iproute2 iperf ethtool nftables conntrack-tools procps iputils openssl tcpdump dejavu-fonts'
    subjects='wireguard-tools openvpn'
    test='doctest-devel'
    test_optional='chromium'
    ;;
  *)
    system=unknown
    install='install, under the names that your system gives them:'
    build='g++ cmake ninja nlohmann-json gnutls nghttp3 libmnl'
    run='iproute2 iperf3 ethtool nftables conntrack procps ping openssl tcpdump dejavu-fonts'
    subjects='mptcpize wireguard-go wireguard-tools openvpn fastd'
    test='doctest'
    test_optional='chromium'
    ;;
esac
case $want in
  build) needed=$build optional= ;;
  bench) needed="$build $run" optional=$subjects ;;
  test) needed="$build $run $test" optional="$subjects $test_optional" ;;
esac

if [ "$print" = yes ]; then
  say "$install $needed${optional:+ $optional}"
  exit 0
fi

# --- Node ---------------------------------------------------------------------------------------------------------

least='20.19'
command -v node >/dev/null 2>&1 ||
  fail 3 "Node.js is missing: install Node.js $least or newer (with npm), then run this again." \
    'If you have it under your own user only (nvm, fnm, …), use: sudo env "PATH=$PATH" npm …'
node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' ||
  fail 3 "Node.js $(node --version) is too old: $least or newer is needed."

# --- systems other than Debian: look for the programs, name the packages -------------------------------------------

if [ "$system" != debian ]; then
  programs='g++ cmake'
  [ "$want" = build ] || programs="$programs ip tc iperf3 ethtool nft conntrack ping openssl"
  absent=
  for program in $programs; do
    command -v "$program" >/dev/null 2>&1 || absent="$absent $program"
  done
  [ -z "$absent" ] && exit 0
  fail 3 "This machine lacks:$absent" "Install what is needed, then run this again:" "  $install $needed $optional"
fi

# --- Debian, Ubuntu -----------------------------------------------------------------------------------------------

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
has_candidate() { apt-cache policy "$1" 2>/dev/null | grep -q '^  Candidate: [^(]'; }
# On Ubuntu chromium is a snap; any browser that the tests can drive will do.
has_browser() { command -v chromium chromium-browser google-chrome google-chrome-stable >/dev/null 2>&1; }

missing=
for package in $needed; do
  is_installed "$package" || missing="$missing $package"
done
missing_optional=
for package in $optional; do
  is_installed "$package" && continue
  [ "$package" = chromium ] && has_browser && continue
  missing_optional="$missing_optional $package"
done

# What the package sources did not have (Ubuntu: chromium) is not asked for every time; removing build/ asks again.
unavailable="$here/build/unavailable-packages"
if [ -z "$missing" ] && [ -n "$missing_optional" ] && [ "$(cat "$unavailable" 2>/dev/null)" = "$missing_optional" ]; then
  exit 0
fi
[ -z "$missing$missing_optional" ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
  [ -n "$missing" ] ||
    { say "Not installed:$missing_optional. What needs them is left out; to have it: sudo sh ci/setup.sh" && exit 0; }
  fail 3 "These packages are missing, and installing them needs root:$missing$missing_optional" \
    "  sudo apt-get update && sudo $install$missing$missing_optional"
fi

export DEBIAN_FRONTEND=noninteractive
# apt's own retries are per file; a mirror in the middle of an update needs new lists too, hence the loop below.
apt() { apt-get -qq -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"; }

# Lists may be absent (container images) or stale (404 for packages that were replaced): always renew before installing.
attempt=1
while :; do
  say "Asking the package servers what there is (apt-get update)"
  if apt update; then
    installable=
    unknown=
    for package in $missing_optional; do
      if has_candidate "$package"; then installable="$installable $package"; else unknown="$unknown $package"; fi
    done
    absent=
    for package in $missing; do
      has_candidate "$package" || absent="$absent $package"
    done
    [ -z "$absent" ] ||
      fail 3 "Your package sources do not have:$absent" \
        "On Ubuntu, enable 'universe' (add-apt-repository universe); on Debian, check /etc/apt/sources.list*."
    [ -z "$missing$installable" ] && break
    say "Installing:$missing$installable"
    # shellcheck disable=SC2086 # lists of names
    apt install --no-install-recommends $missing $installable && break
  fi
  [ "$attempt" -lt 3 ] || fail 1 "apt-get failed $attempt times (its messages are above)." \
    'Check the network and the package sources, then try by hand:' \
    "  apt-get update && $install$missing$missing_optional"
  say "apt-get failed; trying again in $((attempt * 5)) s"
  sleep $((attempt * 5))
  attempt=$((attempt + 1))
done

if [ -n "$unknown" ]; then
  say "Not in your package sources:$unknown. What needs them will be reported as missing, the rest works."
  mkdir -p "$here/build" && printf '%s' "$unknown" >"$unavailable"
fi
exit 0
