/** Relays on compute nodes that the login node does not reach: several at once, as many as there are sessions for, and none cut off. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HpcbinderError } from '../../core/errors.ts';
import { openTransport } from '../../transports/index.ts';
import type { ShellTransport } from '../../transports/shell-transport.ts';
import { Tunnels } from '../../transports/tunnels.ts';
import type { Wire } from '../../transports/wire.ts';

let echo: Server;
let port: number;
let here: ShellTransport;
const started: string[] = [];

beforeAll(async () => {
  echo = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  port = (echo.address() as { port: number }).port;
  here = await openTransport('local', undefined);
});

afterAll(async () => {
  await here[Symbol.asyncDispose]();
  echo.close();
});

/** A FAKE of a login node that reaches no node; `inside` of a node is this machine, so each relay is real. */
function tunnels(most: number): Tunnels {
  const wire = {
    name: 'login',
    link: { value: 'up' },
    connect: async () => {
      throw new HpcbinderError('E-AGENT', { message: 'no way', evidence: ['timed out'] });
    },
  } as unknown as Wire;
  const start = (argv: readonly string[]) => {
    started.push(argv[0] ?? '');
    return here.start({ argv: argv.slice(1) });
  };
  const made = new Tunnels(wire, start, () => most);
  made.python = 'python3';
  return made;
}

const to = (made: Tunnels, node: string) => made.connect({ host: '127.0.0.1', port }, [node]);

async function answers(stream: Duplex): Promise<string> {
  stream.write('ping');
  return String((await once(stream, 'data'))[0]);
}

const ended = async (stream: Duplex) => {
  stream.destroy();
  await once(stream, 'close');
};

describe('relays on several nodes', () => {
  it('live side by side: a stream of the one is not cut off by the other', async () => {
    started.splice(0);
    const made = tunnels(2);
    const [a, b] = [await to(made, 'a'), await to(made, 'b')];
    const again = await to(made, 'a');
    expect(await Promise.all([a, b, again].map(answers))).toEqual(['ping', 'ping', 'ping']);
    expect(started).toEqual(['a', 'b']);
    await Promise.all([a, b, again].map(ended));
  });

  it('one that carries nothing makes place for the next; one that does is left alone, and the refusal can be tried again', async () => {
    started.splice(0);
    const made = tunnels(1);
    const a = await to(made, 'a');
    await expect(to(made, 'b')).rejects.toMatchObject({
      code: 'E-AGENT',
      transient: true,
      message: expect.stringMatching(/opens no more/),
    });
    expect(await answers(a)).toBe('ping');
    await ended(a);
    const b = await to(made, 'b');
    expect(await answers(b)).toBe('ping');
    expect(started).toEqual(['a', 'b']);
    await ended(b);
  });
});
