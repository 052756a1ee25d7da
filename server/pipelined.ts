/**
 * Requests sent before the last one's answer (RFC 9112 section 9.3.2). No browser and no proxy does so, but one segment can hold a
 * thousand, and for a reader that does not read all their answers would lie in memory (SECURITY R11). A few are served, for the next
 * request may be here before the last answer counts as written.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

const MOST = 16;
const BEHIND = Symbol('behind');
type Line = Socket & { [BEHIND]?: number };

/** Cuts the connection where too many answers wait for their turn: true, and nobody is to answer. */
export function isCrowded(line: Line, res: ServerResponse): boolean {
  if (line.destroyed) return true;
  // Node gives an answer its socket when it is its turn
  if (res.socket !== null) return false;
  const behind = (line[BEHIND] ?? 0) + 1;
  if (behind > MOST) {
    line.destroy();
    return true;
  }
  line[BEHIND] = behind;
  res.once('close', () => {
    line[BEHIND] = (line[BEHIND] ?? 1) - 1;
  });
  return false;
}
