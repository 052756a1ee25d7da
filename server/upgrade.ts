/**
 * The life of a WebSocket between browser and app. Its frames are not parsed; its ends are watched, for http-proxy
 * leaves the app's side open when a browser goes before the app has answered (SECURITY WEB-18: 300 such were 300 leaks).
 */
import type { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import { plain, sendRaw } from './answers.ts';
import { cleanResponse } from './headers.ts';
import type { Limits } from './limits.ts';

/** More than any app says in refusing a WebSocket; http-proxy copies that body without minding a slow reader. */
const MAX_REFUSAL_BYTES = 1 << 20;

/** Registered before http-proxy's own listeners: what is cleaned here is what it copies. */
export function spliceUpgrade(
  appRequest: ClientRequest,
  browser: Socket,
  limits: Limits,
  onWebSocket: (change: 1 | -1) => void,
): void {
  const abandon = () => appRequest.destroy();
  // RFC 6455 section 4.1: a client sends nothing before the answer. To read is also the only way to learn that it left.
  const gone = () => browser.destroy();
  const timer = setTimeout(() => {
    sendRaw(browser, plain(504, 'The app has not accepted the WebSocket in time.'));
    abandon();
  }, limits.upgradeMs);
  const settled = () => {
    clearTimeout(timer);
    browser.off('data', gone).off('end', gone).off('close', abandon);
  };
  browser.on('data', gone).on('end', gone).on('close', abandon);
  appRequest.once('close', settled);
  appRequest.once('upgrade', (response, app) => {
    settled();
    cleanResponse(response);
    response.headers.connection = 'Upgrade';
    onWebSocket(1);
    app.once('close', () => onWebSocket(-1));
    closeTogether(browser, app as Socket, limits.closeMs);
  });
  appRequest.once('response', (response) => {
    settled();
    browser.on('close', abandon).resume();
    cleanResponse(response);
    response.headers.connection = 'close';
    let size = 0;
    response.on('data', (part: Buffer) => {
      size += part.length;
      if (size > MAX_REFUSAL_BYTES) browser.destroy();
    });
  });
}

/** When one side has ended, the other has a while to end as well; half a WebSocket is of no use to anybody. */
function closeTogether(a: Socket, b: Socket, ms: number): void {
  let timer: NodeJS.Timeout | undefined;
  let open = 2;
  const over = () => {
    timer ??= setTimeout(() => {
      a.destroy();
      b.destroy();
    }, ms);
  };
  for (const [side, other] of [
    [a, b],
    [b, a],
  ] as const) {
    side.once('end', over).once('close', () => {
      open -= 1;
      other.destroySoon();
      if (open === 0) clearTimeout(timer);
      else over();
    });
  }
}
