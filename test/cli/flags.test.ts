import { describe, expect, it } from '@jest/globals';
import { type Flags, launchInput } from '../../cli/flags.ts';
import { parseConfig } from '../../core/config.ts';

const ID = 'hb-k3f9q2x7ma';
const read = (flags: Flags, config = '', repo: string | undefined = 'org/repo') =>
  launchInput(repo, flags, parseConfig(config, 'config.yaml'), ID);
const input = (flags: Flags, config = '', entry = {}) => read(flags, config).input({ name: 'hpc', entry, saved: true });

describe('the words of a launch', () => {
  it('ask for nothing that was not said', () => {
    expect(input({})).toMatchObject({
      id: ID,
      flags: {},
      site: {},
      binds: [],
      fresh: false,
      limits: { idleSeconds: 3600 },
    });
  });

  it('are units that everything else uses', () => {
    const flags = { partition: 'gpu', gpus: 'a100:2', cpus: '4', mem: '16G', time: '4h', idle: '30m', maxAge: '1d' };
    expect(input(flags)).toMatchObject({
      flags: { partition: 'gpu', gpus: 2, gpuType: 'a100', cpus: 4, memoryMb: 16_384, seconds: 14_400 },
      limits: { idleSeconds: 1800, maxAgeSeconds: 86_400 },
    });
  });

  it.each([
    ['2', { gpus: 2 }],
    ['0', { gpus: 0 }],
    ['a100', { gpus: 1, gpuType: 'a100' }],
    ['h100.80gb:1', { gpus: 1, gpuType: 'h100.80gb' }],
  ])('--gpus %s', (gpus, wish) => {
    expect(input({ gpus }).flags).toEqual(wish);
  });

  it('take --queue for --partition', () => {
    expect(input({ queue: 'long' }).flags.partition).toBe('long');
  });

  it.each<[Flags, RegExp]>([
    [{ partition: '-x' }, /--partition: "-x" is no name/],
    [{ account: 'a b' }, /--account: "a b" is no name/],
    [{ qos: '' }, /--qos: "" is no name/],
    [{ reservation: 'a\n#SBATCH' }, /--reservation/],
    [{ buildPartition: '$(id)' }, /--build-partition/],
    [{ gpus: '-1' }, /--gpus: "-1"/],
    [{ gpus: 'a100:x' }, /--gpus/],
    [{ cpus: '1.5' }, /--cpus: "1\.5" is no whole number from 1 to 4096/],
    [{ cpus: '0' }, /--cpus/],
    [{ mem: 'lots' }, /--mem: "lots"/],
    [{ time: 'soon' }, /--time: "soon"/],
    [{ idle: '0' }, /--idle/],
    [{ port: '70000' }, /--port/],
    [{ bind: ['/ok', 'data'] }, /--bind: "data" is no bind/],
    [{ app: 'vscode' }, /there is no app "vscode"/],
    [{ ref: '' }, /--ref/],
    [{ sif: 'image.sif' }, /--sif is the path/],
    [{ sif: '/a\nb' }, /--sif is the path/],
  ])('are refused at the door: %j', (flags, message) => {
    expect(() => input(flags)).toThrow(
      expect.objectContaining({ message: expect.stringMatching(message), code: 'E-USAGE' }),
    );
  });

  it.each<Flags>([{ constraint: 'a;id' }, { sbatch: ['--wrap=id'] }, { sbatch: ['exclude=n1'] }, { qsub: ['-V'] }])(
    'have no option that the scheduler’s grammar refuses: %j',
    (flags) => {
      expect(() => input(flags)).toThrow(expect.objectContaining({ code: 'E-OPTION' }));
    },
  );

  it('hand on what is typed for either scheduler', () => {
    expect(input({ sbatch: ['--nice=1'], qsub: ['-l place=excl'] }).flags.extra).toEqual(['--nice=1', '-l place=excl']);
    expect(input({}).flags.extra).toBeUndefined();
  });

  it('name a repository or an image', () => {
    expect(() => launchInput(undefined, {}, {}, ID)).toThrow(/name a repository/);
    expect(
      launchInput(undefined, { sif: '/s.sif' }, {}, ID).input({ name: 'h', entry: {}, saved: true }),
    ).toMatchObject({
      sif: '/s.sif',
      noRepository: true,
    });
  });
});

describe('the config’s defaults', () => {
  const general = 'defaults: {time: 1h, cpus: 1, account: lab, idle: 10m}\n';

  it('are the site’s wishes, and a cluster’s own go before the general ones', () => {
    const made = input({}, general, { defaults: { cpus: 8, idle: 1200 } });
    expect(made.site).toEqual({ seconds: 3600, cpus: 8, account: 'lab' });
    expect(made.limits).toEqual({ idleSeconds: 1200 });
  });

  it('give way to what is typed', () => {
    expect(input({ idle: '5m' }, general).limits.idleSeconds).toBe(300);
  });

  it('may keep the browser closed, and --json always does', () => {
    expect(read({}).browser).toBe(true);
    expect(read({ browser: false }).browser).toBe(false);
    expect(read({}, 'browser: false\n').browser).toBe(false);
    expect(read({ json: true }).browser).toBe(false);
  });

  it('never say yes for the person to what a repository asks for', () => {
    process.env.CI = 'true';
    try {
      expect(read({}).yes).toBe(false);
    } finally {
      delete process.env.CI;
    }
    expect(read({ yes: true }).yes).toBe(true);
  });
});
