import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import type { KeptSession, LaunchEvent, LaunchGranted, LaunchView, Services, User } from '../../../core/endpoint.ts';
import { HpcbinderError } from '../../../core/errors.ts';
import { Launches } from '../../../server/endpoint/launches.ts';
import { State } from '../../../server/state/index.ts';
import { kept, Rig } from '../state/rig.ts';
import { ALICE, GRANTED, WANTED } from './granted.ts';

let rig: Rig;
let state: State;
let holder: Sqlite.Database;
let goOn: () => void;
let begun: number;
let stopped: string[];
let ready: string[];
let over: LaunchView[];
let launches: Launches;

beforeEach(() => {
  rig = new Rig();
  state = State.open(rig.directory, { patienceMs: 1 });
  holder = new Sqlite(state.path);
  [begun, stopped, ready, over] = [0, [], [], []];
  launches = taken(state);
});
afterEach(() => {
  launches.close();
  holder.close();
  state.close();
  rig.remove();
});

/** The services are a fake: a cluster whose job begins when the test says so. */
function taken(of: State): Launches {
  const going = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const services = {
    async *launch(
      _: User,
      __: LaunchGranted,
      how: { id: string; keep(record: KeptSession): void; resume?: KeptSession },
    ) {
      begun++;
      if (!how.resume) how.keep(kept({ id: how.id, phase: 'queued' }));
      yield { type: 'note', text: 'queued' };
      await going;
      return kept({ id: how.id, phase: 'ready' });
    },
    async stop(_: User, record: KeptSession) {
      stopped.push(record.id);
      return record;
    },
  } as unknown as Services;
  return new Launches({
    services,
    kept: of,
    onReady: (row) => ready.push(row.record.id),
    onEnded() {},
    baseOf: () => undefined,
    onOver: (view) => over.push(view),
  });
}

const unwritable = () => holder.exec('BEGIN IMMEDIATE');
const writable = () => holder.exec('ROLLBACK');

describe('an endpoint whose state cannot be written', () => {
  it('begins nothing: the launch is refused before anything is done', () => {
    unwritable();
    expect(() => launches.start(ALICE, WANTED, GRANTED)).toThrow('another process holds');
    expect(begun).toBe(0);
    expect(launches.running()).toEqual([]);
    writable();
    expect(launches.start(ALICE, WANTED, GRANTED).state).toBe('running');
  });

  it('brings what is on its way to its end, and writes it down when it can', async () => {
    const { id, session = '' } = launches.start(ALICE, WANTED, GRANTED);
    await wait(20);
    unwritable();
    goOn();
    await wait(50);
    expect(ready).toEqual([session]);
    expect(over).toMatchObject([{ id, state: 'ready' }]);
    expect(stopped).toEqual([]);
    expect(state.session(session)?.record.phase).toBe('ready');
    expect(rig.open().session(session)?.record.phase).toBe('queued');
    writable();
    state.check();
    expect(rig.open().session(session)?.record.phase).toBe('ready');
    expect(rig.open().launch(id)?.state).toBe('ready');
  });
});

describe('an endpoint whose state cannot be read', () => {
  it('goes on: a launch has failed, its job is ended, and who listens hears the end', async () => {
    const { id, session } = launches.start(ALICE, WANTED, GRANTED);
    const heard: LaunchEvent[] = [];
    const listening = (async () => {
      for await (const event of launches.events(id, AbortSignal.timeout(5000))) heard.push(event);
    })();
    await wait(20);
    jest.spyOn(state, 'session').mockImplementation(() => {
      throw new HpcbinderError('E-STATE', { message: 'the disk fails' });
    });
    goOn();
    await listening;
    expect(heard.at(-1)).toMatchObject({ type: 'launch', launch: { id, state: 'failed', error: { code: 'E-STATE' } } });
    expect(stopped).toEqual([session]);
    expect(over).toMatchObject([{ id, state: 'failed' }]);
    expect(launches.running()).toEqual([]);
  });
});

describe('an endpoint that was killed', () => {
  it('takes up what was on its way, from its record, as the same session of the same launch', async () => {
    const { id, session = '' } = launches.start(ALICE, WANTED, GRANTED);
    await wait(20);
    launches.close();
    const next = rig.open();
    launches = taken(next);
    launches.restore(() => ALICE);
    goOn();
    await wait(50);
    expect(begun).toBe(2);
    expect(ready).toEqual([session]);
    expect(next.launch(id)).toMatchObject({ state: 'ready', session });
    expect(next.sessions()).toHaveLength(1);
  });
});
