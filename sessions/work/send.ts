/** A checkout's content in the cluster's content store, sent once per commit or tree. */
import type { Checkout } from '../../core/artifacts.ts';
import { canonical, sha256 } from '../../core/canonical.ts';
import { endedInWords, exitCode, textOf } from '../../core/command.ts';
import { HpcbinderError } from '../../core/errors.ts';
import { lastLines } from '../../core/text.ts';
import type { Transport } from '../../core/transport.ts';
import { commitIn, packContent, packGit } from './content.ts';

/** The parts of job.json's `work` that come from the content. */
export type SentContent = {
  /** absolute, on the cluster */
  content: string;
  git?: string;
  id: string;
  /** first 7 of commit or tree: the `abc1234` of `name.~abc1234` */
  short: string;
  /** bytes sent now; 0 where all was there */
  sent: number;
};

type Link = Pick<Transport, 'run' | 'write'>;

/** `git:<commit>` where the whole of a commit was checked out, else `tree:<hex>`, the identity of the files. */
export async function contentId(checkout: Checkout): Promise<{ id: string; short: string }> {
  const { repo } = checkout;
  if (repo.kind === 'git' && (await commitIn(checkout.dir)) === repo.commit) {
    return { id: `git:${repo.commit}`, short: repo.commit.slice(0, 7) };
  }
  const listing = checkout.files.list().map(({ path, kind, mode, sha256: hash }) => [path, kind, mode, hash]);
  const tree = sha256(canonical(listing));
  return { id: `tree:${tree}`, short: tree.slice(0, 7) };
}

/**
 * `store`: absolute directory on the cluster's scratch. Files are 0600 in a 0700 directory, and never visible half
 * (Transport.write). What is used again gets a new time, so that a purge of old scratch files spares it.
 * Throws E-REMOTE, E-REPO-FILE or what the transport throws.
 */
export async function sendContent(
  transport: Link,
  store: string,
  checkout: Checkout,
  signal?: AbortSignal,
): Promise<SentContent> {
  const { id, short } = await contentId(checkout);
  const stem = `${store}/${id.replace(':', '-')}`;
  const [content, git] = [`${stem}.tar.gz`, `${stem}.git.tar.gz`];
  const there = await shelf(transport, store, [content, git], signal);
  let sent = 0;
  const once = async (path: string, data: () => Promise<AsyncIterable<Uint8Array> | undefined>): Promise<boolean> => {
    if (there.has(path)) return true;
    const stream = await data();
    if (stream === undefined) return false;
    sent += (await transport.write(path, stream, signal ? { mode: 0o600, signal } : { mode: 0o600 })).bytes;
    return true;
  };
  await once(content, async () => packContent(checkout, signal));
  const hasGit = await once(git, () => packGit(checkout, signal));
  return hasGit ? { content, git, id, short, sent } : { content, id, short, sent };
}

/** directory, files: makes the one, prints the places of those of the others that are there, and gives these a new time */
export const SHELF = `umask 077; mkdir -p -- "$1" || exit 1; shift; i=0
for f; do if [ -f "$f" ]; then echo "$i"; touch -c -- "$f" || :; fi; i=$((i+1)); done`;

/** In one round trip: which of the files are there. */
async function shelf(
  transport: Link,
  store: string,
  files: readonly string[],
  signal?: AbortSignal,
): Promise<ReadonlySet<string>> {
  const result = await transport.run({ argv: ['sh', '-c', SHELF, 'sh', store, ...files] }, signal);
  if (exitCode(result) !== 0) throw remote(`${store} could not be made on the cluster`, result);
  const places = new Set(textOf(result.stdout).split('\n'));
  return new Set(files.filter((_, place) => places.has(String(place))));
}

function remote(message: string, result: Awaited<ReturnType<Link['run']>>): HpcbinderError {
  return new HpcbinderError('E-REMOTE', {
    message: `${message} (${endedInWords(result.ended)})`,
    evidence: lastLines(new TextDecoder().decode(result.stderr), 5),
    transient: result.ended.kind !== 'exit',
  });
}
