import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { instructions, renderDockerfile } from '../../images/dockerfile.ts';
import { PLAN } from './plans.ts';

describe('the Dockerfile of a plan', () => {
  const text = renderDockerfile(PLAN);

  it('names the base by its digest, and a stand-in by its image id', () => {
    expect(text.split('\n')[0]).toBe(`FROM docker.io/library/python:3.13-slim-trixie@sha256:${'a'.repeat(64)}`);
    const base = { name: 'x', digest: 'sha256:1', python: '3.13', standIn: true };
    expect(renderDockerfile({ ...PLAN, base })).toMatch(/^FROM sha256:1\n/);
  });

  it('holds nothing that the classic builder does not know', () => {
    expect(text).not.toMatch(/<<|--mount|# syntax/);
  });

  it('copies from folders of our own naming, never by a name of the repository', () => {
    expect(text).toContain('COPY --chown=1000:1000 ["step-2/", "/srv/build/"]');
    expect(text).toContain('COPY ["step-1", "/usr/local/bin/hpcbinder-entrypoint"]');
    expect(text).not.toMatch(/^COPY.*requirements/m);
  });

  it('takes the host settings away again after the last step', () => {
    expect(text.indexOf('rm -rf /run/hpcbinder-build')).toBeGreaterThan(text.lastIndexOf('COPY'));
  });

  it("runs a step in its directory, as its user, under the plan's date", () => {
    const step = instructions(PLAN).find(({ name }) => name === 'requirements.txt');
    expect(JSON.parse(step?.text.slice(4) ?? '')).toEqual([
      '/bin/sh',
      '-ec',
      ". /run/hpcbinder-build/env\nexport SOURCE_DATE_EPOCH=1577836800\ncd -- /srv/repo\npip install -r 'a b'",
    ]);
    expect(text).toContain('USER jovyan\nRUN');
  });

  it('keeps every instruction on a line of its own, whatever a step holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (shell) => {
        const steps = [{ kind: 'run', name: 'x', as: 'root', cwd: '/', shell } as const];
        expect(renderDockerfile({ ...PLAN, steps }).split('\n')).toHaveLength(
          instructions({ ...PLAN, steps }).length + 1,
        );
      }),
    );
  });

  it('quotes values, and refuses what cannot be quoted', () => {
    expect(text).toContain('ENV ODD="a \\"b\\" \\$HOME \\\\ c"');
    expect(() => renderDockerfile({ ...PLAN, env: [['A', 'b\nRUN id']] })).toThrow(/cannot stand/);
    expect(() => renderDockerfile({ ...PLAN, env: [['A B', 'c']] })).toThrow(/no name/);
  });
});
