#!/bin/sh
# Installs the bundle that this file lies in: everything below PREFIX, and one link. `uninstall.sh` takes it away again.
# As root. PREFIX and BIN may be set: PREFIX=/opt/hpcbinder BIN=/usr/local/bin ./install.sh
set -eu
here=$(cd -- "$(dirname -- "$0")" && pwd)
prefix=${PREFIX:-/opt/hpcbinder}
bin=${BIN:-/usr/local/bin}
[ "$(id -u)" = 0 ] || { echo "install.sh: root has to run it, for others must not be able to write what it installs" >&2; exit 1; }
new=$prefix.new.$$
trap 'rm -rf -- "$new"' EXIT
umask 022
mkdir -p -- "$new" "$bin"
cp -R -- "$here/bin" "$here/lib" "$here/share" "$here/uninstall.sh" "$new/"
chown -R 0:0 -- "$new"
chmod -R go-w -- "$new"
"$new/bin/hpcbinder" --version >/dev/null
if [ -e "$prefix" ]; then
  [ -x "$prefix/bin/hpcbinder" ] || { echo "install.sh: $prefix exists and is none of ours" >&2; exit 1; }
  rm -rf -- "$prefix.old"
  mv -- "$prefix" "$prefix.old"
fi
mv -- "$new" "$prefix"
rm -rf -- "$prefix.old"
ln -sf -- "$prefix/bin/hpcbinder" "$bin/hpcbinder"
echo "installed: $("$bin/hpcbinder" --version) at $prefix, and $bin/hpcbinder"
