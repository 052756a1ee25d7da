import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LaunchEvents, launchEvent } from '../../../server/state/launch-events.ts';
import { launched, Rig } from './rig.ts';

const NOW = new Date('2026-11-23T12:00:00Z');
const COMMIT = '4f1c2ab'.padEnd(40, '0');

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.remove());

describe('a launch as an event', () => {
  it('is a line of BinderHub’s schema, without the name of whoever launched', () => {
    const line = launchEvent(
      { ...launched({ state: 'ready' }), ref: COMMIT, clicked: true },
      'binder.hpc.example.edu',
      NOW,
    );
    expect(JSON.parse(line ?? '')).toEqual({
      timestamp: '2026-11-23T12:00:00.000Z',
      schema: 'binderhub.jupyter.org/launch',
      version: 5,
      provider: 'GitHub',
      spec: 'org/repo/HEAD',
      ref: COMMIT,
      status: 'success',
      build_token: true,
      origin: 'binder.hpc.example.edu',
    });
  });

  it('that failed before the commit was known has none; one that runs or was cancelled is none', () => {
    const of = (state: 'failed' | 'running' | 'cancelled') =>
      launchEvent({ ...launched({ state }), clicked: false }, 'x', NOW);
    expect(JSON.parse(of('failed') ?? '')).toMatchObject({ status: 'failure', build_token: false });
    expect(of('failed')).not.toContain('"ref"');
    expect(of('running')).toBeUndefined();
    expect(of('cancelled')).toBeUndefined();
  });
});

describe('the file of launch events', () => {
  const ready = { ...launched({ state: 'ready' }), clicked: false };

  it('gets a line for each, goes on in a new file when it was moved away, and never grows over its limit', () => {
    const path = join(rig.directory, 'launches.jsonl');
    const events = new LaunchEvents(path, 'x', { mostBytes: 1000 });
    for (let n = 0; n < 30; n++) events.write({ ...ready, ref: String(n) });
    const refs = [`${path}.1`, path].flatMap((file) =>
      readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).ref),
    );
    expect(refs).toEqual(Array.from({ length: refs.length }, (_, i) => String(30 - refs.length + i)));
    for (const file of [`${path}.1`, path]) expect(statSync(file).size).toBeLessThan(1300);
    expect(statSync(path).mode & 0o007).toBe(0);
  });

  it('that cannot be written is said, with what still works', () => {
    writeFileSync(join(rig.directory, 'file'), '');
    const events = new LaunchEvents(join(rig.directory, 'file', 'launches.jsonl'), 'x');
    expect(() => events.write(ready)).toThrow('was not written');
    expect(existsSync(join(rig.directory, 'file', 'launches.jsonl'))).toBe(false);
  });
});
