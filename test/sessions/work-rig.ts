/** A checkout from a map of texts, and the agent's work directory parts running in a real Python. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, createWriteStream, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import type { Checkout, RepoFile, ResolvedRepo } from '../../core/artifacts.ts';
import { packContent } from '../../sessions/work/content.ts';

/** `-> x` is a link to x; a leading `#!` makes a program; null is an empty directory. */
export type Tree = Readonly<Record<string, string | null>>;

export function temporary(): { dir: string; remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), 'hb-work-'));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

export function put(dir: string, tree: Tree): void {
  for (const [path, text] of Object.entries(tree)) {
    const to = join(dir, path);
    mkdirSync(text === null ? to : dirname(to), { recursive: true });
    if (text?.startsWith('-> ')) symlinkSync(text.slice(3), to);
    else if (text !== null) {
      writeFileSync(to, text);
      chmodSync(to, text.startsWith('#!') ? 0o755 : 0o644);
    }
  }
}

export function checkoutOf(dir: string, tree: Tree, repo?: ResolvedRepo): Checkout {
  mkdirSync(dir, { recursive: true });
  put(dir, tree);
  const files = Object.entries(tree).map(([path, text]): RepoFile => {
    const link = text?.startsWith('-> ') ? text.slice(3) : undefined;
    return {
      path,
      kind: text === null ? 'directory' : link === undefined ? 'file' : 'symlink',
      mode: text?.startsWith('#!') ? 0o755 : 0o644,
      size: Buffer.byteLength(text ?? ''),
      sha256: createHash('sha256')
        .update(link ?? text ?? '')
        .digest('hex'),
      ...(link === undefined ? {} : { target: link }),
    };
  });
  return {
    repo: repo ?? { kind: 'local', path: dir, tree: createHash('sha256').update(JSON.stringify(tree)).digest('hex') },
    dir,
    files: {
      list: () => files,
      get: (path) => files.find((file) => file.path === path),
      bytes: () => undefined,
      text: () => undefined,
    },
  };
}

export type Report = {
  directory: string;
  created: boolean;
  updated: string[];
  kept: string[];
  conflicts: { path: string; theirs: string }[];
  deleted: string[];
  notes: string[];
};
export type Answer = { ok?: Report; error?: string; code?: string };

/** One resident Python; `close` ends it. */
export class Agent {
  readonly #python: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: AsyncIterator<string>;
  constructor(python = 'python3', env: Record<string, string> = {}) {
    const driver = fileURLToPath(new URL('./work-driver.py', import.meta.url));
    this.#python = spawn(python, ['-W', 'error', driver], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    this.#python.stdin.on('error', () => undefined);
    this.#answers = createInterface({ input: this.#python.stdout })[Symbol.asyncIterator]();
  }

  /** undefined: it died. */
  async ask(request: object): Promise<Answer | undefined> {
    this.#python.stdin.write(`${JSON.stringify(request)}\n`);
    const line = await this.#answers.next();
    return line.done ? undefined : (JSON.parse(line.value) as Answer);
  }

  async close(): Promise<void> {
    this.#python.stdin.end();
    if (this.#python.exitCode === null && this.#python.signalCode === null) {
      await new Promise((done) => this.#python.once('exit', done));
    }
  }
}

let commits = 0;

/** The `work` object of job.json for one more commit with these files. */
export async function commitOf(dir: string, tree: Tree): Promise<{ content: string; id: string; short: string }> {
  const hex = createHash('sha1').update(String(commits++)).digest('hex');
  const content = join(dir, `${hex}.tar.gz`);
  await pipeline(packContent(checkoutOf(join(dir, hex), tree)), createWriteStream(content));
  return { content, id: `git:${hex}`, short: hex.slice(0, 7) };
}

export function prepare(directory: string, commit: object, more: object = {}, request: object = {}): object {
  const work = { directory, fresh: false, imageHasContent: false, session: 'hb-aaaaaaaaaa', ...commit, ...more };
  return { do: 'prepare', work, ...request };
}
