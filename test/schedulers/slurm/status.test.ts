import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { JOB_STATES } from '../../../core/scheduler.ts';
import { slurm } from '../../../schedulers/slurm/index.ts';
import { exitOf } from '../../../schedulers/slurm/queue.ts';
import { STATE_WORDS, stateOf } from '../../../schedulers/slurm/states.ts';
import { answered, fixture, owner, recorded, recording, result, UNKNOWN, valueIn } from './recordings.ts';

const id = (name: string) => recorded(name).id;
const ref = (number: string) => ({ id: number, tag: 'hb-abcdefghij' });
const status = (name: string, ...jobs: string[]) =>
  valueIn(answered(`status-${name}`, slurm.status(jobs.map(recorded), owner)));

describe('the status of jobs', () => {
  it('tells node, start and end of a running one', () => {
    const seen = status('running', 'running', 'timeout').get(id('running'));
    expect(seen).toMatchObject({ state: 'running', raw: 'RUNNING', nodes: ['c2'] });
    expect((seen?.endsAt ?? 0) - (seen?.startsAt ?? 0)).toBe(600);
  });

  it('tells why one waits', () => {
    expect(status('dependency', 'waiting').get(id('waiting'))).toMatchObject({
      state: 'pending',
      reason: 'Dependency',
    });
    expect(status('held', 'held').get(id('held'))).toMatchObject({
      state: 'pending',
      reason: 'JobHeldUser',
      nodes: [],
    });
    expect(status('time-limit', 'never').get(id('never'))).toMatchObject({ reason: 'PartitionTimeLimit' });
  });

  it('tells how one ended, for as long as the controller remembers', () => {
    const ended = status('ended', 'cancelled', 'unstarted', 'exit0', 'exit3', 'killed9', 'timeout');
    const how = ['exit0', 'exit3', 'killed9', 'cancelled', 'timeout'].map((name) => ended.get(id(name))?.end);
    expect(how).toEqual(['completed', 'failed', 'failed', 'cancelled', 'timeout']);
  });

  it('leaves out what the scheduler does not know, and never asks for it by id', () => {
    const question = slurm.status([UNKNOWN], owner);
    expect(question.command.argv.join(' ')).not.toContain('99999999');
    const { stdout } = recording('status-ended');
    expect(valueIn(question.parse(result(0, stdout))).size).toBe(0);
    expect(valueIn(question.parse(result(0))).size).toBe(0);
  });

  it.each([
    ['a controller that is down', recording('status-down')],
    ['a user whom the login node cannot resolve, although squeue exits with 0', recording('status-user-unknown')],
    ['the older words', fixture<ReturnType<typeof recording>>('shared/squeue-controller-down')],
    ['half a list', { code: 1, stdout: recording('status-ended').stdout.slice(0, 80), stderr: '' }],
  ])('is no status after %s', (_name, { code, stdout, stderr }) => {
    expect(slurm.status([ref('1')], owner).parse(result(code, stdout, stderr)).ok).toBe(false);
  });

  it('is one query for the jobs of many owners, of whom each counts with his own rows alone', () => {
    const own = (number: string, uid: number) => ({ ...ref(number), owner: { uid, user: `u${uid}` } });
    const question = slurm.status([own('7', 2001), own('8', 2002)], 990);
    expect(question.command.argv).toContain('--user=2001,2002');
    const seen = valueIn(question.parse(result(0, '7|RUNNING|c1|2001|N/A|N/A|None\n8|RUNNING|c1|2001|N/A|N/A|None\n')));
    expect([...seen.keys()]).toEqual(['7']);
  });

  it('F-48: knows the jobs of a uid over 2^31, which squeue prints as a negative number', () => {
    const huge = 4_294_967_293;
    const seen = slurm.status([ref('16')], huge).parse(result(0, '16|RUNNING|c2|-3|N/A|N/A|None\n'));
    expect(valueIn(seen).get('16')).toMatchObject({ state: 'running', nodes: ['c2'] });
    expect(valueIn(slurm.unfinished(huge).parse(result(0, '16|-3|RUNNING|hb-abcdefghij\n'))).size).toBe(1);
    const another = slurm.status([ref('16')], 3).parse(result(0, '16|RUNNING|c2|-3|N/A|N/A|None\n'));
    expect(valueIn(another).size).toBe(0);
  });

  it('F-42: knows 0:53 as a node that could not open the log, which is no signal', () => {
    expect(exitOf('0:53')).toEqual({ unopened: true });
    expect(exitOf('0:9')).toEqual({ exitCode: 137 });
    expect(exitOf('53:0')).toEqual({ exitCode: 53 });
  });

  it('F-33: takes no row of an array or of a job in several parts for its own', () => {
    const odd = ['812_1', '812_[1-4]', '812+0', '812.0', '812;north', ' 812'];
    const text = odd.map((each) => `${each}|RUNNING|c2|${owner}|N/A|N/A|None\n`).join('');
    expect(valueIn(slurm.status([ref('812')], owner).parse(result(0, text))).size).toBe(0);
  });

  it('is unreachable, not absent, when it was cut off', () => {
    const cut = { ...result(0, recording('status-ended').stdout), truncated: true };
    expect(slurm.status([ref('1')], owner).parse(cut)).toMatchObject({ why: 'unreachable' });
    expect(slurm.status([ref('1')], owner).parse({ ...cut, ended: { kind: 'timeout' } })).toMatchObject({
      why: 'unreachable',
    });
  });

  it('asks for no field that a user can write (SECURITY R3)', () => {
    const argv = slurm.status([ref('1')], owner).command.argv;
    expect(argv.at(-1)).toBe('%A|%T|%N|%U|%e|%S|%r');
    expect(slurm.status([ref('1')], owner).command.env).toEqual({ LC_ALL: 'C', SLURM_TIME_FORMAT: '%s' });
  });

  it('tells jobs by number and name: the number alone may be another job’s by now (SECURITY F-23)', () => {
    const jobs = [
      { id: '11', tag: 'hb-aaaaaaaaaa' },
      { id: '11', tag: 'hb-bbbbbbbbbb' },
      { id: '12', tag: 'hb-cccccccccc' },
    ];
    const question = slurm.status([...jobs, ...jobs.slice(2)], owner);
    expect(question.command.argv).toContain('--name=hb-aaaaaaaaaa,hb-bbbbbbbbbb,hb-cccccccccc');
    const row = (id: string) => `${id}|RUNNING|c1|${owner}|1795440000|1795430000|None\n`;
    expect([...valueIn(question.parse(result(0, row('11') + row('12')))).keys()]).toEqual(['12']);
  });

  it('believes no row of another uid, nor one that is too short, whatever others write', () => {
    const ours = '11|RUNNING|c1|2001|1795440000|1795430000|None';
    const forged = fc.oneof(
      fc.string({ maxLength: 60 }),
      fc
        .tuple(fc.constantFrom('11', '12'), fc.constantFrom('RUNNING', 'COMPLETED'), fc.integer({ min: 0, max: 2000 }))
        .map(([job, word, uid]) => `${job}|${word}|evil|${uid}|1|1|None`),
      fc.constantFrom('11|RUNNING|evil|2001', 'x\n11|hb-1|RUNNING|evilnode|2001', '11|COMPLETED|evil| 2001|1|1|x'),
    );
    fc.assert(
      fc.property(fc.array(forged, { maxLength: 20 }), fc.nat({ max: 20 }), (lines, at) => {
        const text = [...lines.slice(0, at), ours, ...lines.slice(at)].join('\n');
        const seen = valueIn(slurm.status([ref('11')], owner).parse(result(0, text)));
        expect(seen.get('11')).toEqual({
          state: 'running',
          raw: 'RUNNING',
          nodes: ['c1'],
          endsAt: 1795440000,
          startsAt: 1795430000,
        });
      }),
    );
  });

  it('of 10,000 jobs takes at most 40 ms of processor time', () => {
    const jobs = Array.from({ length: 10_000 }, (_, n) => String(n));
    const row = (n: string) => `${n}|RUNNING|c${Number(n) % 100}|2001|1795440000|1795430000|None`;
    const answer = result(0, jobs.map(row).join('\n'));
    const times = Array.from({ length: 9 }, () => {
      const began = process.cpuUsage();
      expect(valueIn(slurm.status(jobs.map(ref), owner).parse(answer)).size).toBe(10_000);
      return process.cpuUsage(began).user / 1000;
    });
    expect(Math.min(...times)).toBeLessThan(40);
  });
});

describe('the words of Slurm', () => {
  it('are each in the table, as one of our states, and an end has its kind', () => {
    for (const word of STATE_WORDS) {
      const [state, end] = stateOf(word);
      expect(JOB_STATES).toContain(state);
      expect(end !== undefined).toBe(state === 'ended');
    }
    expect(STATE_WORDS).toHaveLength(new Set(STATE_WORDS).size);
  });
  it('that we do not know are kept, and end nothing', () => {
    for (const word of ['QUANTUM', '', 'constructor']) expect(stateOf(word)).toEqual(['unknown']);
    const row = '5|QUANTUM|c1|2001|N/A|N/A|None';
    expect(valueIn(slurm.status([ref('5')], owner).parse(result(0, row))).get('5')).toMatchObject({
      state: 'unknown',
      raw: 'QUANTUM',
    });
  });
  it('name who cancelled', () => {
    expect(stateOf('CANCELLED by 2001')).toEqual(['ended', 'cancelled']);
  });
});

describe('the end of a job', () => {
  const final = (name: string, job = recorded(name)) => {
    const inquiry = slurm.finalStatus(job, owner);
    const [queue, accounts] = inquiry.questions;
    if (queue === undefined || accounts === undefined) throw new Error('two questions');
    return {
      inquiry,
      queue: answered(`final-queue-${name}`, queue),
      accounts: answered(`final-accounts-${name}`, accounts),
    };
  };

  it.each([
    ['exit0', 'completed', 0],
    ['exit3', 'failed', 3],
    ['killed9', 'failed', 137],
    ['cancelled', 'cancelled', undefined],
    ['timeout', 'timeout', undefined],
  ])('%s is told alike by controller and accounting', (name, end, exitCode) => {
    const { inquiry, queue, accounts } = final(name);
    for (const answers of [
      [queue, accounts],
      [{ ok: true as const, value: undefined }, accounts],
      [queue, { ok: true as const, value: undefined }],
    ]) {
      const told = valueIn(inquiry.combine(answers));
      expect(told).toMatchObject({ state: 'ended', end, restarts: 0 });
      if (exitCode !== undefined) expect(told?.exitCode).toBe(exitCode);
    }
  });

  it('has not come for a running job, nor for one that nobody knows', () => {
    const running = final('running');
    expect(valueIn(running.inquiry.combine([running.queue, running.accounts]))).toMatchObject({ state: 'running' });
    const unknown = final('unknown', UNKNOWN);
    expect(valueIn(unknown.inquiry.combine([unknown.queue, unknown.accounts]))).toBeUndefined();
  });

  it('is proven by accounting while the controller is silent, but nothing is when neither speaks', () => {
    const { inquiry, accounts } = final('exit3');
    const silent = slurm.status([ref('1')], owner).parse(result(1, '', recording('status-down').stderr));
    expect(valueIn(inquiry.combine([silent, accounts]))).toMatchObject({ end: 'failed' });
    expect(inquiry.combine([silent, silent])).toMatchObject({ why: 'unreachable' });
  });

  it('is not a fault where the site keeps no accounts', () => {
    const said = 'Slurm accounting storage is disabled\n';
    const sacct = slurm.finalStatus(ref('5'), owner).questions[1];
    expect(sacct?.parse(result(1, '', said))).toEqual({ ok: true, value: undefined });
  });

  it('counts the starts of a job that was requeued, by its two rows', () => {
    const old = fixture<ReturnType<typeof recording>>('shared/sacct-preempted');
    expect(old.stdout).toContain('15|PREEMPTED|');
    const rows = '15|2001|PREEMPTED|0:0|1795381068|1795381134|c1\n15|2001|PENDING|0:0|Unknown|Unknown|None assigned\n';
    const sacct = slurm.finalStatus(ref('15'), owner).questions[1];
    expect(sacct?.parse(result(0, rows))).toMatchObject({ value: { state: 'pending', restarts: 1, nodes: [] } });
  });

  it('OUT_OF_MEMORY is written from the manual, for no memory cgroup was at hand to record it', () => {
    const sacct = slurm.finalStatus(ref('5'), owner).questions[1];
    const row = '5|2001|OUT_OF_MEMORY|0:125|1795381068|1795381134|c1\n';
    expect(sacct?.parse(result(0, row))).toMatchObject({ value: { state: 'ended', end: 'out-of-memory' } });
  });
});

describe('jobs that are not over', () => {
  it('are those of the owner with a session’s name; of two of one name the first', () => {
    const rows = [
      '41|2001|RUNNING|hb-aaaaaaaaaa',
      '40|2001|PENDING|hb-aaaaaaaaaa',
      '42|2001|COMPLETING|hb-bbbbbbbbbb',
      '43|2001|COMPLETED|hb-cccccccccc',
      '44|2002|RUNNING|hb-dddddddddd',
      '45|2001|RUNNING|train|hb-eeeeeeeeee',
    ];
    const answer = slurm.unfinished(owner).parse(result(0, `${rows.join('\n')}\n`));
    expect(answer.ok && [...answer.value]).toEqual([
      ['hb-aaaaaaaaaa', '40'],
      ['hb-bbbbbbbbbb', '42'],
    ]);
    expect(slurm.unfinished(owner).parse(result(1, '', recording('status-down').stderr))).toMatchObject({
      why: 'unreachable',
    });
  });
});

describe('looking for a job by its name', () => {
  const question = () => slurm.find('hb-recordok10', owner);
  it('finds the first, which the second waits for, and no stranger with the same name', () => {
    const { inquiry, queue, accounts } = found('some', 'hb-recordok10');
    expect(valueIn(inquiry.combine([queue, accounts]))).toMatch(/^[0-9]+$/);
    const [first] = question().questions;
    expect(first?.parse(result(0, '31|2002\n40|2001\n33|2001\nx|2001\n'))).toEqual({ ok: true, value: '33' });
  });
  it('finds none, and says nothing when the controller is silent', () => {
    const { inquiry, queue, accounts } = found('none', 'hb-nosuchjob0');
    expect(valueIn(inquiry.combine([queue, accounts]))).toBeUndefined();
    const silent = slurm.status([ref('1')], owner).parse(result(1, '', recording('status-down').stderr));
    expect(inquiry.combine([silent, accounts])).toMatchObject({ why: 'unreachable' });
    expect(valueIn(inquiry.combine([queue, { ok: true, value: '7' }]))).toBe('7');
  });
  function found(name: string, tag: string) {
    const inquiry = slurm.find(tag, owner);
    const [queue, accounts] = inquiry.questions;
    if (queue === undefined || accounts === undefined) throw new Error('two questions');
    return {
      inquiry,
      queue: answered(`find-queue-${name}`, queue),
      accounts: answered(`find-accounts-${name}`, accounts),
    };
  }
});
