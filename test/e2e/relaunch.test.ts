/** What a relaunch costs, counted on the other side: by the engine's events, a line before sshd, and the accounting. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import Docker from 'dockerode';
import { execa } from 'execa';
import { Line } from '../faults/line.ts';
import { hpcbinder, on, type Ready, Running } from './rig.ts';
import { Terminal } from './terminal.ts';
import { EngineEvents, OwnWorld } from './worlds.ts';

/** Session files, agent and content of a small repository, with what SSH adds; an image is 180 MB. */
const SMALL = 1_000_000;
const LARGE = 50_000_000;

let world: OwnWorld;
let line: Line;
let dir: string;
let url: string;
const at = ['--time', '10m', '--mem', '2G'];

/** Git with what is of this test only: its own ssh, its own author. */
const ssh = () =>
  `ssh -F none -oBatchMode=yes -oIdentitiesOnly=yes -i ${world.entry.identity_file} -oUserKnownHostsFile=${world.entry.known_hosts}`;

/** Not the synchronous kind: it speaks through the line, which runs in this process. */
async function git(...args: string[]): Promise<string> {
  const who = ['-c', 'user.name=test', '-c', 'user.email=test@example.org', '-c', 'commit.gpgsign=false'];
  return (await execa('git', [...who, ...args], { cwd: dir, env: { GIT_SSH_COMMAND: ssh() }, timeout: 60_000 })).stdout;
}

/** Writes the files, commits, pushes; the commit's id. */
async function commit(files: Record<string, string>): Promise<string> {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  await git('add', '.');
  await git('commit', '-qm', 'a commit');
  await git('push', '-q', url, 'HEAD:refs/heads/main');
  return git('rev-parse', 'HEAD');
}

const notebook = (title: string) =>
  JSON.stringify({
    cells: [{ cell_type: 'markdown', id: 'one', metadata: {}, source: [title] }],
    metadata: {},
    nbformat: 4,
    nbformat_minor: 5,
  });

type Counted = { sent: number; jobs: number; events: EngineEvents; record: Record<string, string> };

/** Of a launch until its app answers; the session is stopped before the next. */
async function counted(launch: () => Promise<unknown>): Promise<Counted> {
  const events = await EngineEvents.start();
  const before = { sent: line.sent, jobs: (await world.jobs()).length };
  try {
    await launch();
    const sent = line.sent - before.sent;
    const { stdout } = await hpcbinder(['list', '--json'], { env: world.env });
    const record = JSON.parse(stdout)[0];
    expect(await hpcbinder(['stop', record.id], { env: world.env })).toMatchObject({ code: 0 });
    return { sent, jobs: (await world.jobs()).length - before.jobs, events, record };
  } finally {
    events.stop();
  }
}

async function untilReady(): Promise<Ready> {
  const running = new Running(['launch', url, ...at], { env: world.env });
  try {
    return await running.ready();
  } finally {
    await running.close();
  }
}

let first: Counted;
const keyOf = ({ record }: Counted) => record.key ?? '';

beforeAll(async () => {
  world = new OwnWorld();
  line = await Line.to(world.entry.port);
  world.through(line);
  world.env.GIT_SSH_COMMAND = ssh();
  dir = join(world.dir, 'repository');
  mkdirSync(dir);
  await git('init', '-q', '-b', 'main');
  await on('login', 'alice', `git init -q --bare -b main ${world.home}/analysis.git`);
  url = `ssh://alice@127.0.0.1:${line.port}${world.home}/analysis.git`;
  // those of the quickstart, whose image the engine may have
  const requirements = 'matplotlib>=3.8,<4\nnumpy>=1.26,<3\n';
  await commit({ 'requirements.txt': requirements, 'analysis.ipynb': notebook('one'), 'notes.txt': 'one\n' });
  first = await counted(untilReady);
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await line.close();
});

describe('a relaunch', () => {
  it('had an image to send the first time, by one job', () => {
    expect(first.sent).toBeGreaterThan(LARGE);
    expect(first.jobs).toBe(1);
  });

  it('of the same commit builds nothing, sends next to nothing, and is one job', async () => {
    const again = await counted(untilReady);
    expect(keyOf(again)).toBe(keyOf(first));
    expect(again.events.about(keyOf(first))).toEqual([]);
    expect(again.sent).toBeLessThan(SMALL);
    expect(again.jobs).toBe(1);
  });

  it('of a commit that changes only content builds nothing and sends no image; what the user edited stays, beside the new', async () => {
    const work = first.record.workDirectory;
    await on('login', 'alice', `echo mine > ${work}/notes.txt; echo result > ${work}/result.csv`);
    const id = await commit({ 'analysis.ipynb': notebook('two'), 'notes.txt': 'two\n' });
    const theirs = `notes.txt.~${id.slice(0, 7)}`;
    let shown = '';
    const next = await counted(async () => {
      const terminal = new Terminal(['launch', url, '--no-browser', ...at], world.env);
      await terminal.until(/^http:\/\/\S+$/m);
      await terminal.until(/back +hpcbinder open/);
      shown = terminal.text;
      terminal.type('\x03');
      expect(await terminal.ended()).toBe(0);
    });
    expect(keyOf(next)).toBe(keyOf(first));
    expect(next.events.about(keyOf(first))).toEqual([]);
    expect(next.sent).toBeLessThan(SMALL);
    expect(next.jobs).toBe(1);
    expect(shown).toContain(`you changed notes.txt: yours is kept, the commit's is ${theirs}`);
    expect(shown).toContain('1 file followed the new commit');
    const files = await on('login', 'alice', `cd ${work}; cat notes.txt '${theirs}' result.csv analysis.ipynb`);
    expect(files.stdout).toBe(`mine\ntwo\nresult\n${notebook('two')}`);
  });

  it('with a changed requirements.txt is one build, and one job', async () => {
    // with what no other run had, whose image the engine may have kept
    const requirements = `# ${world.dir}\nmatplotlib>=3.8,<4\nnumpy>=1.26,<3\ntomli>=2\n`;
    await commit({ 'requirements.txt': requirements });
    const changed = await counted(untilReady);
    expect(keyOf(changed)).not.toBe(keyOf(first));
    expect(changed.events.builds(keyOf(changed))).toBe(1);
    await new Docker().getImage(`hpcbinder/${keyOf(changed)}`).remove();
    expect(changed.events.about(keyOf(first))).toEqual([]);
    expect(changed.sent).toBeGreaterThan(LARGE);
    expect(changed.jobs).toBe(1);
    const { stdout } = await on('login', 'alice', `ls ${world.scratch}/images`);
    expect(stdout.split('\n').filter((name) => name.endsWith('.sif'))).toHaveLength(2);
  });
});
