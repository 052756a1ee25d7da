/** The lines of a cluster's entry around the agent: prologue before it, epilogue after it, whatever either does. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { jobScript } from '../../sessions/agent.ts';
import { pythonPath } from './agent-rig.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hb-epilogue-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** `agent`: Python in the place of the real one. */
function job(files: { agent: string; prologue?: string; epilogue?: string }) {
  const text = {
    'job.sh': jobScript(),
    'agent.py': files.agent,
    python: `${pythonPath()}\n`,
    'prologue.sh': files.prologue ?? '',
    'epilogue.sh': files.epilogue ?? '',
  };
  for (const [name, content] of Object.entries(text)) writeFileSync(join(dir, name), content);
  // as Slurm starts it: with nothing of the login shell
  const child = spawn('/bin/sh', ['./job.sh'], {
    cwd: dir,
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (data) => {
    said += String(data);
  });
  const ended = new Promise<{ code: number | null; said: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, said })),
  );
  return { child, ended };
}
const file = (name: string) => join(dir, name);
const text = (name: string) => (existsSync(file(name)) ? readFileSync(file(name), 'utf8') : undefined);
async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 25));
}

describe('the epilogue', () => {
  it('runs after the agent with what the prologue made, and leaves the job its exit status', async () => {
    const { code } = await job({
      agent: 'import os, sys\nopen("agent", "w").write(os.environ.get("SITE", ""))\nsys.exit(3)\n',
      prologue: 'export SITE=north\ntool() { echo "tool of $SITE"; }\n',
      epilogue: 'cat agent > seen; tool >> seen\n',
    }).ended;
    expect(code).toBe(3);
    expect(text('seen')).toBe('northtool of north\n');
  });

  it('and the prologue have a home and a name, which the scheduler does not give them', async () => {
    const say = (file: string) => `echo "$HOME $USER $LOGNAME" > ${file}\n`;
    await job({ agent: '', prologue: say('before'), epilogue: say('after') }).ended;
    const { homedir, username } = userInfo();
    expect([text('before'), text('after')]).toEqual(Array(2).fill(`${homedir} ${username} ${username}\n`));
  });

  it('that fails or leaves is told in the log, and fails no job', async () => {
    const { code, said } = await job({ agent: '', epilogue: 'exit 7\n' }).ended;
    expect(code).toBe(0);
    expect(said).toContain('the epilogue ended with exit 7');
  });

  it('runs at the end by walltime too: a TERM to all of the job ends the agent, not the epilogue', async () => {
    const agent =
      'import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\nopen("up", "w").close()\ntime.sleep(60)\n';
    const running = job({ agent, epilogue: 'echo began > began; sleep 1; echo done > done\n' });
    await until(() => existsSync(file('up')));
    running.child.kill('SIGTERM');
    await until(() => existsSync(file('began')));
    running.child.kill('SIGTERM');
    await running.ended;
    expect(text('done')).toBe('done\n');
  });

  it('and the agent run although the prologue made the shell strict', async () => {
    const { code } = await job({
      agent: 'import sys\nsys.exit(4)\n',
      prologue: 'set -eu\n',
      epilogue: 'echo "$unset" done > done\n',
    }).ended;
    expect(code).toBe(4);
    expect(text('done')).toBe(' done\n');
  });
});

describe('the look for the internet', () => {
  const REACH = readFileSync(new URL('../../sessions/agent/reach.py', import.meta.url), 'utf8');
  const look = (targets: string, environ = '{}') =>
    new Promise<{ answer: string; ms: number }>((resolve) => {
      const began = Date.now();
      const program = `import contextlib, threading, time\n${REACH}\nprint(reaches(${environ}, ${targets}))`;
      const child = spawn(pythonPath(), ['-I', '-c', program], { stdio: ['ignore', 'pipe', 'inherit'] });
      let answer = '';
      child.stdout.on('data', (data) => {
        answer += String(data).trim();
      });
      child.on('close', () => resolve({ answer, ms: Date.now() - began }));
    });

  it('is one connection, closed without a word', async () => {
    const heard: string[] = [];
    const server = createServer((socket) => {
      socket.on('data', (data) => heard.push(String(data)));
      socket.on('error', () => {});
      heard.push('connected');
    });
    // an address of its own: on 127.0.0.1 a test beside this one may ask for a port that it has just given back
    const address = '127.93.0.1';
    await new Promise<void>((resolve) => server.listen(0, address, resolve));
    const { port } = server.address() as { port: number };
    expect((await look(`(("${address}", ${port}), ("127.0.0.1", 1))`)).answer).toBe('True');
    expect((await look('(("127.0.0.1", 1),)', `{"https_proxy": "http://me:word@${address}:${port}/"}`)).answer).toBe(
      'True',
    );
    server.close();
    expect(heard).toEqual(['connected', 'connected']);
  });

  it('has an end: at once where it is refused, after five seconds where nobody answers', async () => {
    expect(await look('(("127.0.0.1", 1),)')).toMatchObject({ answer: 'False' });
    // 192.0.2.0/24 is nobody's (RFC 5737)
    const silent = await look('(("192.0.2.1", 443),)');
    expect(silent.answer).toBe('False');
    expect(silent.ms).toBeLessThan(9_000);
  }, 20_000);
});
