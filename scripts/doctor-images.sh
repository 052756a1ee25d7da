#!/bin/sh
# Makes sessions/doctor/images.ts anew: the tiny images by which `hpcbinder doctor` sees what a node can mount and run.
# Needs mksquashfs and python3. Each has one static program per architecture, which ends with status 42, and no more.
set -eu
cd "$(dirname "$0")/.."
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 - "$room/root" <<'P'
import os, struct, sys

root = sys.argv[1]
for name in ("dev", "proc", "sys", "etc", "tmp", "var/tmp", "root", "home"):
    os.makedirs(os.path.join(root, name))
for name in ("passwd", "group", "hosts", "resolv.conf"):
    open(os.path.join(root, "etc", name), "w").close()
# elf(5): one header, one segment, the code behind them
CODE = {
    "x86_64": (62, bytes.fromhex("bf2a000000" "b83c000000" "0f05")),  # mov edi, 42; mov eax, 60 (exit); syscall
    "aarch64": (183, struct.pack("<III", 0xD2800540, 0xD2800BA8, 0xD4000001)),  # mov x0, 42; mov x8, 93 (exit); svc 0
}
for name, (machine, code) in CODE.items():
    base, size = 0x400000, 120 + len(code)
    header = b"\x7fELF" + bytes([2, 1, 1, 0]) + bytes(8)
    header += struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, base + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x10000)
    with open(os.path.join(root, name), "wb") as out:
        # zeros, so that there is something to compress: mksquashfs stores what does not shrink as it is
        out.write(header + segment + code + bytes(4096))
    os.chmod(os.path.join(root, name), 0o755)
P
{
  echo '/** Tiny squashfs images, made by scripts/doctor-images.sh: compression → base64. Their program ends with status 42. */'
  echo 'export const TINY_IMAGES: ReadonlyMap<string, string> = new Map(['
  for how in zstd gzip xz lz4; do
    mksquashfs "$room/root" "$room/$how" -comp "$how" -all-root -no-xattrs -mkfs-time 0 -all-time 0 -nopad -quiet -no-progress
    printf "  ['%s', '%s'],\n" "$how" "$(base64 -w0 "$room/$how")"
  done
  echo ']);'
} > sessions/doctor/images.ts
