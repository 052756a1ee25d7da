/** What `doctor` says of the laptop, and how a report looks. */
import { describe, expect, it } from '@jest/globals';
import { judgeLaptop, type LaptopSeen, lookHere } from '../../cli/doctor-laptop.ts';
import { report } from '../../cli/doctor-words.ts';
import { width } from '../../core/text.ts';
import { type Finding, Findings } from '../../sessions/doctor/finding.ts';

const LAPTOP: LaptopSeen = {
  node: '22.3.0',
  git: '2.43.0',
  ssh: 'OpenSSH 9.6p1',
  engine: { platform: 'linux/amd64' },
  free: 50e9,
  ahead: 0,
  localhost: true,
};
const told = (findings: readonly Finding[]) =>
  findings.filter(({ status }) => status !== 'fine').map(({ status, id }) => `${status} ${id}`);

describe('the laptop', () => {
  it.each<[string, Partial<LaptopSeen>]>([
    ['broken laptop.git', { git: undefined as never }],
    ['warning laptop.git', { git: '2.39.3' }],
    ['note laptop.ssh', { ssh: undefined as never }],
    ['warning laptop.engine', { engine: { none: 'no engine answers', hint: 'Install one.' } }],
    ['warning laptop.disk', { free: 1e9 }],
    ['warning laptop.clock', { ahead: -7200 }],
    ['note laptop.localhost', { localhost: false }],
    ['', {}],
  ])('%s', (finding, change) => {
    expect(told(judgeLaptop({ ...LAPTOP, ...change })).join()).toBe(finding);
  });

  it('says by how much, and which way, its clock is wrong', () => {
    const [clock] = judgeLaptop({ ...LAPTOP, ahead: -7200 }).filter(({ id }) => id === 'laptop.clock');
    expect(clock?.sentence).toBe("The clock here is 2 h behind the login node's.");
  });

  it('is looked at as it is: here', async () => {
    const { ahead: _, ...known } = LAPTOP;
    const seen = await lookHere({ engine: 'none' });
    expect(Object.keys(known)).toEqual(expect.arrayContaining(Object.keys(seen)));
    expect(seen).toMatchObject({
      node: process.versions.node,
      free: expect.any(Number),
      engine: { none: expect.stringMatching(/switched off/) },
    });
  });
});

describe('a report', () => {
  const found = new Findings('node');
  for (let i = 0; i < 12; i++) found.fine(`thing-${i}`, `something that is as it should be ${i}`);
  found.note('first', 'A note.', 'It has a consequence.');
  const evil = '/bin/x says "\u001b[2J\u202ehello"';
  found.broken(
    'last',
    `${evil} ${'word '.repeat(40).trim()}.`,
    'No session starts.',
    `${'Ask the site. '.repeat(12).trim()}\nOr else.`,
  );
  const text = report(found.all, { name: 'hpc', host: 'login' });

  it('fits 80 columns, tells what is fine in a line and what is broken first', () => {
    const lines = text.split('\n');
    expect(lines.filter((line) => width(line) > 80)).toEqual([]);
    expect(lines.filter((line) => /^ {2}\w/.test(line)).map((line) => line.trim().split(' ')[0])).toEqual([
      'fine',
      'BROKEN',
      'note',
    ]);
    expect(text).toMatch(/^compute node\n {2}fine {6}something that is as it should be 0 · /);
    expect(text).toMatch(/\n {12}→ Ask the site\..*\n {14}site\./);
    expect(text).toMatch(/\n {12}→ Or else\.\n/);
    expect(text).toMatch(/\nhpc: 1 broken, 1 note\. A launch would fail\.\n$/);
  });

  it('is steered by no machine', () => {
    expect(text).toContain('\\x1b[2J\\u202ehello');
  });
});
