/** Few open files and little memory (F-51): declared, and new work refused before the process dies. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Pressure, roomHere, tooLittle, type Used } from '../../../server/endpoint/room.ts';
import { World } from './rig.ts';

const files = (texts: Record<string, string>) => (path: string) => texts[path];

describe('the room of the process', () => {
  it('is its limit of open files, and the smallest memory limit of its cgroups, either version', () => {
    const limits = 'Max open files            256                  256                  files     \n';
    const second = {
      '/proc/self/limits': limits,
      '/proc/self/cgroup': '0::/system.slice/hpcbinder.service\n',
      '/sys/fs/cgroup/system.slice/memory.max': 'max\n',
      '/sys/fs/cgroup/system.slice/hpcbinder.service/memory.max': `${300 * 2 ** 20}\n`,
    };
    expect(roomHere(files(second))).toEqual({ files: 256, memoryMb: 300 });
    const first = {
      '/proc/self/limits': limits,
      '/proc/self/cgroup': '11:pids:/x\n4:memory:/user.slice\n',
      '/sys/fs/cgroup/memory//memory.limit_in_bytes': '9223372036854771712\n',
      '/sys/fs/cgroup/memory/user.slice/memory.limit_in_bytes': `${512 * 2 ** 20}\n`,
    };
    expect(roomHere(files(first))).toEqual({ files: 256, memoryMb: 512 });
  });

  it('is said to be too little for the sessions of the policy, with what would do', () => {
    expect(tooLittle({ files: 16384, memoryMb: 4000 }, 500)).toEqual([]);
    expect(tooLittle({ files: 256, memoryMb: 100 }, 500)).toEqual([
      expect.stringMatching(
        /may open 256 files, enough for about 8 sessions; limits\.sessions is 500\. LimitNOFILE=7625/,
      ),
      expect.stringMatching(/100 MB of memory; 500 sessions take 407 MB/),
    ]);
  });

  it('is full over four fifths, and roomy again below seven tenths; each change is told once', () => {
    const told: unknown[] = [];
    const used: Used = { files: 10, memoryMb: 50 };
    const pressure = new Pressure(
      { files: 256, memoryMb: 300 },
      (line) => told.push(line.words),
      () => used,
    );
    const seen = (change: Partial<Used>) => {
      Object.assign(used, change);
      pressure.look();
      return pressure.words;
    };
    expect(seen({})).toBeUndefined();
    expect(seen({ files: 210 })).toBe('210 of 256 files are open');
    expect(seen({ files: 190 })).toBe('190 of 256 files are open');
    expect(seen({ files: 170 })).toBeUndefined();
    expect(seen({ memoryMb: 241 })).toBe('241 of 300 MB of memory are used');
    expect(seen({ memoryMb: 100 })).toBeUndefined();
    expect(told).toHaveLength(4);
  });

  it('is full where no file is left to look with', () => {
    const pressure = new Pressure(
      { files: 256, memoryMb: 300 },
      () => {},
      () => {
        throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
      },
    );
    pressure.look();
    expect(pressure.words).toBe('256 of 256 files are open');
  });
});

describe('an endpoint that may open 256 files', () => {
  const world = new World();
  const held: Socket[] = [];
  afterEach(async () => {
    for (const socket of held) socket.destroy();
    await world.close();
  });

  const fresh = (headers: Record<string, string>) => world.ask('/api/v1/me', { headers, alone: true });

  it('answers 503 with Retry-After where there is no room for one more, goes on with who is there, and heals', async () => {
    await world.open(undefined, { options: { room: { files: 256, memoryMb: 4000 } } });
    const alice = await world.signIn('alice');
    // a browser that came before the crowd
    const early = connect(world.port, '127.0.0.1');
    held.push(early);
    for (let i = 0; i < 120; i++) {
      const socket = connect(world.port, '127.0.0.1');
      await once(socket, 'connect');
      held.push(socket);
    }
    const late = await fresh(alice.headers);
    expect([late.status, Number(late.headers['retry-after'])]).toEqual([503, 30]);
    early.write(`GET /health HTTP/1.1\r\nHost: ${world.host}\r\nConnection: close\r\n\r\n`);
    const [said] = (await once(early, 'data')) as [Buffer];
    expect(said.toString()).toMatch(/^HTTP\/1.1 200/);
    for (const socket of held) socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await fresh(alice.headers)).status).toBe(200);
  });
});
