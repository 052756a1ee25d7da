/** What a lock asks of its directory: constant POSIX sh with GNU stat and mv, paths and names as arguments. */

/**
 * Words: directory, our owner line, expiry in seconds, our mark as one who waits (or ''). Age is by the file system's clock
 * alone (a file made now against the holder's), for login nodes' clocks differ. The claim's name is of the dead holder, so
 * that of many who see the same dead holder one wins, and one who comes late to a new holder's lock finds another name in
 * it and backs off. The directory is made beside and renamed, so that none is ever without its owner. The last word: ids whose
 * holders have given up, each with a space around, that are overruled at once. Answers: `taken`, `taken over`, or
 * `held AGE BEAT OWNER` and the holder's own line.
 */
export const TAKE = `umask 077
own() { printf '%s' "$2" > "$1/owner.$$" && mv -f "$1/owner.$$" "$1/owner"; }
if [ ! -e "$1" ]; then
  new="$1.\${2##* }"; mkdir "$new" && own "$new" "$2" || exit 1
  mv -T "$new" "$1" 2>/dev/null && { echo taken; exit; }
  rm -rf "$new"
fi
[ -d "$1" ] || { mkdir "$1"; exit; }
old=$(cat "$1/owner" 2>/dev/null)
: > "$1/now.$$"; now=$(stat -c %Y "$1/now.$$"); rm -f "$1/now.$$"
beat=$(stat -c %Y "$1/owner" 2>/dev/null) || exit 0
id=\${old##* }; case $5 in *" \${id:-none} "*) gone=1 ;; *) gone= ;; esac
if [ -n "$gone" ] || [ $((now - beat)) -gt "$3" ]; then
  claim="$1/claim.$(printf '%s' "$old" | cksum | tr -d ' ')"
  if mkdir "$claim" 2>/dev/null; then
    if [ "$(cat "$1/owner" 2>/dev/null)" = "$old" ]; then own "$1" "$2" && rm -f "$1/doing" && echo 'taken over'; fi
    rmdir "$claim"; [ -z "$4" ] || rm -f "$1/$4"; exit
  fi
  [ $((now - $(stat -c %Y "$claim" 2>/dev/null || echo "$now"))) -gt "$3" ] && rmdir "$claim" 2>/dev/null
fi
[ -z "$4" ] || touch "$1/$4"
printf 'held %s %s %s\\n' $((now - beat)) "$beat" "$old"; head -c 1000 "$1/doing" 2>/dev/null; exit 0`;

/** Directory, our owner line, what we do. Only while it is still ours. */
export const BEAT = `umask 077; [ "$(cat "$1/owner" 2>/dev/null)" = "$2" ] || exit 1
[ -z "$3" ] || { printf '%s' "$3" > "$1/doing.$$" && mv -f "$1/doing.$$" "$1/doing"; }
touch "$1/owner"`;

export const FREE = `[ "$(cat "$1/owner" 2>/dev/null)" = "$2" ] && mv "$1" "$1.$$" && rm -rf "$1.$$"`;

/** Directory, our owner line, for how many seconds a mark counts: who waits renews its mark at each look. */
export const WAITERS = `[ "$(cat "$1/owner" 2>/dev/null)" = "$2" ] || exit 1
: > "$1/now.$$"; now=$(stat -c %Y "$1/now.$$"); rm -f "$1/now.$$"
for mark in "$1"/wait.*; do
  at=$(stat -c %Y "$mark" 2>/dev/null) || continue
  [ $((now - at)) -gt "$3" ] || { echo awaited; exit; }
done`;

export type Taken =
  | { kind: 'taken'; over: boolean }
  /** `age` in seconds; `beat`: when it was heard of last, by the file system's clock */
  | { kind: 'held'; age: number; beat: string; holder: string; doing: string }
  | { kind: 'nothing' };

/** Of TAKE's answer. The holder's random id is for the scripts, not for people. */
export function parseTaken(text: string): Taken {
  const [first = '', doing = ''] = text.split('\n');
  if (first === 'taken' || first === 'taken over') return { kind: 'taken', over: first === 'taken over' };
  const match = /^held (-?[0-9]+) ([0-9]+) (.*?)(?: ?[0-9a-f-]{36})?$/.exec(first);
  if (!match) return { kind: 'nothing' };
  const [, age, beat = '', holder = ''] = match;
  return { kind: 'held', age: Number(age), beat, holder, doing };
}
