import { describe, expect, it } from '@jest/globals';
import { hpcYmlOf, parseHpcYml } from '../../buildpacks/hpc.ts';
import { repo } from './files.ts';

describe('hpc.yml', () => {
  it('asks for cores, memory, GPUs, time and app', () => {
    const text = 'cpus: 4\nmemory: 16G\ngpus: 1\ngpu_type: a100\ntime: 2h\napp: notebook\n';
    expect(parseHpcYml(text)).toEqual({
      cpus: 4,
      memoryMb: 16384,
      gpus: 1,
      gpuType: 'a100',
      seconds: 7200,
      app: 'notebook',
    });
  });

  it.each(['', '# nothing\n', '---\n'])('may be empty: %j', (text) => expect(parseHpcYml(text)).toEqual({}));

  it('lies in the active config directory', () => {
    expect(hpcYmlOf(repo({ 'hpc.yml': 'cpus: 2' }))).toEqual({ cpus: 2 });
    expect(hpcYmlOf(repo({ 'hpc.yml': 'cpus: 2', 'binder/hpc.yml': 'cpus: 3' }))).toEqual({ cpus: 3 });
    expect(hpcYmlOf(repo({ 'hpc.yml': 'cpus: 2', binder: { directory: true } }))).toEqual({});
  });

  it.each([
    [
      'a key that there is not, with the nearest',
      'cpus: 1\nmemroy: 1G\n',
      /hpc\.yml line 2, column 1: there is no key "memroy"; did you mean memory\?/,
    ],
    ['what only user and site may say', 'partition: gpu\n', /"partition" cannot come from a repository/],
    ['binds', 'binds: [/etc]\n', /"binds" cannot come from a repository/],
    ['a value that cannot be', 'cpus: many\n', /line 1, column 7: cpus: "many" is no whole number/],
    ['a negative number', 'gpus: -1\n', /no whole number/],
    ['no amount of memory', 'memory: much\n', /"much" is no amount of memory/],
    ['no duration', 'time: soon\n', /"soon" is no duration/],
    ['another app', 'app: vscode\n', /there are lab, notebook, rstudio and shiny/],
    ['a GPU type that is an option', 'gpu_type: "--x"\n', /no name of a GPU type/],
    ['a list', '- cpus\n', /must be a list of "key: value"/],
    ['a nested value', 'cpus: {a: 1}\n', /one plain value/],
    ['a key twice', 'cpus: 1\ncpus: 2\n', /line 2/],
    ['broken YAML', 'cpus: [1\n', /line \d, column \d/],
    ['an alias', 'cpus: &a 1\ngpus: *a\n', /one plain value/],
  ])('refuses %s', (_, text, message) => {
    expect(() => parseHpcYml(text)).toThrow(message);
    expect(() => parseHpcYml(text)).toThrow(expect.objectContaining({ code: 'E-HPC-YML' }));
  });
});
