/** The FAKE PBS of the devcluster: held to the recordings of a real one, and a session on it from launch to walltime. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execIn } from '../../devcluster/index.ts';
import { layoutOf } from '../../devcluster/layout.ts';
import { pbs } from '../../schedulers/pbs/index.ts';
import { schedulerConformance } from '../conformance/scheduler.ts';
import { sessionConformance } from '../conformance/session.ts';
import { loginOf } from '../e2e/login-of.ts';
import { CLUSTER, hpcbinder } from '../e2e/rig.ts';
import { type Heard, scenario } from '../fixtures/pbs/scenario.mjs';

const NAME = `${CLUSTER}-pbs`;
const folder = new URL('../fixtures/pbs/', import.meta.url);
const recorded = <T>(name: string) => JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as T;
const login = layoutOf('', NAME).container('login');

beforeAll(async () => {
  const { code, stderr } = await hpcbinder(['devcluster', 'up', '--yes', '--name', NAME, '--scheduler', 'pbs']);
  if (code !== 0) throw new Error(stderr);
}, 300_000);
afterAll(async () => {
  await hpcbinder(['devcluster', 'down', '--name', NAME]);
}, 60_000);

/** What no two runs have in common: numbers of jobs, instants, what a machine has. The rest counts word by word. */
function lasting({ argv, code, stdout, stderr }: Heard, first: number) {
  const plain = (text: string) =>
    text
      .replace(/\b([0-9]{1,6})\.(login|c1)\b/g, (_, number, server) => `#${Number(number) - first}.${server}`)
      .replace(/\.e([0-9]+)"/g, (_, number) => `.e#${Number(number) - first}"`)
      .replace(/[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} [0-9]{4}/g, 'DATE')
      .replace(/Job run at .*? on /g, 'Job run at DATE on ')
      .replace(/("(?:timestamp|history_timestamp|pcpus|last_\w+_time)":)\t[0-9]+/g, '$1\tN')
      .replace(/("(?:cput|vmem|mem|walltime)":)\t"(?:[0-9]+kb|00:0[0-9:]+)"/g, '$1\tUSED')
      .replace(/\t*"session_id":\t[0-9]+,\n|,\n\t*"last_used_time":\tN/g, '')
      .replace(/("(?:Mom|host)":)\t"[^"]*"/g, '$1\tNODE')
      .replaceAll('23.06.06-FAKE', '23.06.06');
  return { argv: argv.map(plain), code, stdout: plain(stdout).split('\n'), stderr: plain(stderr) };
}

describe('the fake PBS', () => {
  it('says FAKE', async () => {
    const { stdout } = await execIn('login', ['qstat', '--version'], { user: 'alice', name: NAME });
    expect(stdout).toBe('pbs_version = 23.06.06-FAKE\n');
  });

  it('answers each command in the words of the real one', async () => {
    const { specs, script, user } = recorded<{ specs: object; script: string; user: string }>('jobs');
    const fake = new Map<string, Heard>();
    const ids = await scenario(
      { scheduler: pbs({ user }), specs: specs as never, script },
      ({ argv, env = {}, cwd = '/' }, more = {}, input = '', who = user) => {
        const pairs = Object.entries({ ...env, ...more }).map(([name, value]) => `${name}=${value}`);
        const words = ['exec', '-i', '-u', who, '-w', cwd, login, 'env', ...pairs, ...argv];
        const done = spawnSync('docker', words, { input });
        return { code: done.status ?? 1, stdout: String(done.stdout), stderr: String(done.stderr) };
      },
      (name, heard) => fake.set(name, heard),
    );
    const [first, real] = [ids, recorded<typeof ids>('ids')].map((all) => Number.parseInt(all.running?.id ?? '', 10));
    expect(fake.size).toBeGreaterThan(45);
    const names = [...fake.keys()];
    const said = [...fake].map(([name, heard]) => ({ name, ...lasting(heard, first ?? 0) }));
    expect(said).toEqual(names.map((name) => ({ name, ...lasting(recorded<Heard>(name), real ?? 0) })));
  }, 180_000);
});

schedulerConformance('the fake PBS', { ...loginOf(NAME), scheduler: pbs({ user: 'alice' }), partition: 'workq' });

sessionConformance('the fake PBS', {
  cluster: NAME,
  flags: ['--queue', 'gpu', '--gpus', '1', '--mem', '2G', '--qsub', '-l place=free'],
  jobId: /^[0-9]+\.login$/,
});
