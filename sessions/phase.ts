/** One phase of a launch: its events as they come, its one line when done, its value to the caller. */
import { LogWindow } from '../core/log-window.ts';
import type { OnProgress, PhaseName, Progress } from '../core/progress.ts';

export async function* phase<T>(
  name: PhaseName,
  text: string,
  work: (on: OnProgress) => Promise<T>,
  done: (value: T) => string | { text: string; skipped: true },
): AsyncGenerator<Progress, T> {
  const started = performance.now();
  yield { type: 'start', phase: name, text };
  const value = yield* during(work);
  const words = done(value);
  const seconds = (performance.now() - started) / 1000;
  yield typeof words === 'string'
    ? { type: 'done', phase: name, text: words, seconds }
    : { type: 'done', phase: name, text: words.text, seconds, skipped: true };
  return value;
}

/** Runs the work and yields what it tells, without waiting for its end; of a log without bounds its beginning and its end. */
export async function* during<T>(work: (on: OnProgress) => Promise<T>): AsyncGenerator<Progress, T> {
  const told: Progress[] = [];
  let wake = () => {};
  let settled = false;
  let inPhase: PhaseName = 'build';
  const log = new LogWindow((line) => told.push({ type: 'log', phase: inPhase, line }));
  const result = work((event) => {
    if (event.type === 'log') {
      inPhase = event.phase;
      log.take(event.line);
    } else {
      told.push(event);
    }
    wake();
  }).finally(() => {
    log.end();
    settled = true;
    wake();
  });
  // a rejection is handed on below; this keeps Node from calling it unhandled while events are being shown
  result.catch(() => {});
  for (;;) {
    const event = told.shift();
    if (event) {
      yield event;
    } else if (settled) {
      return await result;
    } else {
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (told.length > 0 || settled) resolve();
      });
    }
  }
}
