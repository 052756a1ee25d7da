/** The real shells at the built program; what they offer comes from files of this test alone. */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execa } from 'execa';
import { quote } from '../../core/shell.ts';
import { LocalRecords } from '../../sessions/local.ts';
import { notRun } from '../not-run.ts';
import { session } from '../sessions/example.ts';
import { MAIN } from './rig.ts';

let dir: string;
let env: Record<string, string>;
const EVIL = '$(touch pwned)`touch pwned`';

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hb-completion-'));
  const folder = (name: string) => {
    mkdirSync(join(dir, name), { recursive: true, mode: 0o700 });
    return join(dir, name);
  };
  const bin = folder('bin');
  writeFileSync(join(bin, 'hpcbinder'), `#!/bin/sh\nexec ${quote(process.execPath)} ${quote(MAIN)} "$@"\n`);
  chmodSync(join(bin, 'hpcbinder'), 0o755);
  env = {
    HOME: folder('home'),
    PATH: `${bin}:${process.env.PATH}`,
    HPCBINDER_CONFIG: folder('config'),
    HPCBINDER_STATE: folder('state'),
    HPCBINDER_CACHE: folder('cache'),
    NODE_OPTIONS: '',
    LC_ALL: 'C.UTF-8',
    TERM: 'xterm',
  };
  // no such host: whoever asks the network gets no answer
  const config = 'schema: 1\ndefault: hpc\nclusters:\n  hpc: {host: nosuch.invalid}\n  other: {host: nosuch.invalid}\n';
  writeFileSync(join(dir, 'config', 'config.yaml'), config);
  const partitions = ['debug', 'gpu', EVIL].map((name) => ({ name, gpusPerNode: {} }));
  writeFileSync(join(folder('state/clusters'), 'hpc.json'), JSON.stringify({ schema: 1, partitions }));
  const records = new LocalRecords(join(dir, 'state'));
  records.save({ ...session, phase: 'ready', repo: { shown: EVIL } });
  folder('repo one');
});
afterAll(() => rmSync(dir, { recursive: true }));

async function run(file: string, args: readonly string[]): Promise<string[]> {
  const done = await execa(file, args, { cwd: dir, env, extendEnv: false, timeout: 60_000 });
  return done.stdout.split('\n').filter((line) => line !== '');
}

const has = (shell: string) => (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, shell)));

/** Keys at an interactive zsh; what its line holds when the last of them was taken. */
function zshLine(keys: string): Promise<string> {
  const child = spawn('script', ['-qefc', 'stty -echo; exec zsh -f -i', '/dev/null'], { cwd: dir, env });
  let text = '';
  let sent = false;
  let found: string | undefined;
  const setup = [
    'autoload -Uz compinit; compinit -u -D',
    'eval "$(hpcbinder completion zsh)"',
    `show() { print -r -- "<<\${BUFFER}>>" }; zle -N show; bindkey '^X^X' show`,
    'print the"re"',
  ].join('\n');
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill('SIGHUP'), 60_000);
    child.stdout.on('data', (data) => {
      text += String(data);
      if (!sent && /^there\r?$/m.test(text)) {
        sent = true;
        child.stdin.write(`${keys}\u0018\u0018`);
      }
      const line = /<<(hpcbinder .*)>>/.exec(text)?.[1];
      if (line === undefined || found !== undefined) return;
      found = line;
      child.stdin.write('\u0015exit\n');
    });
    child.on('close', () => {
      clearTimeout(timer);
      if (found === undefined) reject(new Error(text));
      else resolve(found);
    });
    child.stdin.write(`${setup}\n`);
  });
}

describe('completion', () => {
  it.each([
    ['launch --cluster hpc --partition g', ['gpu']],
    ['launch --partition=g', ['gpu']],
    ['stop k', ['k3f9']],
    ['cluster rm o', ['other']],
    ['completion z', ['zsh']],
    ['launch ./rep', ['./repo one']],
  ])('by bash of `hpcbinder %s`', async (line, offered) => {
    // as readline hands the words over: = is one of its own
    const words = ['hpcbinder', ...line.replace('=', ' = ').split(' ')];
    const script = `eval "$(hpcbinder completion bash)"; COMP_WORDS=(${words.map(quote).join(' ')}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _hpcbinder; printf '%s\\n' "\${COMPREPLY[@]}"`;
    expect(await run('bash', ['--norc', '-c', script])).toEqual(offered);
  });

  it('by fish', async () => {
    if (!has('fish')) return notRun('completion by fish: it is not installed here');
    const asked = async (line: string) =>
      run('fish', [
        '--no-config',
        '-c',
        `hpcbinder completion fish | source; complete -C ${quote(`hpcbinder ${line}`)}`,
      ]);
    expect(await asked('launch --cluster hpc --partition g')).toEqual(['gpu']);
    expect((await asked('stop k')).map((each) => each.split('\t')[0])).toEqual(['k3f9']);
    expect(await asked('launch ./rep')).toEqual([expect.stringMatching(/^\.\/repo\\? one\//)]);
  });

  it('by zsh', async () => {
    if (!has('zsh')) return notRun('completion by zsh: it is not installed here');
    expect((await zshLine('hpcbinder launch --cluster hpc --partition g\t')).trim()).toBe(
      'hpcbinder launch --cluster hpc --partition gpu',
    );
    expect((await zshLine('hpcbinder stop k\t')).trim()).toBe('hpcbinder stop k3f9');
    expect((await zshLine('hpcbinder launch ./rep\t')).trim()).toMatch(/^hpcbinder launch \.\/repo\\ one\/?$/);
  });

  it('ran nothing that a name says, and left nothing behind', () => {
    const all = readdirSync(dir, { recursive: true, encoding: 'utf8' });
    expect(all.filter((name) => name.includes('pwned'))).toEqual([]);
    expect(existsSync(join(dir, 'state', 'failures.log'))).toBe(false);
  });

  it('says nothing and fails at nothing where the config cannot be read', async () => {
    writeFileSync(join(dir, 'config', 'config.yaml'), 'clusters: [');
    const done = await execa('hpcbinder', ['__complete', '--', 'launch', '--cluster', ''], { env, extendEnv: false });
    expect(done).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
  });
});
