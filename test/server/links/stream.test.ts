import { EventEmitter } from 'node:events';
import { describe, expect, it, jest } from '@jest/globals';
import { HpcbinderError } from '../../../core/errors.ts';
import type { Progress } from '../../../core/progress.ts';
import { acceptsEvents, BinderEvents, type Sink } from '../../../server/links/binder-events.ts';
import { Phases } from '../../../server/links/phases.ts';

/** A response that keeps what was written; `stuck`: its reader does not read. */
class FakeSink extends EventEmitter implements Sink {
  text = '';
  ended = false;
  destroyed = false;
  stuck = 0;
  write(text: string): boolean {
    this.text += text;
    if (this.stuck > 0) this.stuck += text.length;
    return true;
  }
  end(): void {
    this.ended = true;
  }
  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
  get writableLength(): number {
    return this.stuck;
  }
  get events(): Record<string, unknown>[] {
    return this.text
      .split('\n\n')
      .filter((part) => part.startsWith('data: '))
      .map((part) => JSON.parse(part.slice(6)));
  }
}
const log = (line: string): Progress => ({ type: 'log', phase: 'build', line });

describe('the event stream', () => {
  it('says nothing but :keepalive while there is nothing to say, and stops when the reader goes', () => {
    jest.useFakeTimers();
    const sink = new FakeSink();
    new BinderEvents(sink);
    jest.advanceTimersByTime(24_999);
    expect(sink.text).toBe('');
    jest.advanceTimersByTime(25_001);
    expect(sink.text).toBe(':keepalive\n\n:keepalive\n\n');
    sink.emit('close');
    jest.advanceTimersByTime(100_000);
    expect(sink.text).toBe(':keepalive\n\n:keepalive\n\n');
    jest.useRealTimers();
  });

  it.each(['ready', 'failed'] as const)('writes nothing behind its end, to a reader who never sees it (%s)', (how) => {
    jest.useFakeTimers();
    const sink = new FakeSink();
    const events = new BinderEvents(sink);
    if (how === 'failed') events.failed(new HpcbinderError('E-LINK', { message: 'no' }));
    else
      events.ready({ url: 'http://x/', token: 't', image: 'i', repo_url: 'r' } as Parameters<typeof events.ready>[0]);
    jest.advanceTimersByTime(60_000);
    expect(sink.ended).toBe(true);
    const { text } = sink;
    jest.advanceTimersByTime(9_999);
    expect(sink.text).toBe(text);
    jest.advanceTimersByTime(60_000);
    expect({ text: sink.text, destroyed: sink.destroyed }).toEqual({ text, destroyed: true });
    jest.useRealTimers();
  });

  it('stays open for a minute after ready, so that nobody asks again and launches again', () => {
    jest.useFakeTimers();
    const sink = new FakeSink();
    const events = new BinderEvents(sink);
    const fields = [
      'url',
      'token',
      'image',
      'repo_url',
      'binder_ref_url',
      'binder_launch_host',
      'binder_request',
      'binder_persistent_request',
    ];
    events.ready(Object.fromEntries(fields.map((key) => [key, key])) as Parameters<typeof events.ready>[0]);
    events.progress(log('too late'));
    events.failed({ code: 'E-BUILD', message: 'too late', hint: undefined });
    expect(sink.events.map(({ phase }) => phase)).toEqual(['ready']);
    jest.advanceTimersByTime(59_000);
    expect(sink.ended).toBe(false);
    jest.advanceTimersByTime(1_000);
    expect(sink.ended).toBe(true);
    jest.useRealTimers();
  });

  it('ends with failed, with the words, the code and the hint', () => {
    const sink = new FakeSink();
    new BinderEvents(sink).failed({ code: 'E-BUILD', message: 'a step\u001b[2J failed', hint: 'See the log.' }, 500);
    expect(sink.events).toEqual([
      { phase: 'failed', message: 'a step failed\nSee the log.\n', error: 'E-BUILD', status_code: 500 },
    ]);
    expect(sink.ended).toBe(true);
  });

  // SECURITY WEB-13, INJ-12
  it('cannot be broken out of by a line of a log', () => {
    const sink = new FakeSink();
    const events = new BinderEvents(sink);
    events.progress(log('\n\ndata: {"phase":"ready"}\n\n\u001b]8;;javascript:alert(1)\u0007x</script>\u202e'));
    expect(sink.events).toHaveLength(1);
    expect(sink.events[0]?.phase).toBe('building');
    expect(String(sink.events[0]?.message)).not.toMatch(/[\u0007\u001b\u202e]/);
  });

  it('drops lines of a log for a reader that does not read, says how many, and at last the reader', () => {
    const sink = new FakeSink();
    const events = new BinderEvents(sink);
    sink.stuck = 300 * 1024;
    for (let i = 0; i < 5000; i++) events.progress(log('x'.repeat(1000)));
    expect(sink.text).toBe('');
    sink.stuck = 1;
    events.progress(log('now'));
    expect(sink.events.map(({ message }) => message)).toEqual([
      '(5000 lines left out: this page does not read fast enough)\n',
      'now\n',
    ]);
    sink.stuck = 2 * 1024 * 1024;
    events.progress({ type: 'start', phase: 'convert', text: 'x' });
    expect(sink.destroyed).toBe(true);
  });
});

describe('our progress in BinderHub’s words', () => {
  const said = (...events: Progress[]) => {
    const phases = new Phases({ image: 'i:1', now: () => 0 });
    return events.flatMap((event) => phases.of(event)).map(({ phase, message }) => `${phase}: ${message?.trim()}`);
  };
  it('says built once, before the launching, also where the image was there already', () => {
    expect(
      said(
        { type: 'done', phase: 'repo', text: 'org/repo @ 4f1c2ab', seconds: 1 },
        { type: 'start', phase: 'submit', text: 'submitting' },
        { type: 'start', phase: 'queue', text: 'waiting' },
        { type: 'start', phase: 'start', text: 'the node starts the app' },
      ),
    ).toEqual([
      'fetching: org/repo @ 4f1c2ab',
      'built: The image is on the cluster, launching...',
      'launching: submitting',
      'queued: waiting',
      'starting: the node starts the app',
    ]);
  });

  it('says a reason of the queue once, and with the time of the likely start', () => {
    const waits: Progress = {
      type: 'update',
      phase: 'queue',
      text: 'jobs of higher priority are ahead',
      startsAt: 1_790_000_000,
    };
    expect(said(waits, waits, waits).slice(1)).toEqual([
      'queued: jobs of higher priority are ahead · likely start 2026-09-21T14:13Z',
    ]);
  });

  it('tells bytes at most once a second, and the last ones', () => {
    const bytes = (done: number): Progress => ({ type: 'update', phase: 'upload', done, total: 2_000_000 });
    expect(said(bytes(1), bytes(2), bytes(1_000_000), bytes(2_000_000))).toEqual([
      'staging: 1 B of 2.0 MB',
      'staging: 2.0 MB of 2.0 MB',
    ]);
  });

  it('tells notes and warnings in the present phase', () => {
    expect(said({ type: 'start', phase: 'build', text: 'image' }, { type: 'warning', text: 'no internet' })).toEqual([
      'building: image',
      'building: warning: no internet',
    ]);
  });
});

describe('the Accept header', () => {
  it.each([
    ['text/event-stream', true],
    ['text/event-stream, */*', true],
    ['*/*', true],
    ['text/*;q=0.5', true],
    ['TEXT/Event-Stream; charset=utf-8', true],
    ['text/html,application/xhtml+xml,*/*;q=0.8', true],
    ['application/json', false],
    ['text/event-stream;q=0, */*', false],
    ['text/event-stream; q=0.0', false],
    ['', false],
    [undefined, false],
  ])('%s is an event stream’s: %s', (accept, accepted) => expect(acceptsEvents(accept)).toBe(accepted));
});
