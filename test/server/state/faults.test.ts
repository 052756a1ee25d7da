import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { stateDirectory } from '../../../server/state/disk.ts';
import { State } from '../../../server/state/index.ts';
import { repair } from '../../../server/state/repair.ts';
import { STEPS } from '../../../server/state/schema.ts';
import { notRun } from '../../not-run.ts';
import { ROOT } from '../../sources.ts';
import { kept, Rig } from './rig.ts';

const HERE = join(ROOT, 'test/server/state');
const FIRST = 'hb-aaaaaaaaaa';
const SECOND = 'hb-bbbbbbbbbb';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.remove());

const refusal = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('it was not refused');
};

describe('a disk of the network (F-43)', () => {
  it.each([
    ['NFS', 0x6969],
    ['Lustre', 0x0bd00bd0],
    ['GPFS', 0x47504653],
    ['BeeGFS', 0x19830326],
    ['CIFS', 0xff534d42],
    ['SMB', 0xfe534d42],
    ['Ceph', 0x00c36400],
    ['FUSE', 0x65735546],
  ])('is refused: %s, with where it is and what to do', (kind, type) => {
    const error = refusal(() => State.open(rig.directory, { disk: { typeOf: () => type } }));
    expect(error).toMatchObject({
      code: 'E-STATE',
      message: `${rig.directory} is on a network disk (${kind}), where SQLite loses data`,
      hint: expect.stringContaining('/var/lib/hpcbinder'),
    });
    expect(readdirSync(rig.directory)).toEqual([]);
  });

  it('is told from the disk of this test, and from memory, which is taken with a warning', () => {
    expect(() => rig.open()).not.toThrow();
    if (!existsSync('/dev/shm')) return notRun('state in memory: this machine has no /dev/shm');
    const directory = `/dev/shm/hb-state-${process.pid}`;
    try {
      expect(stateDirectory(directory)).toBe(`${directory} is in memory: a restart of this machine loses the state`);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

describe('a machine without better-sqlite3', () => {
  it('is told what to install, and only when the state is needed', () => {
    const dist = join(rig.directory, 'dist');
    cpSync(join(ROOT, 'dist'), dist, { recursive: true });
    const program = `
      import { State } from ${JSON.stringify(join(dist, 'server/state/index.js'))};
      try { State.open(${JSON.stringify(join(rig.directory, 'state'))}); } catch (error) { console.log(error.code, error.message, error.hint); }`;
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
    expect(said).toMatch(/^E-STATE .*better-sqlite3 is not installed here.*npm rebuild better-sqlite3/);
  });
});

describe('a folder or file of others', () => {
  it('is closed where it was open to others, but a file that was open may be known already', () => {
    const state = rig.open();
    state.close();
    chmodSync(rig.directory, 0o755);
    chmodSync(state.path, 0o644);
    expect(refusal(() => State.open(rig.directory))).toMatchObject({
      code: 'E-STATE',
      hint: expect.stringContaining('chmod 600'),
    });
    expect(statSync(rig.directory).mode & 0o777).toBe(0o700);
  });

  it('is refused where a file stands in its place', () => {
    const file = join(rig.directory, 'file');
    writeFileSync(file, '');
    expect(refusal(() => State.open(file))).toMatchObject({ code: 'E-STATE' });
    expect(refusal(() => State.open(join(file, 'below')))).toMatchObject({ code: 'E-STATE' });
  });
});

describe('a state of another version (F-44)', () => {
  it('that is newer is refused and left as it is', () => {
    const { path } = closed();
    const database = new Sqlite(path);
    database.pragma(`user_version = ${STEPS.length + 1}`);
    database.close();
    const before = readFileSync(path);
    expect(refusal(() => rig.open())).toMatchObject({ code: 'E-STATE', message: expect.stringContaining('newer') });
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('is never brought up to date by a command beside the server, and none is made', () => {
    const empty = new Rig();
    try {
      expect(refusal(() => State.open(empty.directory, { beside: true }))).toMatchObject({ code: 'E-STATE' });
      expect(readdirSync(empty.directory)).toEqual([]);
    } finally {
      empty.remove();
    }
    const { path } = closed();
    const database = new Sqlite(path);
    database.pragma('user_version = 0');
    database.close();
    expect(refusal(() => State.open(rig.directory, { beside: true }))).toMatchObject({
      hint: expect.stringContaining('restart'),
    });
  });
});

describe('a damaged state (F-44)', () => {
  it('is refused with what to do, and repaired but for the rows that cannot be read', () => {
    const state = rig.open();
    state.together(() => {
      for (let n = 0; n < 300; n++)
        state.saveSession(kept({ id: `hb-${String(n).padStart(10, '0')}`, sif: 'x'.repeat(1500) }), {
          account: 'alice',
        });
      state.audit.write({ account: 'alice', action: 'launch' });
    });
    state.close();
    const bytes = readFileSync(state.path);
    // a page in the middle of the sessions
    const page = Math.floor(bytes.indexOf('hb-0000000150') / 4096);
    bytes.fill(0xff, page * 4096, page * 4096 + 200);
    writeFileSync(state.path, bytes);
    expect(refusal(() => rig.open())).toMatchObject({
      code: 'E-STATE',
      message: `${state.path} is damaged`,
      hint: expect.stringContaining('hpcbinder admin repair'),
    });
    const repaired = repair(rig.directory, { now: () => rig.clock });
    if (!repaired) throw new Error('it was found whole');
    const { aside, rows, damaged } = repaired;
    expect(readFileSync(aside).equals(bytes)).toBe(true);
    expect(damaged).toContain('sessions');
    expect(rows.sessions).toBeGreaterThan(280);
    expect(rows.sessions).toBeLessThan(300);
    expect(rows.audit).toBe(1);
    const again = rig.open();
    expect(again.session('hb-0000000000')?.record.sif).toHaveLength(1500);
    expect(again.session('hb-0000000299')?.record.sif).toHaveLength(1500);
  });

  it('of which nothing is left is refused too, and repaired to an empty one', () => {
    const { path } = closed();
    writeFileSync(path, 'this is no database, but it is long enough to be read as one'.repeat(100));
    expect(refusal(() => rig.open())).toMatchObject({ code: 'E-STATE', message: expect.stringContaining('damaged') });
    expect(repair(rig.directory, { now: () => rig.clock })?.rows.sessions).toBe(0);
    expect(repair(rig.directory)).toBeUndefined();
    expect(rig.open().sessions()).toEqual([]);
  });
});

describe('a state that another process holds (F-44)', () => {
  it('is waited for no longer than the endpoint can stand still, and nothing is half written', () => {
    const state = rig.open();
    const holder = new Sqlite(state.path);
    holder.exec('BEGIN IMMEDIATE');
    const begun = Date.now();
    expect(refusal(() => state.saveSession(kept(), { account: 'alice' }))).toMatchObject({
      code: 'E-STATE',
      transient: true,
    });
    expect(Date.now() - begun).toBeLessThan(3000);
    expect(state.trouble).toBeDefined();
    expect(state.sessions()).toEqual([]);
    holder.exec('COMMIT');
    holder.close();
    state.saveSession(kept(), { account: 'alice' });
    expect(state.trouble).toBeUndefined();
  });

  it('and serves from is refused to a second one, until the first is gone', () => {
    const first = State.open(rig.directory, { serving: true });
    expect(refusal(() => State.open(rig.directory, { serving: true, patienceMs: 100 }))).toMatchObject({
      code: 'E-LOCKED',
      message: `another hpcbinder serves from ${rig.directory}`,
    });
    expect(State.open(rig.directory, { beside: true }).sessions()).toEqual([]);
    first.close();
    State.open(rig.directory, { serving: true }).close();
  });
});

describe('a state that is removed or replaced while it is open (F-44)', () => {
  it('is put back with all that was in it', () => {
    const state = rig.open();
    state.saveSession(kept(), { account: 'alice' });
    for (const end of ['', '-wal', '-shm']) rmSync(`${state.path}${end}`);
    state.audit.write({ account: 'alice', action: 'open' });
    state.check();
    state.check();
    expect(rig.told).toEqual([`${state.path} had been removed: it was written again, and nothing is lost`]);
    state.audit.write({ account: 'alice', action: 'stop' });
    const other = rig.open();
    expect(other.session(kept().id)).toEqual(state.session(kept().id));
    expect(other.audit.read().map(({ action }) => action)).toEqual(['stop', 'open']);
  });

  it('by another file is said, and that file is left alone', async () => {
    const state = rig.open();
    const copy = join(rig.directory, 'copy.db');
    await state.backup(copy);
    renameSync(copy, state.path);
    const before = readFileSync(state.path);
    expect(refusal(() => state.check())).toMatchObject({ code: 'E-STATE', hint: expect.stringContaining('Restart') });
    expect(readFileSync(state.path).equals(before)).toBe(true);
  });
});

describe('a backup', () => {
  it('that cannot be written leaves nothing behind', async () => {
    const state = rig.open();
    await expect(state.backup('/proc/nowhere/copy.db')).rejects.toMatchObject({ code: 'E-STATE' });
    await expect(state.backup(join(rig.directory, 'not', 'there.db'))).rejects.toMatchObject({ code: 'E-STATE' });
    expect(readdirSync(rig.directory).filter((name) => name.includes('partial'))).toEqual([]);
  });
});

describe('kill -9 in the middle of writes', () => {
  it('leaves a state that opens, whole records, and all that was said to be written', async () => {
    for (let round = 0; round < 4; round++) {
      const child = spawn(process.execPath, [join(HERE, 'writer.mjs'), rig.directory, FIRST, SECOND], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let said = '';
      child.stdout.on('data', (data: Buffer) => {
        said += data;
      });
      const first = Date.now() + 20_000;
      while (!said.includes('\n') && Date.now() < first) await new Promise((resolve) => setTimeout(resolve, 5));
      await new Promise((resolve) => setTimeout(resolve, 5 + 53 * round));
      child.kill('SIGKILL');
      await new Promise((resolve) => child.on('close', resolve));
      const acknowledged = Number(said.trim().split('\n').at(-1));
      expect(acknowledged).toBeGreaterThan(0);
      const state = State.open(rig.directory, { serving: true });
      const [one, two] = [state.session(FIRST), state.session(SECOND)];
      expect(state.sessions()).toHaveLength(2);
      const n = Number(one?.record.jobId);
      expect(n).toBeGreaterThanOrEqual(acknowledged);
      expect(one?.record.cluster).toBe(String(n));
      expect(one?.record.sif).toBe(String(n).repeat(1 + (n % 4000)));
      expect(two?.record).toEqual({ ...one?.record, id: SECOND });
      expect(state.audit.read({ limit: 1 })).toMatchObject([{ detail: String(n) }]);
      state.close();
    }
  }, 60_000);
});

describe('a full disk (F-36)', () => {
  it('refuses the write whole, keeps what was there readable, and recovers by itself', () => {
    const disk = join(rig.directory, 'disk');
    mkdirSync(disk);
    const script = 'mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" "$3" "$1"';
    const args = ['sh', '-c', script, 'sh', disk, process.execPath, join(HERE, 'full-disk.mjs')];
    const how = process.getuid?.() === 0 ? ['-m'] : ['-rm'];
    if (spawnSync('unshare', [...how, 'sh', '-c', 'mount -t tmpfs tmpfs /mnt']).status !== 0)
      return notRun('a full disk under the state: this machine lets nobody mount one (unshare -m)');
    const seen = JSON.parse(execFileSync('unshare', [...how, ...args], { encoding: 'utf8' }));
    expect(seen).toMatchObject({
      code: 'E-STATE',
      transient: true,
      message: expect.stringContaining('is full: nothing was written'),
      trouble: 'E-STATE',
      isLast: true,
      listed: 1,
      reopened: true,
      closed: expect.stringMatching(/^opened$|^E-STATE .* is full/),
      after: 'after',
      troubleAfter: null,
    });
  }, 30_000);
});

function closed(): { path: string } {
  const state = rig.open();
  const { path } = state;
  state.close();
  copyFileSync(path, `${path}.as-it-was`);
  return { path };
}
