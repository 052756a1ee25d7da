import { describe, expect, it } from '@jest/globals';
import { slurm } from '../../../schedulers/slurm/index.ts';
import { answered, fixture, recording, result, script, spec, valueIn } from './recordings.ts';

const submit = (name: string) => slurm.submit(spec(name), script);

describe('submitting to Slurm', () => {
  it('reads the id of an accepted job', () => {
    expect(valueIn(answered('submit-ok', submit('ok')))).toMatch(/^[0-9]+$/);
  });

  it('takes the id from the last line, behind what a submit plug-in of the site says', () => {
    expect(valueIn(submit('ok').parse(result(0, 'You have 3 core-hours left\n812\n')))).toBe('812');
  });

  it.each(['812;north', '812;east-1.site', 'on which cluster?\n812;north\n', '812;north\n\n'])(
    'F-33: drops the cluster that a federation adds to the id, in %j',
    (text) => {
      expect(valueIn(submit('ok').parse(result(0, text)))).toBe('812');
    },
  );

  it.each([
    '812_4',
    '812_[1-4]',
    '812+0',
    '12.server',
    '12[].server',
    '812;',
    '812;a;b',
    '812;a b',
    '-1',
    '0x10',
    'x812',
  ])('F-33: takes %j for no id of its own: the job is looked for by its name instead', (text) => {
    expect(submit('ok').parse(result(0, `${text}\n`))).toMatchObject({
      why: 'unreachable',
      error: { code: 'E-SUBMIT-UNKNOWN' },
    });
  });

  it.each(['--array=1-4', '--arr=1-4', '--wrap=id', '--clusters=all', '--clu=all'])(
    'F-33: refuses %s, which would make it another kind of job',
    (word) => {
      const job = spec('ok');
      const array = { ...job, request: { ...job.request, extra: [word] } };
      expect(() => slurm.submit(array, script)).toThrow(expect.objectContaining({ code: 'E-OPTION' }));
    },
  );

  it('writes options as single words, names the job once and forbids a requeue', () => {
    const { argv } = submit('ok').command;
    expect(argv.slice(1, -1).every((word) => word.startsWith('--'))).toBe(true);
    expect(argv).toEqual(expect.arrayContaining(['--dependency=singleton', '--no-requeue', '--gres=gpu:1']));
    expect(argv).toContain(`--job-name=${spec('ok').tag}`);
  });

  it('joins a dependency and a gres of the user with its own', () => {
    const job = spec('ok');
    const extra = ['--dependency=afterok:5', '--gres=lscratch:10', '--exclusive'];
    const { argv } = slurm.submit({ ...job, request: { ...job.request, extra } }, script).command;
    expect(argv.filter((word) => /^--(dependency|gres|exclusive)/.test(word))).toEqual([
      '--dependency=singleton,afterok:5',
      '--gres=gpu:1,lscratch:10',
      '--exclusive',
    ]);
  });

  it('waits for the job that it goes on from, however that ends', () => {
    const { argv } = slurm.submit({ ...spec('ok'), after: '4711' }, script).command;
    expect(argv).toContain('--dependency=singleton,afterany:4711');
    expect(() => slurm.submit({ ...spec('ok'), after: '1,afterok:2' }, script)).toThrow('the job to wait for');
  });

  it('keeps spaces and percent signs of a directory, which Slurm really opened', () => {
    answered('submit-odd-directory', submit('odd'));
    expect(recording('submit-odd-directory').argv).toContain('--output=/home/alice/hb recordings 50%%j é/job.log');
  });

  it.each([
    ['partition', 'E-PARTITION'],
    ['account', 'E-ACCOUNT'],
    ['qos', 'E-ACCOUNT'],
    ['gpu', 'E-GPU'],
    ['gpus', 'E-GPU'],
    ['memory', 'E-LIMIT'],
    ['cpus', 'E-LIMIT'],
    ['option', 'E-OPTION'],
    ['reservation', 'E-OPTION'],
    ['constraint', 'E-OPTION'],
  ])('calls a refused %s %s, and shows what Slurm said', (name, code) => {
    const answer = answered(`submit-bad-${name}`, submit(`bad-${name}`));
    expect(answer).toMatchObject({ ok: false, why: 'refused', error: { code, transient: false } });
    expect(answer.ok || answer.error.evidence.length).toBeGreaterThan(0);
    expect(answer.ok || answer.error.hint).toBeTruthy();
  });

  it.each([
    ['bad-gres', 'E-GPU'],
    ['bad-time', 'E-OPTION'],
    ['too-long', 'E-LIMIT'],
    ['impossible-cpus', 'E-LIMIT'],
    ['no-shebang', 'E-SCHEDULER'],
    ['controller-down', 'E-SCHEDULER-DOWN'],
  ])('knows the words of another site: %s is %s', (name, code) => {
    const { code: exit, stdout, stderr } = fixture<ReturnType<typeof recording>>(`shared/sbatch-${name}`);
    expect(submit('short').parse(result(exit, stdout, stderr))).toMatchObject({ ok: false, error: { code } });
  });

  it('is in doubt, not refused, when the answer was lost on the way', () => {
    const late = 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation\n';
    const doubts = [
      result(1, '', late),
      result(0, ''),
      { ...result(0), ended: { kind: 'timeout' as const } },
      { ...result(0), ended: { kind: 'lost' as const, cause: 'reset' } },
      { ...result(0), ended: { kind: 'signal' as const, name: 'KILL' } },
    ];
    for (const doubt of doubts) {
      expect(submit('ok').parse(doubt)).toMatchObject({
        ok: false,
        why: 'unreachable',
        error: { code: 'E-SUBMIT-UNKNOWN', transient: true },
      });
    }
  });

  it('says that the controller is down, which refuses nothing', () => {
    expect(answered('submit-down', submit('ok'))).toMatchObject({
      why: 'unreachable',
      error: { code: 'E-SCHEDULER-DOWN' },
    });
  });

  it('says so where sbatch is not installed', () => {
    expect(answered('submit-missing', submit('ok'))).toMatchObject({
      why: 'refused',
      error: { code: 'E-NO-SCHEDULER' },
    });
  });
});

describe('an estimate of the start', () => {
  it('is an instant', () => {
    expect(valueIn(answered('estimate', slurm.startEstimate(spec('ok'))))?.getTime()).toBeGreaterThan(1.7e12);
  });
  it('is refused for what can never start', () => {
    expect(answered('estimate-impossible', slurm.startEstimate(spec('bad-memory')))).toMatchObject({ why: 'refused' });
  });
});
