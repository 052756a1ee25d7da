import { describe, expect, it } from '@jest/globals';
import { modeCheck } from '../../converters/build-modes.ts';
import { lastStep, parseBuildResult } from '../../converters/cluster-build.ts';
import { renderDefinition } from '../../converters/definition.ts';
import { needsOtherIds } from '../../converters/id-packages.ts';
import { PLAN } from '../images/plans.ts';

const KEY = '5'.repeat(32);
const BASE = { bootstrap: 'docker-archive', from: '/scratch/base.tar' } as const;
const run = (shell: string) => ({
  ...PLAN,
  steps: [{ kind: 'run', name: 'apt.txt', as: 'root', cwd: '/', shell } as const],
});

describe('the Apptainer definition of a plan', () => {
  const text = renderDefinition(PLAN, KEY, BASE);

  it('has the sections in order, and the base', () => {
    expect(text.match(/^%\w+/gm)).toEqual(['%files', '%post', '%environment', '%runscript', '%startscript', '%labels']);
    expect(text).toMatch(/^Bootstrap: docker-archive\nFrom: \/scratch\/base\.tar\n/);
  });

  it('has the labels of an image that an engine builds, the key among them', () => {
    const wanted = [...PLAN.labels.map(([name, value]) => `${name} ${value}`), `org.hpcbinder.key ${KEY}`];
    expect(text.split('%labels\n')[1]?.trim().split('\n')).toEqual(wanted);
  });

  it('tries for other ids before anything else, and needs none', () => {
    const check = modeCheck({ needsIds: false });
    expect(text.indexOf(check)).toBeLessThan(text.indexOf('/env'));
    expect(text.replace(check, '')).not.toMatch(/\bchown\s|useradd|\bsu\b/);
  });

  it('traces nothing once the settings are sourced, for the log is read by others', () => {
    expect(text.indexOf('set +x')).toBeLessThan(text.indexOf('/env'));
  });

  it('refuses what a definition cannot carry, and never lets it open a section', () => {
    expect(() => renderDefinition(run("cat 'a\n%runscript\nid'"), KEY, BASE)).toThrow(/cannot carry/);
    expect(() => renderDefinition(run('echo {{ x }}'), KEY, BASE)).toThrow(/cannot carry/);
    expect(() => renderDefinition(PLAN, KEY, { ...BASE, from: '/x\n%post' })).toThrow(/no base/);
  });

  it('says before the queue which packages need other ids', () => {
    expect(needsOtherIds(run('apt-get install -- tree openssh-client=1:10.0p1-7 dbus:amd64'))).toEqual([
      'dbus',
      'openssh-client',
    ]);
    expect(needsOtherIds(run('apt-get install -- tree'))).toEqual([]);
  });
});

describe('a build on the cluster', () => {
  it('answers with size and hash, or nothing', () => {
    expect(parseBuildResult(`12\n${'a'.repeat(64)}\n`)).toEqual({ bytes: 12, sha256: 'a'.repeat(64) });
    for (const text of [undefined, '', '12\n', `-1\n${'a'.repeat(64)}\n`])
      expect(parseBuildResult(text)).toBeUndefined();
  });

  it('is told by its last step', () => {
    const log = ['x', 'hpcbinder: step 3 of 5: requirements.txt', 'Collecting nunpy', 'ERROR'];
    expect(lastStep(PLAN, log)).toMatchObject({
      what: 'requirements.txt',
      step: { file: 'requirements.txt' },
      lines: log.slice(2),
    });
    expect(lastStep(PLAN, ['FATAL']).what).toBe('apptainer build');
  });
});
