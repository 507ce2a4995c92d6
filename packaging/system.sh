#!/bin/sh
# System libraries for the window and VTK on Debian. Installs what is missing when run as root with apt-get; otherwise
# says which packages an administrator has to install. Says nothing when all is there.
set -eu
packages="libgl1 libegl1 libxkbcommon0 libdbus-1-3 libglib2.0-0 libfontconfig1 fontconfig fonts-dejavu-core
xvfb xauth libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libxcb-image0 libxcb-render-util0 libxcb-xinerama0 libxcb-randr0 libxkbcommon-x11-0
libgomp1 python3-venv"
command -v dpkg-query >/dev/null 2>&1 || exit 0
missing=""
for package in $packages; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing system libraries:$missing"
  apt-get update -qq
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
  echo "some system libraries are missing; the window may not open until an administrator runs:" >&2
  echo "  apt-get install --no-install-recommends$missing" >&2
fi
