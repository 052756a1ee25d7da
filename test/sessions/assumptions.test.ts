/** What is assumed of login and compute nodes: one list for doctor, `serve --check` and docs/doctor.md. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ASSUMPTIONS, assumptionsInWords, judgeAssumptions } from '../../sessions/doctor/assumptions.ts';
import { Findings, PLACES } from '../../sessions/doctor/finding.ts';

const root = join(import.meta.dirname, '..', '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const looks = [
  ...readdirSync(join(root, 'sessions/doctor')).map((name) => `sessions/doctor/${name}`),
  ...['cli/doctor.ts', 'cli/doctor-node.ts', 'cli/doctor-way.ts', 'cli/serve/host.ts'],
].filter((path) => path.endsWith('.ts') && !path.endsWith('assumptions.ts'));
const sources = looks.map(read).join('\n');
/** the names of all findings that stop a launch or the endpoint, as the sources say them */
const broken = [...sources.matchAll(/\.broken\(\s*'([a-z-]+)'/g)].map(([, name]) => name);

describe('the list of assumptions', () => {
  it('names each finding that its look can have, and none that no look has', () => {
    for (const { id, where, findings } of ASSUMPTIONS) {
      expect([id, findings.length]).not.toEqual([id, 0]);
      expect(PLACES).toContain(where);
      for (const finding of findings) {
        const name = finding.split('.')[1] ?? '';
        expect([finding, sources.includes(`'${name}'`)]).toEqual([finding, true]);
      }
    }
    expect(new Set(ASSUMPTIONS.map(({ id }) => id)).size).toBe(ASSUMPTIONS.length);
  });

  it('has whatever stops a launch or the endpoint', () => {
    const names = ASSUMPTIONS.flatMap(({ findings }) => findings.map((finding) => finding.split('.')[1]));
    // no cluster at all, and a job that failed, say that nothing was looked at
    expect(broken.filter((name) => !names.includes(name) && name !== 'none' && name !== 'job')).toEqual([]);
    expect(broken.length).toBeGreaterThan(20);
  });

  it('is in docs/doctor.md, word for word', () => {
    const places = { login: 'login node', cluster: 'scheduler', node: 'compute node', endpoint: 'endpoint' };
    const rows = ASSUMPTIONS.map(
      ({ id, where, what, why, findings, for: whom }) =>
        `| \`${id}\` | ${places[where]} | ${what} | ${why} | ${whom.join(', ')} | ${findings.map((each) => `\`${each}\``).join(' ')} |`,
    );
    const table = read('docs/doctor.md').split('| id | where | what | why | for | findings |\n')[1] ?? '';
    expect(table.split('\n\n')[0]?.split('\n').slice(1)).toEqual(rows);
  });
});

describe('an assumption', () => {
  it('holds, holds in part, does not, or was not looked at', () => {
    const login = new Findings('login');
    login.fine('python', 'Python 3.11');
    login.warning('room', 'Little.', 'x', 'y');
    login.broken('container', 'None.', 'x', 'y');
    const node = new Findings('node');
    node.note('job', 'No job ran.');
    const judged = judgeAssumptions([...login.all, ...node.all], 'launch');
    const of = (id: string) => judged.find((one) => one.id === id)?.holds;
    expect(['python', 'room', 'container', 'shell', 'node-tmp', 'scheduler', 'endpoint-sudo'].map(of)).toEqual([
      'yes',
      'partly',
      'no',
      'yes',
      'unseen',
      'unseen',
      undefined,
    ]);
    expect(assumptionsInWords(judged)).toMatch(
      /^of \d+ assumptions 5 hold; in part: room; not: container; not looked at: /,
    );
  });
});
