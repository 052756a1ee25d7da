import { EventEmitter } from 'node:events';
import { expect, it } from '@jest/globals';
import { logDefects } from '../../../cli/serve/defects.ts';

it('what nobody caught is in the log with its stack; a promise ends nothing, an exception ends the process', () => {
  const lines: Record<string, unknown>[] = [];
  const from = new EventEmitter();
  let ends = 0;
  logDefects(
    (line) => lines.push(line),
    from,
    () => {
      ends += 1;
    },
  );
  from.emit('unhandledRejection', new Error('of one session'));
  expect({ lines: lines.length, ends }).toEqual({ lines: 1, ends: 0 });
  expect(lines[0]).toMatchObject({ event: 'defect', stack: expect.stringContaining('defects.test') });
  from.emit('uncaughtException', { toString: 0 });
  expect(lines[1]).toMatchObject({ event: 'defect', stack: 'object' });
  expect(ends).toBe(1);
});
