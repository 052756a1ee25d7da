/** The log of a build on the cluster: what the job's own lines let through (SECURITY F-47). */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';

const dir = mkdtempSync(join(tmpdir(), 'hb-log-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('a build that never stops to talk fills 16 MB, and its last words follow', () => {
  const script = readFileSync('converters/build-job.sh', 'utf8');
  const logged = /^logged\(\) [\s\S]*?^}$/m.exec(script)?.[0] ?? '';
  const say = /^say\(\) .*$/m.exec(script)?.[0] ?? '';
  const log = openSync(join(dir, 'job.log'), 'a');
  const lines = [say, logged, `work=${dir}`, '{ echo first; yes | head -c 40000000; echo the last words; } | logged'];
  const { status } = spawnSync('/bin/sh', ['-c', lines.join('\n')], { stdio: ['ignore', log, 'inherit'] });
  closeSync(log);
  expect(status).toBe(0);
  // sh that is bash counts in blocks of 1024 bytes
  expect(statSync(join(dir, 'job.log')).size).toBeLessThan(34 << 20);
  expect(statSync(join(dir, 'said')).size).toBeLessThanOrEqual(32 << 20);
  const text = readFileSync(join(dir, 'job.log'), 'utf8');
  expect(text.startsWith('first\ny\n')).toBe(true);
  expect(text).toContain('hpcbinder: the log is too long: what follows are its last lines\n');
  expect(text.endsWith('y\nthe last words\n')).toBe(true);
});
