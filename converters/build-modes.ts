/**
 * How a node lets a user build: seen inside the build itself, on that node, before its first step. What was seen is kept
 * beside the images, for the next build to refuse before the queue what cannot work there.
 */
import type { BuildMode } from '../core/artifacts.ts';
import { ok, type Question, succeeded, textOf } from '../core/command.ts';

/** `ids`: a file was given to another user and group, and is theirs afterwards. */
export type SeenMode = { mode: BuildMode; ids: boolean; node: string };

export const MODE_MARK = 'hpcbinder: mode ';
/** The build's own end where it needs other ids and this mode has none. */
export const NO_IDS = 97;
/** Exit status of the job where no way to build worked on the node at all. */
export const NO_MODE = 96;

/**
 * user_namespaces(7): a map of one id is our own namespace, of more the one that newuidmap made, of all of them none.
 * FAKEROOTKEY is set by fakeroot(1); proot traces all that it runs.
 */
export function modeCheck(how: { needsIds: boolean }): string {
  return `hb_lines=$(wc -l < /proc/self/uid_map)
read -r hb_inside hb_outside hb_count < /proc/self/uid_map
if [ "$hb_lines" -gt 1 ]; then hb_mode=subuid
elif [ "$hb_count" = 1 ]; then hb_mode=userns\${FAKEROOTKEY:+'+fakeroot'}
elif [ -n "\${FAKEROOTKEY:-}" ]; then hb_mode=fakeroot
elif ! grep -q '^TracerPid:[[:space:]]*0$' /proc/self/status; then hb_mode=proot
else hb_mode=root; fi
hb_ids=no
: > /.hpcbinder-ids
if chown 1:1 /.hpcbinder-ids 2>/dev/null && [ "$(stat -c %u:%g /.hpcbinder-ids)" = 1:1 ]; then hb_ids=yes; fi
rm -f /.hpcbinder-ids
echo "${MODE_MARK}$hb_mode ids=$hb_ids node=$(uname -n)"${
    how.needsIds ? `\n[ "$hb_ids" = yes ] || exit ${NO_IDS}` : ''
  }`;
}

/** A line of the job's log. The first that fits counts: later ones can be a repository's own. */
export function parseMode(line: string): SeenMode | undefined {
  const match =
    /^hpcbinder: mode (subuid|userns|userns\+fakeroot|fakeroot|proot|root) ids=(yes|no) node=([A-Za-z0-9.-]+)$/.exec(
      line,
    );
  if (!match) return undefined;
  return { mode: match[1] as BuildMode, ids: match[2] === 'yes', node: match[3] ?? '' };
}

const WORDS: Readonly<Record<BuildMode, string>> = {
  subuid: 'with the ids of /etc/subuid',
  userns: 'as one id in a user namespace: what needs other users or groups cannot be installed',
  'userns+fakeroot': 'in a user namespace, where the fakeroot command stands in for other users',
  fakeroot: 'by the fakeroot command, without user namespaces',
  proot: 'through proot',
  root: 'as root',
};

export function modeInWords({ mode, node }: SeenMode): string {
  return `${node} builds in mode ${mode}: ${WORDS[mode]}`;
}

/** What the login node says of the two things that give a build other ids; compute nodes are mostly the same. */
export type Evidence = { subuid: boolean; fakeroot: boolean };

export const EVIDENCE = `user=$(id -un); uid=$(id -u)
listed() { getsubids $2 "$user" 2>/dev/null | grep -q : || grep -qE "^($user|$uid):[0-9]+:[0-9]+" "$1" 2>/dev/null; }
if listed /etc/subuid '' && listed /etc/subgid -g && command -v newuidmap >/dev/null; then echo subuid; fi
if command -v fakeroot >/dev/null; then echo fakeroot; fi
if [ -f "$1" ] && [ ! -L "$1" ]; then echo known; head -c 65536 -- "$1"; fi
exit 0`;

export type Known = { evidence: Evidence; modes: ReadonlyMap<string, KnownMode> };
/** A site's own word, where no build of ours has looked yet and this user has no ids that its admin may not have had. */
export function withSiteModes(
  known: Known,
  builds: ReadonlyMap<string, { mode?: BuildMode; ids?: boolean }> | undefined,
  container: string,
): Known {
  const modes = new Map(known.modes);
  if (known.evidence.subuid) return known;
  for (const [partition, { mode, ids }] of builds ?? []) {
    if (modes.has(partition) || mode === undefined || ids === undefined) continue;
    const said = { mode, ids, node: `${partition} (site.yaml)`, wanted: true, container, evidence: known.evidence };
    modes.set(partition, { ...said, at: '' });
  }
  return { ...known, modes };
}
/** Of one partition, as the last build there found it. `wanted`: all that the node has was tried for other ids; `evidence`: what the login node said then. */
export type KnownMode = SeenMode & { wanted: boolean; container: string; evidence: Evidence; at: string };

export const MODES_FILE = 'build-modes';

/** `path`: of MODES_FILE in the image store. What is no record of ours counts as none. */
export function askModes(path: string): Question<Known> {
  return {
    command: { argv: ['sh', '-c', EVIDENCE, 'sh', path] },
    parse: (result) => {
      const text = succeeded(result) ? textOf(result.stdout) : '';
      const at = text.indexOf('known\n');
      const words = (at < 0 ? text : text.slice(0, at)).split('\n');
      return ok({
        evidence: { subuid: words.includes('subuid'), fakeroot: words.includes('fakeroot') },
        modes: parseModes(at < 0 ? '' : text.slice(at + 'known\n'.length)),
      });
    },
  };
}

export function modesText(modes: ReadonlyMap<string, KnownMode>): string {
  return `${JSON.stringify({ schema: 1, modes: Object.fromEntries(modes) })}\n`;
}

export function parseModes(text: string): Map<string, KnownMode> {
  const found = new Map<string, KnownMode>();
  let value: { schema?: unknown; modes?: Record<string, KnownMode> } | null;
  try {
    value = JSON.parse(text);
  } catch {
    return found;
  }
  if (value?.schema !== 1) return found;
  for (const [partition, one] of Object.entries(value.modes ?? {})) {
    const seen = parseMode(`${MODE_MARK}${one?.mode} ids=${one?.ids ? 'yes' : 'no'} node=${one?.node}`);
    const { evidence, container, at } = one ?? {};
    if (seen && evidence && typeof container === 'string' && typeof at === 'string')
      found.set(partition, {
        ...seen,
        wanted: one.wanted === true,
        container,
        at,
        evidence: { subuid: evidence.subuid === true, fakeroot: evidence.fakeroot === true },
      });
  }
  return found;
}

/**
 * Can a build there give files to other users? What a node has shown counts (`tried`), as long as the container command and
 * the login node are as they were; else what the login node has is believed, and the node has the last word.
 */
export function otherIds(known: Known, partition: string, container: string): { ids: boolean; tried?: KnownMode } {
  const { evidence, modes } = known;
  const tried = modes.get(partition);
  const hope = evidence.subuid || evidence.fakeroot;
  const same = tried?.evidence.subuid === evidence.subuid && tried.evidence.fakeroot === evidence.fakeroot;
  if (tried === undefined || !same || tried.container !== container) return { ids: hope };
  return { ids: tried.ids || (!tried.wanted && hope), tried };
}
