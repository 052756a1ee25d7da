import { describe, expect, it } from '@jest/globals';
import { answered, parsedAs, recorded, recording, result, scheduler, script, spec, valueIn } from './recordings.ts';

const submit = (name: string, more = {}) => scheduler.submit({ ...spec(name), ...more }, script);

describe('submitting to PBS', () => {
  it.each(['ok', 'gpu', 'never', 'timeout'])('reads the id of an accepted job: %s', (name) => {
    expect(valueIn(answered(`submit-${name}`, submit(name)))).toMatch(/^[0-9]+\.login$/);
  });

  it('takes the id from the last line, behind what a hook of the site says', () => {
    expect(valueIn(submit('ok').parse(result(0, 'You have 3 core-hours left\n812.pbs01.site.edu\n')))).toBe(
      '812.pbs01.site.edu',
    );
  });

  it.each(['812', '12[].server', '12[3].server', '812.pbs extra', '-1.pbs', '0x10.pbs', '812.-x', '812.'])(
    'F-33: takes %j for no id of its own: the job is looked for by its name instead',
    (text) => {
      const said = text.includes(' ') ? text.replace(' ', '.pbs;') : text;
      expect(submit('ok').parse(result(0, `${said}\n`))).toMatchObject({
        why: 'unreachable',
        error: { code: 'E-SUBMIT-UNKNOWN' },
      });
    },
  );

  it('asks for one chunk on one node, and hands nothing on that everybody could read (TOK-04)', () => {
    const { argv, env, cwd } = submit('gpu').command;
    expect(argv).toEqual(expect.arrayContaining(['select=1:ncpus=2:mem=512mb:ngpus=1', 'walltime=00:10:00', '-N']));
    expect(argv.filter((word) => /^-[vV]$/.test(word))).toEqual([]);
    expect({ env, cwd }).toEqual({ env: { LC_ALL: 'C' }, cwd: '/home/alice/hb-recordings' });
  });

  it('has the job go to its own directory and write its own log', () => {
    const { argv } = submit('ok').command;
    expect(argv.slice(argv.indexOf('--'))).toEqual([
      ...['--', '/bin/sh', '-c', 'set -f; IFS=; cd $1 && exec /bin/sh $2 >>$3 2>&1', 'sh'],
      ...['/home/alice/hb-recordings', script, 'job.log'],
    ]);
  });

  it('waits for the job that it goes on from, joined with what the user waits for', () => {
    const after = recorded('running').id;
    expect(valueIn(answered('submit-after', submit('short', { after })))).toMatch(/login$/);
    const request = { ...spec('ok').request, extra: ['-W depend=afterok:5.login', '-l place=excl'] };
    const { argv } = submit('ok', { after, request }).command;
    expect(argv).toContain(`depend=afterany:${after},afterok:5.login`);
    expect(argv).toContain('place=excl');
    expect(() => submit('ok', { after: '1,afterok:2' })).toThrow('the job to wait for');
  });

  it.each([
    ['queue', 'E-PARTITION'],
    ['closed', 'E-PARTITION'],
    ['time', 'E-LIMIT'],
    ['cpus', 'E-LIMIT'],
    ['constraint', 'E-OPTION'],
    ['option', 'E-OPTION'],
    ['group', 'E-ACCOUNT'],
  ])('calls a refused %s %s, and shows what PBS said', (name, code) => {
    const answer = answered(`submit-bad-${name}`, submit(`bad-${name}`));
    expect(answer).toMatchObject({ ok: false, why: 'refused', error: { code, transient: false } });
    expect(answer.ok || [answer.error.evidence.length > 0, Boolean(answer.error.hint)]).toEqual([true, true]);
  });

  it.each([
    ['qsub-bad-option', 'E-OPTION'],
    ['qsub-bad-queue', 'E-PARTITION'],
    ['qsub-bad-walltime', 'E-OPTION'],
    ['qsub-closed-queue', 'E-PARTITION'],
    ['qsub-name-too-long', 'E-SCHEDULER'],
    ['qsub-unknown-resource', 'E-OPTION'],
    ['qsub-walltime-too-long', 'E-LIMIT'],
  ])('knows the words of another server: %s is %s', (name, code) => {
    expect(parsedAs(name, submit('short'))).toMatchObject({ ok: false, why: 'refused', error: { code } });
  });

  it('is in doubt, not refused, when the answer was lost on the way', () => {
    const doubts = [
      result(0, ''),
      result(15031 % 256, '', 'qsub: Batch protocol error\n'),
      result(1, '', 'qsub: End of File\n'),
      { ...result(0), ended: { kind: 'timeout' as const } },
      { ...result(0), ended: { kind: 'lost' as const, cause: 'reset' } },
    ];
    for (const doubt of doubts)
      expect(submit('ok').parse(doubt)).toMatchObject({
        why: 'unreachable',
        error: { code: 'E-SUBMIT-UNKNOWN', transient: true },
      });
  });

  it('says that the server is down, which refuses nothing', () => {
    expect(answered('submit-down', submit('ok'))).toMatchObject({
      why: 'unreachable',
      error: { code: 'E-SCHEDULER-DOWN' },
    });
  });

  it('says so where qsub is not installed', () => {
    expect(recording('submit-missing').code).toBe(127);
    expect(answered('submit-missing', submit('ok'))).toMatchObject({ error: { code: 'E-NO-SCHEDULER' } });
  });
});

describe('what may stand on qsub’s command line', () => {
  const extra = (word: string) => () => scheduler.check({ ...spec('ok').request, extra: [word] });

  it.each([
    '-l place=excl',
    '-lplace=scatter:excl',
    '-W depend=afterok:12.pbs',
    '-W group_list=lab',
    '-p 100',
    '-P bio',
  ])('takes %j', (word) => expect(extra(word)).not.toThrow());

  it.each([
    ...['-v A=1', '-V', '-I', '-J 1-4', '-S /bin/sh', '-o /etc', '-N x', '-l select=2', '-l walltime=1', '-l ncpus=9'],
    ...['-l place=free,mem=9gb', '-W umask=0', '-W block=true', '-W stagein=a@b:c', '-W sandbox=PRIVATE', '-C x', '-z'],
    ...['-l', 'place=excl', '--nice=1', '-- id', '-l place=free -- id', '-l place=free\n-V', '-l -V', '', '-p $(id)'],
    ...["-P a'b", '-P a;b', '-P `id`', '-q gpu', '-h', '-k oe', '-R oe', '-r y', '-m abe', '-u root', '-c s', '-e x'],
  ])('refuses %j (INJ-06, INJ-11)', (word) => {
    expect(extra(word)).toThrow(expect.objectContaining({ code: 'E-OPTION' }));
  });

  it.each([
    [{ qos: 'high' }, /queues take its place/],
    [{ reservation: 'R12' }, /a queue of its own/],
    [{ gpuType: 'a100' }, /--constraint/],
    [{ constraint: 'a100&ib' }, /resources of a chunk/],
    [{ partition: '-q' }, /partition/],
    [{ account: 'a b' }, /account/],
  ])('refuses %j before anything is built', (more, words) => {
    const check = () => scheduler.check({ ...spec('ok').request, ...more });
    expect(check).toThrow(expect.objectContaining({ code: 'E-OPTION' }));
    try {
      check();
    } catch (error) {
      expect(`${(error as Error).message} ${(error as { hint?: string }).hint}`).toMatch(words);
    }
  });

  it('writes a resource of the chunk as the site names it', () => {
    const { argv } = submit('ok', { request: { ...spec('ok').request, constraint: 'gpu_type=a100:site=x' } }).command;
    expect(argv).toContain('select=1:ncpus=1:mem=512mb:gpu_type=a100:site=x');
  });

  it('refuses a directory with control characters, and a name that is no session', () => {
    expect(() => submit('ok', { directory: '/a\nb' })).toThrow('the directory');
    expect(() => submit('ok', { tag: 'x -V' })).toThrow('the job name');
  });
});
