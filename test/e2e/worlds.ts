/** A test's own user: config, state and cache of its own, and own directories on the cluster, so that it can count. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import Docker from 'dockerode';
import { parse, stringify } from 'yaml';
import { CLUSTER, on } from './rig.ts';

type Entry = Record<string, unknown> & { port: number; known_hosts: string; identity_file: string };

export class OwnWorld implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'hb-world-'));
  readonly entry: Entry;
  /** On the cluster: state, images and work lie below these two. */
  readonly home: string;
  readonly scratch: string;
  readonly env: Record<string, string>;

  /** `pinned`: knows the base images that the tests' own state knows. */
  constructor(change: Record<string, unknown> = {}, how: { pinned?: boolean } = {}) {
    const name = basename(this.dir);
    this.home = `/home/alice/${name}`;
    this.scratch = `/scratch/alice/${name}`;
    const all = parse(readFileSync(join(process.env.HPCBINDER_CONFIG ?? '', 'config.yaml'), 'utf8'));
    const directories = {
      state_dir: `${this.home}/state`,
      work_dir: `${this.home}/work`,
      image_store: `${this.scratch}/images`,
    };
    this.entry = { ...all.clusters[CLUSTER], ...directories, ...change };
    this.env = {
      HPCBINDER_CONFIG: this.#folder('config'),
      HPCBINDER_STATE: this.#folder('state'),
      HPCBINDER_CACHE: this.#folder('cache'),
    };
    const bases = join(process.env.HPCBINDER_STATE ?? '', 'bases.json');
    if (how.pinned !== false && existsSync(bases)) cpSync(bases, join(this.dir, 'state', 'bases.json'));
    this.write();
  }

  #folder(name: string): string {
    const path = join(this.dir, name);
    mkdirSync(path, { mode: 0o700 });
    return path;
  }

  write(): void {
    const config = { schema: 1, default: CLUSTER, clusters: { [CLUSTER]: this.entry } };
    writeFileSync(join(this.dir, 'config', 'config.yaml'), stringify(config), { mode: 0o600 });
  }

  /** sshd is reached through the relay from now on; its key is known there too. */
  through(relay: { readonly port: number }): void {
    const known = readFileSync(this.entry.known_hosts, 'utf8');
    this.entry.known_hosts = join(this.dir, 'known_hosts');
    writeFileSync(this.entry.known_hosts, known.replaceAll(`]:${this.entry.port}`, `]:${relay.port}`));
    this.entry.port = relay.port;
    this.write();
  }

  /** Accounting's own lines of the jobs whose directories are this world's, sessions and builds: `id name state`. */
  async jobs(): Promise<string[]> {
    const { stdout } = await on(
      'login',
      'root',
      'sacct -X -n -P -u alice -S now-3hours -E now+2days -o jobid,jobname,state,workdir',
    );
    return stdout.split('\n').filter((line) => line.includes(`/${basename(this.dir)}/`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const running = (await this.jobs())
      .filter((line) => /RUNNING|PENDING/.test(line))
      .map((line) => line.split('|')[0]);
    if (running.length > 0) await on('login', 'root', `scancel ${running.join(' ')}`);
    await on('login', 'root', `chmod -R u+rwX ${this.home} ${this.scratch}; rm -rf ${this.home} ${this.scratch}`);
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** What the engine itself says that it did, from now on. */
export class EngineEvents {
  readonly #lines: string[] = [];
  #stop: () => void = () => {};

  static async start(): Promise<EngineEvents> {
    const events = new EngineEvents();
    const stream = (await new Docker().getEvents()) as NodeJS.ReadableStream & { destroy(): void };
    let rest = '';
    stream.on('data', (data) => {
      const lines = (rest + String(data)).split('\n');
      rest = lines.pop() ?? '';
      events.#lines.push(...lines);
    });
    stream.on('error', () => {});
    events.#stop = () => stream.destroy();
    return events;
  }

  /** Tags given to images that are named by this key: one for each build. */
  builds(key: string): number {
    return this.about(key).filter((line) => /"Action":"tag"/.test(line)).length;
  }

  about(word: string): string[] {
    return this.#lines.filter((line) => line.includes(word));
  }

  stop(): void {
    this.#stop();
  }
}
