import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { FILE_NAME } from '../../../server/state/file.ts';
import { migrate } from '../../../server/state/migrate.ts';
import { STEPS } from '../../../server/state/schema.ts';
import { read } from '../../sources.ts';
import { Rig, SECRETS } from './rig.ts';

const RECORDED = read('test/fixtures/state/version-1.sql');

let rig: Rig;
let path: string;
beforeEach(() => {
  rig = new Rig();
  path = join(rig.directory, FILE_NAME);
  writeFileSync(path, '', { mode: 0o600 });
  const database = new Sqlite(path);
  database.exec(RECORDED);
  database.close();
});
afterEach(() => rig.remove());

const shapes = (database: Sqlite.Database) =>
  database.prepare('SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name').all();

describe('a state that version 1 wrote', () => {
  it('opens, and everything in it is what it was', () => {
    const state = rig.open();
    expect(state.sessions().map(({ record, account }) => [record.id, record.phase, account])).toEqual([
      ['hb-bbbbbbbbbb', 'ended', 'bob'],
      ['hb-k3f9q2x7ma', 'ready', 'alice'],
    ]);
    expect(state.session('hb-k3f9q2x7ma')).toMatchObject({
      record: { secrets: SECRETS, variables: [['A', "it's"]], request: { partition: 'gpu' } },
      launch: 'la-0123456789abcdef',
      granted: { notes: ['2 h instead of 9 h'] },
    });
    expect(state.launch('la-0123456789abcdef')).toMatchObject({ state: 'ready', session: 'hb-k3f9q2x7ma' });
    expect(state.logins.get('a'.repeat(64))).toMatchObject({ user: { account: 'alice', roles: ['user', 'admin'] } });
    expect(state.tokens.find('b'.repeat(64))).toMatchObject({ account: 'alice', scopes: ['read', 'launch'] });
    expect(state.tokens.list('alice')).toMatchObject([{ name: 'ci', usedAt: '2026-11-23T12:00:00.000Z' }]);
    expect(state.audit.read()).toMatchObject([{ account: 'alice', action: 'launch', from: '10.0.0.1' }]);
    expect(state.settings.get('announcement')?.text).toBe('maintenance on Friday');
  });

  it('has the tables that step 1 makes: a step that was released is never changed', () => {
    const made = new Sqlite(':memory:');
    made.exec(STEPS[0] ?? '');
    const recorded = new Sqlite(path);
    expect(shapes(made)).toEqual(shapes(recorded));
    made.close();
    recorded.close();
  });
});

describe('a change of the tables', () => {
  // the next step, whatever it will be
  const NEXT = [...STEPS, 'ALTER TABLE sessions ADD COLUMN colour TEXT; UPDATE sessions SET colour = phase;'];

  beforeEach(() => {
    const database = new Sqlite(path);
    migrate(database, path, () => {});
    database.close();
  });

  it('keeps a copy of before, 0600, and says where', () => {
    const told: string[] = [];
    const database = new Sqlite(path);
    migrate(database, path, (words) => told.push(words), NEXT);
    expect(database.pragma('user_version', { simple: true })).toBe(NEXT.length);
    expect(database.prepare('SELECT colour FROM sessions ORDER BY id').pluck().all()).toEqual(['ended', 'ready']);
    database.close();
    const copy = `${path}.before-${NEXT.length}`;
    expect(told.join()).toContain(copy);
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    const before = new Sqlite(copy, { readonly: true });
    expect(before.pragma('user_version', { simple: true })).toBe(STEPS.length);
    expect(before.prepare('SELECT count(*) FROM sessions').pluck().get()).toBe(2);
    before.close();
  });

  it('that fails leaves the state as it was, and the next start tries again', () => {
    const database = new Sqlite(path);
    const broken = [...STEPS, 'ALTER TABLE sessions ADD COLUMN colour TEXT; UPDATE nowhere SET colour = 1;'];
    expect(() => migrate(database, path, () => {}, broken)).toThrow('nowhere');
    expect(database.pragma('user_version', { simple: true })).toBe(STEPS.length);
    expect(JSON.stringify(shapes(database))).not.toContain('colour');
    migrate(database, path, () => {}, NEXT);
    expect(database.pragma('user_version', { simple: true })).toBe(NEXT.length);
    database.close();
  });

  it('of a state that is up to date changes no byte', () => {
    rmSync(`${path}.before-${STEPS.length}`);
    const before = readFileSync(path);
    const database = new Sqlite(path);
    migrate(database, path, () => {});
    database.close();
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(existsSync(`${path}.before-${STEPS.length}`)).toBe(false);
  });
});
