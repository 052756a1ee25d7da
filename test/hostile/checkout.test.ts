/** INJ-13: a package that is made on a checkout with CRLF, as Git for Windows makes them, is byte for byte that of one with LF. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const NOT_SOURCES = new Set(['.git', '.tmp', 'dist', 'node_modules']);
const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=test', '-c', 'user.email=test@example.org', ...args], { encoding: 'utf8' });

let folder: string;

/** A checkout with `core.autocrlf`, of a repository with these sources. */
function checkout(name: string, without: readonly string[] = []): string {
  const [origin, clone] = [join(folder, `${name}.origin`), join(folder, name)];
  const wanted = (path: string) => ![...NOT_SOURCES, ...without].includes(basename(path));
  cpSync(ROOT, origin, { recursive: true, filter: (path) => path === ROOT || wanted(path) });
  git('init', '-q', origin);
  git('-C', origin, 'add', '.');
  git('-C', origin, 'commit', '-qm', 'sources');
  git('clone', '-q', '-c', 'core.autocrlf=true', '-c', 'core.eol=crlf', origin, clone);
  return clone;
}

function filesOf(dir: string): Map<string, Buffer> {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/[/\\](\.git|__pycache__)[/\\]/.test(path));
  return new Map(paths.sort().map((path) => [path.slice(dir.length + 1), readFileSync(path)]));
}

const withReturns = (dir: string) =>
  [...filesOf(join(dir, 'sessions'))].filter(([, data]) => data.includes('\r\n')).map(([path]) => path);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hb-crlf-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('such a checkout has CRLF in the job script and the agent where the repository does not say otherwise', () => {
  expect(withReturns(checkout('bare', ['.gitattributes']))).toEqual(
    expect.arrayContaining(['agent/job.sh', 'agent/main.py', 'probe.sh']),
  );
});

it('ours says otherwise: every file of it is byte for byte the one here, and so is what is built from them', () => {
  const there = filesOf(checkout('ours'));
  const here = filesOf(join(folder, 'ours.origin'));
  expect(there.size).toBeGreaterThan(300);
  expect([...there].filter(([path, data]) => !here.get(path)?.equals(data)).map(([path]) => path)).toEqual([]);
});
