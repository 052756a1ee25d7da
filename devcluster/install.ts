/** What `up` may add to a Debian or Ubuntu machine when it is root, and what `down --purge` takes away again. */
import { spawn } from 'node:child_process';
import { existsSync, openSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { lastLines } from '../core/text.ts';
import { fault } from './faults.ts';
import { type Tell, talking, until } from './patience.ts';

const PACKAGE_MS = 10 * 60_000;

/** Asks the user; true is yes. The caller answers for `--yes` and CI. */
export type Confirm = (question: string) => Promise<boolean>;

/** This machine, as far as `up` may change it. */
export type Host = { stateDir: string; confirm: Confirm; tell: Tell };

type Installed = { packages: readonly string[]; images: readonly string[]; dockerd?: number };

function recordPath(stateDir: string): string {
  return join(stateDir, 'devcluster-installed.json');
}

/** What we installed, pulled or started here, by our own record; nothing where there is none. */
export async function readInstalled(stateDir: string): Promise<Installed> {
  const text = await readFile(recordPath(stateDir), 'utf8').catch(() => '{}');
  const written: unknown = JSON.parse(text);
  const fields = new Map(Object.entries(typeof written === 'object' && written !== null ? written : {}));
  const words = (key: string) => {
    const list: unknown = fields.get(key);
    return Array.isArray(list) ? list.filter(isWord) : [];
  };
  const dockerd: unknown = fields.get('dockerd');
  const found = { packages: words('packages'), images: words('images') };
  return typeof dockerd === 'number' ? { ...found, dockerd } : found;
}

/** A package or an image: never an option of the command that will remove it. */
function isWord(value: unknown): value is string {
  return typeof value === 'string' && /^[a-z0-9][a-z0-9.+:/-]+$/.test(value);
}

async function record(stateDir: string, change: Partial<Installed>): Promise<void> {
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const before = await readInstalled(stateDir);
  await writeFile(recordPath(stateDir), `${JSON.stringify({ ...before, ...change })}\n`, { mode: 0o600 });
}

export async function rememberImage(stateDir: string, image: string): Promise<void> {
  const { images } = await readInstalled(stateDir);
  await record(stateDir, { images: [...new Set([...images, image])] });
}

export async function isInstalled(program: string): Promise<boolean> {
  const { failed } = await execa(program, ['--version'], { reject: false, timeout: 20_000 });
  return !failed;
}

/** Debian or Ubuntu, as os-release(5) tells it, and root. */
export async function canInstall(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(text);
}

/** apt-get install without questions; recorded, so that `down --purge` removes just these. */
export async function installPackages(stateDir: string, packages: readonly string[], tell: Tell): Promise<void> {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (args: string[]) =>
    talking(tell, `apt-get ${args[0]}`, execa('apt-get', args, { env, reject: false, all: true, timeout: PACKAGE_MS }));
  tell(`Installing ${packages.join(' ')}`);
  const before = await readInstalled(stateDir);
  await apt(['update']);
  const result = await apt(['install', '-y', '--no-install-recommends', ...packages]);
  if (result.failed) {
    throw fault({
      message: `apt-get could not install ${packages.join(' ')}`,
      evidence: lastLines(result.all, 10),
      hint: `sudo apt-get install ${packages.join(' ')}`,
    });
  }
  await record(stateDir, { packages: [...new Set([...before.packages, ...packages])] });
}

/** By systemd where it runs, else by hand: a dockerd that outlives this process, its log in the state folder. */
export async function startDaemon(stateDir: string, tell: Tell): Promise<void> {
  tell('Starting the container engine');
  if (existsSync('/run/systemd/system')) {
    await execa('systemctl', ['start', 'docker'], { reject: false, timeout: 60_000 });
  } else {
    await mkdir(stateDir, { recursive: true, mode: 0o700 });
    const log = openSync(join(stateDir, 'dockerd.log'), 'a', 0o600);
    const child = spawn('dockerd', [], { detached: true, stdio: ['ignore', log, log] });
    child.once('error', () => undefined);
    child.unref();
    if (child.pid !== undefined) await record(stateDir, { dockerd: child.pid });
  }
}

/** Stops the dockerd that we started and removes the packages that we installed; nothing else. @returns what it removed */
export async function removeInstalled(stateDir: string, tell: Tell): Promise<readonly string[]> {
  const { packages, dockerd } = await readInstalled(stateDir);
  if (dockerd !== undefined && (await commandOf(dockerd)) === 'dockerd') {
    process.kill(dockerd, 'SIGTERM');
    await until(async () => (await commandOf(dockerd)) !== 'dockerd', 30_000);
  }
  if (packages.length > 0) {
    tell(`Removing ${packages.join(' ')}`);
    const args = ['purge', '-y', '--auto-remove', ...packages];
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    const purged = execa('apt-get', args, { env, reject: false, all: true, timeout: PACKAGE_MS });
    const result = await talking(tell, 'apt-get purge', purged);
    if (result.failed) {
      throw fault({ message: 'apt-get could not remove what was installed', evidence: lastLines(result.all, 10) });
    }
  }
  await rm(recordPath(stateDir), { force: true });
  return packages;
}

/** The program of a process, so that a number that was given to another process by now is left alone. */
async function commandOf(pid: number): Promise<string> {
  return (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim();
}
