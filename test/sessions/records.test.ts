import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readAddress, readEnd, readRecord, readWorkReport } from '../../sessions/records.ts';
import { session } from './example.ts';

const address = { schema: 1, session: session.id, host: 'c2.local', port: 40_000, startedAt: 1, endsAt: 7201 };
const json = (value: unknown) => JSON.stringify(value);

describe('a record', () => {
  it('comes back as it was written', () => {
    expect(readRecord(json(session))).toEqual({ kind: 'record', record: session });
  });

  it('of a newer hpcbinder is left alone and named', () => {
    expect(readRecord(json({ ...session, schema: 3 }))).toEqual({ kind: 'newer', schema: 3 });
  });

  it.each([
    ['nothing', undefined],
    ['an empty file', ''],
    ['half a file', json(session).slice(0, 90)],
    ['a list', '[]'],
    ['null', 'null'],
    ['an id that leads elsewhere', json({ ...session, id: '../../etc' })],
    ['no phase', json({ ...session, phase: undefined })],
    ['an older schema', json({ ...session, schema: 0 })],
  ])('is unreadable, not a fault, where there is %s', (_, text) => {
    expect(readRecord(text)).toEqual({ kind: 'unreadable' });
  });
});

describe('an address', () => {
  it('is believed where it is the session’s own', () => {
    const { host, port, startedAt, endsAt } = address;
    expect(readAddress(json(address), session.id)).toEqual({ host, port, startedAt, endsAt });
  });

  it.each([
    ['another session’s', { session: 'hb-aaaaaaaaaa' }],
    ['a newer schema’s', { schema: 2 }],
    ['with an option for a host', { host: '-oProxyCommand=id' }],
    ['with a path for a host', { host: '../x' }],
    ['with a port out of range', { port: 65_536 }],
    ['with a port that is no number', { port: '40000' }],
  ])('is “not yet” where it is %s', (_, more) => {
    expect(readAddress(json({ ...address, ...more }), session.id)).toBeUndefined();
  });

  it('has no times that no date can hold', () => {
    expect(readAddress(json({ ...address, startedAt: 1e300, endsAt: 'soon' }), session.id)).toMatchObject({
      startedAt: 0,
      endsAt: 0,
    });
  });
});

describe('an end', () => {
  it('says why, when, and what else there is', () => {
    const end = { why: 'idle', at: 1000, detail: '3600 s' };
    expect(readEnd(json({ schema: 1, ...end }))).toEqual(end);
  });

  it.each([json({ schema: 1, why: 'bored', at: 1 }), json({ schema: 2, why: 'idle' }), '{"schema":1,"wh', undefined])(
    'is none where it says %j',
    (text) => {
      expect(readEnd(text)).toBeUndefined();
    },
  );
});

describe('what became of the work', () => {
  it('is read as far as it is what it should be', () => {
    const text = json({
      directory: '/w',
      created: 1,
      updated: ['a', 2],
      conflicts: [{ path: 'n.ipynb', theirs: 'n.ipynb.~4f1c2ab' }, { path: 3 }, null],
      notes: 'x',
    });
    expect(readWorkReport(text)).toEqual({
      directory: '/w',
      created: false,
      updated: ['a'],
      kept: [],
      deleted: [],
      notes: [],
      conflicts: [{ path: 'n.ipynb', theirs: 'n.ipynb.~4f1c2ab' }],
    });
    expect(readWorkReport('{}')).toBeUndefined();
  });
});

it('no text at all is a fault of any reader', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      for (const read of [readRecord, readEnd, readWorkReport]) expect(() => read(text)).not.toThrow();
      expect(() => readAddress(text, session.id)).not.toThrow();
    }),
  );
});
