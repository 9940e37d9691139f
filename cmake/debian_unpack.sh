#!/bin/sh
# Usage: debian_unpack.sh DEST PACKAGE[/backports]...
# Unpacks packages of this Debian release (with /backports, of its backports where they have it) under DEST with apt's own client,
# private lists and no root; nothing outside DEST is touched. Exits non-zero where that isn't possible.
set -eu
dest=$1
shift
case $dest in /?*/?*) ;; *) echo "no folder to unpack into: '$dest'" >&2; exit 1 ;; esac
. /etc/os-release
[ "${ID:-}" = debian ]
command -v apt-get >/dev/null
command -v dpkg-deb >/dev/null
uri=$(sed -n 's/^URIs: *//p; s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' \
      /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -v security | head -n1)
work=$dest.tmp
rm -rf "$work"
mkdir -p "$work/lists/partial" "$work/root"
for suite in "$VERSION_CODENAME" "$VERSION_CODENAME-backports"; do
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite main"
done >"$work/sources.list"
apt() { apt-get -q -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null \
  -o Dir::State::lists="$work/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
  -o APT::Sandbox::User=root "$@" </dev/null; }
apt update
cd "$work"
for package in "$@"; do
  name=${package%/backports}
  { [ "$name" != "$package" ] && apt download "$name/$VERSION_CODENAME-backports"; } || apt download "$name"
done
for file in *.deb; do
  dpkg-deb -x "$file" root
done
rm -rf "$dest"
mv "$work/root/usr" "$dest"
rm -rf "$work"
touch "$dest/.complete"
