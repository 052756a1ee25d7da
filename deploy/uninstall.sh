#!/bin/sh
# Takes away what install.sh brought: the program, its link, the service, the sudo rule and its file. The policy and the
# state stay, for they are yours; --purge takes those too, and the service's account.
set -eu
prefix=${PREFIX:-/opt/hpcbinder}
bin=${BIN:-/usr/local/bin}
[ "$(id -u)" = 0 ] || { echo "uninstall.sh: root has to run it" >&2; exit 1; }
if command -v systemctl >/dev/null 2>&1 && [ -e /etc/systemd/system/hpcbinder.service ]; then
  systemctl disable --now hpcbinder.service || true
fi
rm -f -- /etc/systemd/system/hpcbinder.service /etc/sudoers.d/hpcbinder
rm -rf -- /usr/local/libexec/hpcbinder
[ "$(readlink -- "$bin/hpcbinder" || true)" != "$prefix/bin/hpcbinder" ] || rm -f -- "$bin/hpcbinder"
[ ! -x "$prefix/bin/hpcbinder" ] || rm -rf -- "$prefix"
if [ "${1-}" = --purge ]; then
  rm -rf -- /etc/hpcbinder /var/lib/hpcbinder
  userdel hpcbinder 2>/dev/null || true
  groupdel hpcbinder-users 2>/dev/null || true
fi
