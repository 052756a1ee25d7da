/** The constant shell scripts behind read and write. Paths are arguments, never text of a script. POSIX sh, LC_ALL=C. */

/** exit codes of ours, apart from those of the tools */
export const ANSWER = { large: 43, missing: 44, notFile: 45, mismatch: 47, resume: 48 } as const;

/** what the resident shell carries in one answer */
export const READ_LIMIT = 64 * 1024;

/** On a shared disk a missing file may only be a stale answer: listing its directory asks the server again. */
const FIND =
  `if [ ! -e "$1" ]; then ls -a -- "\${1%/*}/" >/dev/null 2>&1; fi; ` +
  'if [ ! -e "$1" ]; then hb_e=$(ls -d -- "$1" 2>&1 >/dev/null) || case $hb_e in ' +
  `*"No such file"*|*"Not a directory"*) ;; *) printf "%s\\n" "$hb_e" >&2; exit 1;; esac; exit ${ANSWER.missing}; fi; ` +
  `[ -f "$1" ] || { echo "not a regular file" >&2; exit ${ANSWER.notFile}; }; `;

/** path, offset, length */
export const STREAM = 'tail -c +$(($2 + 1)) -- "$1" | head -c "$3"';

/** path, offset, length or ''. Too much for one answer: the number of bytes that there are to stream. */
export const READ =
  `${FIND}hb_n=$(wc -c <"$1") || exit 1; hb_n=$((hb_n - $2)); ` +
  'if [ -n "$3" ] && [ "$hb_n" -gt "$3" ]; then hb_n=$3; fi; ' +
  `[ "$hb_n" -le ${READ_LIMIT} ] || { echo "$hb_n"; exit ${ANSWER.large}; }; ` +
  `[ "$hb_n" -le 0 ] || { set -- "$1" "$2" "$hb_n"; ${STREAM}; }`;

const SHA256 =
  'hb_sum() { if command -v sha256sum >/dev/null 2>&1; then sha256sum; ' +
  'elif command -v shasum >/dev/null 2>&1; then shasum -a 256; ' +
  'elif command -v openssl >/dev/null 2>&1; then openssl dgst -sha256 -r; ' +
  'else python3 -c "import hashlib,sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())"; fi; }; ';

const NO_DIRECTORY = (path: string) =>
  `if [ -d "${path}" ]; then echo "${path} is a directory" >&2; exit ${ANSWER.notFile}; fi; `;

/** path, mode, bytes, sha256, name beside: the whole file on stdin, in one go. `set -C` creates it, or fails. */
export const WRITE_SMALL =
  `${SHA256}hb_p=$1.$5; ${NO_DIRECTORY('$1')}trap 'rm -f -- "$hb_p"' EXIT; (set -C; cat >"$hb_p") || exit 1; ` +
  `hb_h=$(hb_sum <"$hb_p"); [ "\${hb_h%% *}" = "$4" ] || { printf "%s\\n" "$hb_h" >&2; exit ${ANSWER.mismatch}; }; ` +
  'chmod "$2" -- "$hb_p" && mv -f -- "$hb_p" "$1"';

/**
 * partial path, bytes that it must already hold: appends stdin, then tells size and hash. It renames nothing: when the
 * line breaks, `cat` sees the same end of file as when all has come.
 */
export const UPLOAD =
  `${SHA256}if [ "$2" -gt 0 ]; then hb_n=0; if [ -f "$1" ] && [ ! -L "$1" ]; then hb_n=$(wc -c <"$1"); fi; ` +
  `[ "$hb_n" -eq "$2" ] || { echo "$((hb_n))" >&2; exit ${ANSWER.resume}; }; ` +
  'else rm -f -- "$1" && (set -C; : >"$1") || exit 1; fi; ' +
  'cat >>"$1" || exit 1; wc -c <"$1" && hb_sum <"$1"';

/** partial path, path, mode */
export const COMMIT = `${NO_DIRECTORY('$2')}chmod "$3" -- "$1" && mv -f -- "$1" "$2"`;
