/** How far a copy is: one moving line on a terminal, from the second on in which it turns out to be long. */
import { cutMiddle, harmless } from '../core/text.ts';
import { size } from '../core/units.ts';
import { CUT, columns, plain } from './terminal.ts';

const EVERY_MS = 250;
const PATIENCE_MS = 1_000;

/** Passes the chunks through. `total` in bytes; undefined where nobody knows it. */
export async function* metered(
  name: string,
  data: AsyncIterable<Uint8Array>,
  total: number | undefined,
): AsyncGenerator<Uint8Array> {
  if (!process.stderr.isTTY) {
    yield* data;
    return;
  }
  let done = 0;
  let next = Date.now() + PATIENCE_MS;
  let drawn = false;
  try {
    for await (const chunk of data) {
      yield chunk;
      done += chunk.length;
      if (Date.now() < next) continue;
      next = Date.now() + EVERY_MS;
      const figures = total === undefined ? size(done) : `${size(done)} of ${size(total)}`;
      const text = `${cutMiddle(plain(harmless(name)), columns() - figures.length - 3, CUT)}  ${figures}`;
      process.stderr.write(`\r\u001b[2K${text}`);
      drawn = true;
    }
  } finally {
    if (drawn) process.stderr.write('\r\u001b[2K');
  }
}
