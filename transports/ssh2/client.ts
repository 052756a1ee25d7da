/** One hop: over a TCP connection or a channel of the hop before, the host key, the login. */
import type { Duplex } from 'node:stream';
import type { Client, ConnectConfig } from 'ssh2';
import { HpcbinderError } from '../../core/errors.ts';
import { lastLines } from '../../core/text.ts';
import type { Prompter } from '../../core/transport.ts';
import { messageOf } from '../faults.ts';
import { PatientClock, stillWaiting } from '../patient.ts';
import { Authentication } from './auth.ts';
import type { Hop } from './hop.ts';
import { hostKeyAlgorithms, verifyHostKey } from './host-key.ts';
import type { KeyRing, Ssh2 } from './keys.ts';
import type { Openssh } from './only-openssh.ts';
import { KEEPALIVE_MS } from './pulse.ts';
import { CONNECT_MS, socketTo, unreachable } from './socket.ts';

/** A minute of silence ends a connection whatever pulse.ts could find out meanwhile. */
const KEEPALIVE = { keepaliveInterval: KEEPALIVE_MS, keepaliveCountMax: 60_000 / KEEPALIVE_MS };

/** `stream` is what the connection runs over: what comes on it is a sign of life. */
export type Opened = { client: Client; stream: Duplex; attended: boolean };

/** E-SSH-UNREACHABLE (transient), E-SSH-HOSTKEY, E-SSH-AUTH. `stopped`: nobody wants it any more. */
export async function openHop(
  hop: Hop,
  via: Client | undefined,
  how: {
    ssh2: Ssh2;
    ring: KeyRing;
    prompter: Prompter | undefined;
    openssh: Openssh | undefined;
    stopped: AbortSignal;
  },
): Promise<Opened> {
  const socket = await (via ? channelTo(via, hop) : socketTo(hop, how.stopped));
  const stop = () => socket.destroy();
  how.stopped.addEventListener('abort', stop, { once: true });
  const clock = new PatientClock(CONNECT_MS);
  const client = new how.ssh2.Client();
  const prompter = how.prompter ? patient(how.prompter, clock, client, hop.label) : undefined;
  const authentication = new Authentication(hop, how.ring, prompter, how.openssh);
  let refusal: unknown;
  const config: ConnectConfig = {
    sock: socket,
    username: hop.user,
    readyTimeout: 0,
    ...KEEPALIVE,
    authHandler: authentication.handler as NonNullable<ConnectConfig['authHandler']>,
    hostVerifier: (key: Buffer, verify: (accepted: boolean) => void) => {
      verifyHostKey(hop, key, prompter).then(
        () => verify(true),
        (error) => {
          refusal = error;
          verify(false);
        },
      );
    },
  };
  const serverHostKey = hostKeyAlgorithms(hop);
  if (serverHostKey) config.algorithms = { serverHostKey: serverHostKey as never };
  const ready = new Promise<void>((resolve, reject) => {
    client.once('ready', resolve);
    client.on('error', (error: Error & { level?: string }) => {
      // an agent that cannot sign with one key: the next one is tried
      if (error.level === 'agent') return;
      reject(refusal ?? faultOf(hop, error, authentication));
    });
    client.once('close', () => reject(refusal ?? unreachable(hop, 'it closed the connection')));
    clock.expired.then(() => reject(unreachable(hop, `no answer within ${clock.ms / 1000} s`)));
  });
  try {
    client.connect(config);
    await ready;
    return { client, stream: socket, attended: authentication.attended };
  } catch (error) {
    client.destroy();
    socket.destroy();
    throw error;
  } finally {
    clock.stop();
    how.stopped.removeEventListener('abort', stop);
  }
}

function channelTo(via: Client, hop: Hop): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    via.forwardOut('127.0.0.1', 0, hop.host, hop.port, (error, channel) => {
      if (error) reject(unreachable(hop, `through the jump host: ${messageOf(error)}`, error));
      else resolve(channel);
    });
  });
}

/** The server's banner is shown before the first question: it may say what is asked. */
function patient(prompter: Prompter, clock: PatientClock, client: Client, name: string): Prompter {
  let banner = '';
  client.on('banner', (text: string) => {
    banner += text;
  });
  const first = () => {
    for (const line of lastLines(banner, 50)) prompter.say(line);
    banner = '';
  };
  return {
    ask: (prompt, how) => {
      first();
      return clock.pause(
        () => prompter.ask(prompt, how),
        () => prompter.say(stillWaiting(name)),
      );
    },
    confirm: (question, fallback) => clock.pause(() => prompter.confirm(question, fallback)),
    say: (line) => prompter.say(line),
  };
}

function faultOf(hop: Hop, error: Error & { level?: string }, authentication: Authentication): HpcbinderError {
  if (error.level === 'client-authentication' || /authentication failures/i.test(error.message)) {
    return authentication.refused(error.message);
  }
  if (/no matching.*host key/i.test(error.message)) {
    return new HpcbinderError('E-SSH-HOSTKEY', {
      message: `${hop.label} offers no host key of the types that known_hosts has for it`,
      hint: 'The site may have new keys: compare what it publishes, then remove the old line from known_hosts.',
      evidence: [error.message],
    });
  }
  return unreachable(hop, messageOf(error), error);
}
