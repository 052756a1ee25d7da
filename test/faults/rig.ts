/** What every fault needs: a session from an image that is stored already, its record, and the controller's life and death. */
import { Client } from '../e2e/client.ts';
import { hpcbinder, on, type Ready, Running } from '../e2e/rig.ts';
import { storedImage } from '../e2e/stored.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { Line } from './line.ts';

export type Shown = {
  id: string;
  phase: string;
  jobId: string;
  job?: { state: string; raw: string; waiting?: object };
  directory: string;
  address?: { host: string; port: number };
  ended?: { why: string; at: string; detail?: string };
};

export const launchOf = (sif: string) => ['launch', '--sif', sif, '--partition', 'gpu', '--time', '15m'];

export async function status(world: OwnWorld, id: string): Promise<Shown> {
  const { stdout, stderr } = await hpcbinder(['status', id, '--json'], { env: world.env });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Shown;
}

export async function stop(world: OwnWorld, id: string): Promise<Shown> {
  const { stdout, stderr } = await hpcbinder(['stop', id, '--json'], { env: world.env });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Shown;
}

/** Launches from a stored image in a world of their own, and their end. */
export class Launches {
  readonly world: OwnWorld;
  readonly sif: string;
  readonly #open: Running[] = [];

  private constructor(world: OwnWorld, sif: string) {
    this.world = world;
    this.sif = sif;
  }

  static async begin(): Promise<Launches> {
    const sif = await storedImage();
    return new Launches(new OwnWorld(), sif);
  }

  launched(...flags: string[]): Running {
    const running = new Running([...launchOf(this.sif), '--mem', '1G', ...flags], { env: this.world.env });
    this.#open.push(running);
    return running;
  }

  async sessions(): Promise<Shown[]> {
    return JSON.parse((await hpcbinder(['list', '--json'], { env: this.world.env })).stdout);
  }

  /** Ends the programs, not what they launched. */
  async close(): Promise<void> {
    for (const running of this.#open.splice(0)) await running.close();
  }

  /** Ends the sessions, too. */
  async stopAll(): Promise<void> {
    await this.close();
    for (const { id, phase } of await this.sessions()) if (phase !== 'ended') await stop(this.world, id);
  }
}

/** Asks each half second until it holds; the last answer, also where that never was. */
export async function eventually<T>(ask: () => Promise<T>, holds: (answer: T) => boolean, seconds: number): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (holds(answer) || Date.now() > deadline) return answer;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Until the queue's line of a launch says so, in an event after `from`; the event. */
export const inQueue = (running: Running, text: RegExp, from = 0) =>
  running.until(
    (event) =>
      event.type === 'update' &&
      event.phase === 'queue' &&
      text.test(String(event.text)) &&
      running.events.indexOf(event) >= from,
    120_000,
  );

/** A session in a world of its own, with a client of its page; all that goes to the cluster takes one line. */
export type Far = AsyncDisposable & {
  readonly world: OwnWorld;
  readonly line: Line;
  readonly running: Running;
  readonly session: Ready;
  readonly client: Client;
};

export async function farSession(launch: (sif: string) => readonly string[]): Promise<Far> {
  const sif = await storedImage();
  const world = new OwnWorld();
  const line = await Line.to(world.entry.port);
  world.through(line);
  const running = new Running(launch(sif), { env: world.env });
  const dispose = async () => {
    line.mend({ lost: false });
    await running.close();
    await world[Symbol.asyncDispose]();
    await line.close();
  };
  try {
    const session = await running.ready();
    const client = await Client.enter(session.url);
    return { world, line, running, session, client, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** As entrypoint.sh starts it; returns when it answers. By part of its name: after `scontrol reconfigure` it is slurmctld-wlm. */
export async function startController(): Promise<void> {
  const start = 'pgrep slurmctld || setpriv --reuid slurm --regid slurm --init-groups slurmctld';
  const up = 'until scontrol ping | grep -q "is UP"; do sleep 0.5; done';
  const { code, stderr } = await on('login', 'root', `${start}; timeout 60 bash -c '${up}'`);
  if (code !== 0) throw new Error(`slurmctld does not come back: ${stderr}`);
}

/** Lines of slurm.conf, on all hosts, until it is disposed of. */
export async function configured(...lines: string[]): Promise<AsyncDisposable> {
  const hosts = ['login', 'c1', 'c2'] as const;
  const everywhere = async (command: string) => {
    for (const host of hosts) await on(host, 'root', command);
    const { code, stderr } = await on('login', 'root', 'scontrol reconfigure');
    if (code !== 0) throw new Error(`slurmctld does not take it: ${stderr}`);
  };
  const mark = '# of a fault test';
  const text = lines.map((line) => `${line} ${mark}\\n`).join('');
  await everywhere(`printf '${text}' >> /etc/slurm/slurm.conf`);
  return { [Symbol.asyncDispose]: () => everywhere(`sed -i '/${mark}$/d' /etc/slurm/slurm.conf`) };
}
