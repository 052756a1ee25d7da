/** `hpcbinder audit` of a running session: clean; then each weakness is planted, found, and gone again. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Secrets, secretsOf } from '../../e2e/oracles.ts';
import { CLUSTER, hpcbinder, on, Running } from '../../e2e/rig.ts';

type Report = { open: number; parts: { where: string; tried: { what: string; result: string; seen: string }[] }[] };

let session: Running;
let id = '';
let directory = '';
let jobId = '';
let node: 'c1' | 'c2' = 'c1';
let secrets: Secrets;

async function audit(): Promise<{ code: number; said: string; report: Report }> {
  const { code, stdout, stderr } = await hpcbinder(['audit', id, '--json']);
  return { code, said: stdout + stderr, report: JSON.parse(stdout) as Report };
}

const opened = ({ parts }: Report) => parts.flatMap(({ tried }) => tried).filter(({ result }) => result === 'open');
const silent = (said: string) => {
  for (const secret of Object.values(secrets)) expect(said).not.toContain(secret);
};

beforeAll(async () => {
  const options = `--cluster ${CLUSTER} --partition debug --mem 1G --time 20m --no-browser`;
  session = new Running(['launch', './examples/quickstart', ...options.split(' ')]);
  const ready = await session.ready();
  ({ id, jobId } = ready);
  node = ready.node === 'c2' ? 'c2' : 'c1';
  directory = (JSON.parse((await hpcbinder(['status', id, '--json'])).stdout) as { directory: string }).directory;
  secrets = await secretsOf(directory, node);
});
afterAll(async () => {
  if (id) await hpcbinder(['stop', id]);
  await session.close();
});

describe('a session as it should be', () => {
  it('opens nowhere, on five fronts, and says what cannot be tried', async () => {
    const { code, said, report } = await audit();
    expect(opened(report)).toEqual([]);
    expect(code).toBe(0);
    expect(report.parts).toHaveLength(5);
    expect(report.parts.every(({ tried }) => tried.length >= 3)).toBe(true);
    expect(report.parts.flatMap(({ tried }) => tried).filter(({ result }) => result === 'not tried')).toEqual([]);
    // its own proxy, which this launch holds open, was tried too
    expect(said).toMatch(/the proxy that runs on port \d+: no cookie/);
    silent(said);
    const { stdout } = await hpcbinder(['audit', id]);
    expect(stdout).toMatch(/cannot be tried from here\n {2}another user's id/);
    expect(stdout).toMatch(/nothing opened\n?$/);
    silent(stdout);
  });
});

describe('a weakness that was planted', () => {
  it.each<[string, string, string, RegExp]>([
    ['the session directory is open', 'chmod 755 $DIR', 'chmod 700 $DIR', /^into .*: mode 0755$/],
    ['a record can be read', 'chmod 644 $DIR/job.json', 'chmod 600 $DIR/job.json', /job\.json has mode 0644/],
    [
      'the token is in the job’s comment',
      'scontrol update jobid=$JOB comment=$TOKEN',
      'scontrol update jobid=$JOB comment=',
      /scontrol -dd: the app's token/,
    ],
    [
      'the token is in an argument, on the login node',
      'exec -a "x $TOKEN" sleep 120 >/dev/null 2>&1 &',
      'pkill -u alice -f "sleep|x [0-9a-f]"',
      /arguments of a process: process \d+ shows the app's token/,
    ],
    [
      'the token lies in /tmp',
      'umask 022; echo $TOKEN >/tmp/hb-planted',
      'rm /tmp/hb-planted',
      /\/tmp\/hb-planted holds the app's token/,
    ],
    [
      'a folder above is writable by all',
      'chmod 777 $DIR/..',
      'chmod 700 $DIR/..',
      /in the place of .*: \/.* has mode 0777/,
    ],
  ])('%s: is found, named, and gone when it is mended', async (_what, plant, mend, found) => {
    const app = Object.entries(secrets).find(([name]) => /appToken$/.test(name))?.[1] ?? '';
    const set = `DIR=${directory} JOB=${jobId} TOKEN=${app};`;
    await on('login', 'alice', set + plant);
    const { code, said, report } = await audit();
    await on('login', 'alice', set + mend);
    expect(code).toBe(1);
    expect(opened(report).map(({ what, seen }) => `${what}: ${seen}`)).toContainEqual(expect.stringMatching(found));
    silent(said);
  });

  it('a server without a secret that the session started on the node: is found by the agent', async () => {
    const serve =
      'import http.server as s; s.HTTPServer(("0.0.0.0", 8123), s.SimpleHTTPRequestHandler).serve_forever()';
    void hpcbinder(['shell', id, '--', 'timeout', '90', 'python3', '-c', serve]);
    const deadline = Date.now() + 60_000;
    let found = await audit();
    while (found.code === 0 && Date.now() < deadline) found = await audit();
    expect(opened(found.report)).toEqual([
      { what: expect.stringMatching(/^port 8123 of 0\.0\.0\.0/), result: 'open', seen: 'HTTP 200 without a secret' },
    ]);
  });
});
