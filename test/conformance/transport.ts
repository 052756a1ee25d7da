/** What every transport does, whatever carries it. A new one adds a row that calls this, not a test file. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { endedInWords, exitCode, textOf } from '../../core/command.ts';
import { HpcbinderError } from '../../core/errors.ts';
import { bytes, readAll, type Transport } from '../../core/transport.ts';

export type Rig = {
  transport: Transport;
  /** whether this transport opens terminals */
  pty: boolean;
  /** how many programs stream at once besides short commands; 3 where absent */
  streams?: number;
};

const WORDS = [
  'a b',
  "it's",
  '$(touch /tmp/hb-pwned)',
  '`id`',
  '"',
  '\\',
  '\\n',
  'x\ny\n',
  '!',
  '*',
  '~',
  '',
  '-n',
  '%s',
  'é…',
];

/** Listens on the transport's far side, answers one line in capitals. Python is what a cluster has. */
const ECHO = `
import socket, sys
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(1)
print(s.getsockname()[1], flush=True)
c, _ = s.accept(); c.sendall(c.recv(100).upper()); c.close()
`;

export function transportConformance(name: string, open: () => Promise<Rig>): void {
  describe(`the transport ${name}`, () => {
    let rig: Rig;
    let dir = '';
    const out = async (...argv: string[]) => textOf((await rig.transport.run({ argv })).stdout);
    const shell = (script: string, ...words: string[]) =>
      rig.transport.run({ argv: ['sh', '-c', script, 'sh', ...words] });

    beforeAll(async () => {
      rig = await open();
      dir = (await out('mktemp', '-d', '/tmp/hb-conformance.XXXXXX')).trim();
    });
    afterAll(async () => {
      await rig.transport.run({ argv: ['rm', '-rf', dir] });
      await rig.transport[Symbol.asyncDispose]();
      expect(rig.transport.link.value).toBe('down');
    });

    describe('run', () => {
      it('hands each word over as it is', async () => {
        expect((await out('printf', '%s\\0', ...WORDS)).split('\0').slice(0, -1)).toEqual(WORDS);
      });

      it('keeps stdout, stderr and the exit code apart', async () => {
        const result = await shell('printf out; printf err >&2; exit 7');
        expect([textOf(result.stdout), textOf(result.stderr), exitCode(result)]).toEqual(['out', 'err', 7]);
      });

      it('takes any exit code as data', async () => {
        for (const code of [0, 1, 153, 255]) expect(exitCode(await shell(`exit ${code}`))).toBe(code);
      });

      it('gives stdin byte for byte, and no more than it', async () => {
        const stdin = Buffer.from(Array.from({ length: 1024 }, (_, at) => at % 256));
        const result = await rig.transport.run({ argv: ['cat'], stdin });
        expect(Buffer.from(result.stdout).equals(stdin)).toBe(true);
        expect(await out('cat')).toBe('');
      });

      it('gives a long stdin whole', async () => {
        const stdin = randomBytes(300_000);
        const result = await rig.transport.run({ argv: ['cat'], stdin });
        expect(Buffer.from(result.stdout).equals(stdin)).toBe(true);
      });

      it('goes on after a command that left its stdin unread', async () => {
        expect(exitCode(await rig.transport.run({ argv: ['true'], stdin: 'x'.repeat(90_000) }))).toBe(0);
        expect(await out('echo', 'next')).toBe('next\n');
      });

      it('keeps output without a last newline, and output that looks like a frame', async () => {
        expect(await out('printf', 'a\\n\\nb')).toBe('a\n\nb');
        expect(await out('printf', '\\n\\n\\n')).toBe('\n\n\n');
      });

      it('works in the directory and with the variables that are given', async () => {
        const result = await rig.transport.run({
          argv: ['sh', '-c', 'pwd; printf %s "$GREETING"'],
          cwd: dir,
          env: { GREETING: "it's\n$HOME" },
        });
        expect(textOf(result.stdout)).toBe(`${dir}\nit's\n$HOME`);
        expect(exitCode(await rig.transport.run({ argv: ['true'], cwd: `${dir}/none` }))).not.toBe(0);
      });

      it('says 127 for a program that is not there', async () => {
        expect(exitCode(await rig.transport.run({ argv: ['hb-no-such-program'] }))).toBe(127);
      });

      it('cuts what is too long and says so', async () => {
        const result = await rig.transport.run({ argv: ['head', '-c', '100000', '/dev/zero'], maxBytes: 1000 });
        expect([result.stdout.length, result.truncated, endedInWords(result.ended)]).toEqual([1000, true, 'exit 0']);
      });

      it('ends a command that takes too long, and is ready for the next', async () => {
        // a time of its own: the same suite may run on another implementation at the same moment
        const time = `45.${Math.random().toString().slice(2, 10)}1`;
        const argv = ['sh', '-c', `echo part; sleep ${time}; :`];
        const result = await rig.transport.run({ argv, timeoutMs: 300 });
        expect([result.ended, textOf(result.stdout)]).toEqual([{ kind: 'timeout' }, 'part\n']);
        expect(await out('echo', 'next')).toBe('next\n');
        expect(await out('sh', '-c', `sleep 0.1; ps -eo args | grep "[s]leep ${time}"`)).toBe('');
      });

      it('runs in the C locale, with a private umask, without the login environment’s options', async () => {
        const set = await out('env');
        expect(set).toContain('LC_ALL=C\n');
        expect(set).not.toMatch(/^(SBATCH|SQUEUE|SLURM_JOB|PBS_JOB)/m);
        expect(textOf((await shell('umask')).stdout)).toMatch(/^0?077$/m);
      });

      it('answers commands that are asked at once, each with its own', async () => {
        const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => out('echo', String(at))));
        expect(answers).toEqual(Array.from({ length: 20 }, (_, at) => `${at}\n`));
      });

      it('refuses a word that no command can take', async () => {
        const long = rig.transport.run({ argv: ['true', 'x'.repeat(200_000)] });
        await expect(long).rejects.toThrow(HpcbinderError);
      });

      it('gives up when it is told to', async () => {
        const signal = AbortSignal.timeout(100);
        await expect(rig.transport.run({ argv: ['sleep', '30'] }, signal)).rejects.toMatchObject({
          code: 'E-CANCELLED',
        });
        expect(await out('echo', 'on')).toBe('on\n');
      });
    });
    describe('start', () => {
      it('streams both ways while the program runs', async () => {
        const process = await rig.transport.start({ argv: ['sh', '-c', 'while read -r l; do echo "got $l"; done'] });
        for (const word of ['one', 'two']) {
          process.stdin.write(`${word}\n`);
          expect(String((await once(process.stdout, 'data'))[0])).toBe(`got ${word}\n`);
        }
        process.stdin.end();
        expect(await process.ended).toEqual({ kind: 'exit', code: 0 });
      });

      it('tells a signal from an exit code', async () => {
        for (const signal of ['TERM', 'KILL'] as const) {
          const process = await rig.transport.start({ argv: ['sleep', '60'] });
          process.kill(signal);
          expect(await process.ended).toEqual({ kind: 'signal', name: signal });
        }
        const process = await rig.transport.start({ argv: ['sh', '-c', 'exit 255'] });
        expect(await process.ended).toEqual({ kind: 'exit', code: 255 });
      });

      it('ends children with the program', async () => {
        const process = await rig.transport.start({ argv: ['sh', '-c', 'sleep 61.0611 & wait'] });
        process.kill('TERM');
        await process.ended;
        expect(await out('sh', '-c', 'sleep 0.1; ps -eo args | grep "[s]leep 61.0611"')).toBe('');
      });

      it('lets one more than it takes wait until another ends', async () => {
        const most = Array.from({ length: rig.streams ?? 3 });
        const many = await Promise.all(most.map(() => rig.transport.start({ argv: ['cat'] })));
        let came = false;
        const later = rig.transport.start({ argv: ['cat'] }).then((process) => {
          came = true;
          return process;
        });
        expect(await out('echo', 'still')).toBe('still\n');
        expect(came).toBe(false);
        for (const process of many) process.stdin.end();
        for (const process of many) process.stdout.resume();
        const last = await later;
        last.stdin.end();
        expect(await last.ended).toEqual({ kind: 'exit', code: 0 });
      });

      it('opens a terminal, or says that it does not', async () => {
        const starting = rig.transport.start(
          { argv: ['sh', '-c', 'stty size; tty'] },
          { pty: { rows: 40, cols: 100 } },
        );
        if (!rig.pty) return expect(starting).rejects.toBeInstanceOf(HpcbinderError);
        const process = await starting;
        let text = '';
        for await (const chunk of process.stdout) text += String(chunk);
        expect(text.replaceAll('\r', '')).toMatch(/^40 100\n\/dev\//);
        expect(await process.ended).toEqual({ kind: 'exit', code: 0 });
      });
    });
    describe('read and write', () => {
      it('write what was given, whole, with the mode, and tell its hash', async () => {
        for (const size of [0, 1, 5_000, 65_536, 65_537, 3_000_000]) {
          const data = randomBytes(size);
          const path = `${dir}/it's a file ${size}`;
          const sha256 = createHash('sha256').update(data).digest('hex');
          expect(await rig.transport.write(path, bytes(data), { mode: 0o640 })).toEqual({ bytes: size, sha256 });
          expect(Buffer.from((await readAll(rig.transport, path)) ?? []).equals(data)).toBe(true);
          expect(await out('stat', '-c', '%a', path)).toBe('640\n');
        }
        expect(await out('sh', '-c', 'ls "$1" | grep partial', 'sh', dir)).toBe('');
      });

      it('replace a file at once', async () => {
        const path = `${dir}/replaced`;
        for (const text of ['first', 'second']) await rig.transport.write(path, bytes(text), { mode: 0o600 });
        expect(textOf((await readAll(rig.transport, path)) ?? new Uint8Array())).toBe('second');
      });

      it('go on where an upload was cut', async () => {
        const data = randomBytes(400_000);
        const path = `${dir}/resumed`;
        const cut = async function* () {
          yield data.subarray(0, 150_000);
          yield data.subarray(150_000, 200_000);
          throw new Error('the source broke');
        };
        await expect(rig.transport.write(path, cut(), { mode: 0o600 })).rejects.toThrow('the source broke');
        expect(await rig.transport.read(path)).toBeUndefined();
        await rig.transport.run({
          argv: ['sh', '-c', 'cat >"$1.partial"', 'sh', path],
          stdin: data.subarray(0, 170_000),
        });
        const done = await rig.transport.write(path, bytes(data.subarray(170_000)), { mode: 0o600, resumeAt: 170_000 });
        expect(done).toEqual({ bytes: 400_000, sha256: createHash('sha256').update(data).digest('hex') });
      });

      it('refuse to go on at a place where the upload does not stand', async () => {
        const writing = rig.transport.write(`${dir}/gap`, bytes('rest'), { mode: 0o600, resumeAt: 5 });
        await expect(writing).rejects.toMatchObject({ code: 'E-REMOTE' });
      });

      it('do not follow a link that lies under the partial name', async () => {
        const path = `${dir}/linked`;
        await shell('echo mine >"$1/victim"; ln -s "$1/victim" "$2.partial"', dir, path);
        await rig.transport.write(path, bytes(randomBytes(100_000)), { mode: 0o600 });
        expect(await out('cat', `${dir}/victim`)).toBe('mine\n');
      });

      it('read ranges', async () => {
        const data = randomBytes(200_000);
        const path = `${dir}/ranged`;
        await rig.transport.write(path, bytes(data), { mode: 0o600 });
        for (const [offset, length] of [
          [0, 10],
          [5, 0],
          [100, 100_000],
          [199_990, 50],
          [200_000, 5],
        ] as const) {
          const parts: Uint8Array[] = [];
          for await (const part of (await rig.transport.read(path, { offset, length })) ?? []) parts.push(part);
          expect(Buffer.concat(parts).equals(data.subarray(offset, offset + length))).toBe(true);
        }
      });

      it('tell a missing file from one that cannot be read', async () => {
        expect(await rig.transport.read(`${dir}/none`)).toBeUndefined();
        expect(await rig.transport.read(`${dir}/none/deeper`)).toBeUndefined();
        await expect(rig.transport.read(dir)).rejects.toMatchObject({ code: 'E-REMOTE' });
        await expect(rig.transport.write(`${dir}/none/deeper`, bytes('x'), { mode: 0o600 })).rejects.toMatchObject({
          code: 'E-REMOTE',
        });
      });
    });
    describe('connect', () => {
      it('is a stream to a port over there', async () => {
        const server = await rig.transport.start({ argv: ['python3', '-c', ECHO] });
        const port = Number(String((await once(server.stdout, 'data'))[0]));
        const stream: Duplex = await rig.transport.connect({ host: '127.0.0.1', port });
        stream.write('hello');
        expect(String((await once(stream, 'data'))[0])).toBe('HELLO');
        stream.destroy();
        server.stderr.resume();
        await server.ended;
      });

      it('names a port at which nobody listens', async () => {
        await expect(rig.transport.connect({ host: '127.0.0.1', port: 1 })).rejects.toMatchObject({ code: 'E-AGENT' });
      });
    });
  });
}
