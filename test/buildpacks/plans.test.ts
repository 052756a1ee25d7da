/** Every example has a golden plan. A change that moves one is seen in review: UPDATE_PLANS=1 writes them anew. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { baseName, detect, environmentKey, hpcYmlOf, inWords, plan } from '../../buildpacks/index.ts';
import { readRepoFiles } from '../../repos/listing.ts';

const here = dirname(fileURLToPath(import.meta.url));
const examples = join(here, '..', '..', 'examples');
const names = readdirSync(examples, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

async function golden(name: string) {
  const files = await readRepoFiles(join(examples, name));
  const spec = detect(files);
  const made = plan(spec, files, {
    platform: 'linux/amd64',
    repo: { kind: 'local', path: `/examples/${name}`, tree: '0'.repeat(64) },
    tool: 'hpcbinder',
    ...(spec.python === undefined
      ? {}
      : {
          base: {
            name: baseName(spec.python.version),
            digest: `sha256:${'0'.repeat(64)}`,
            python: spec.python.version,
          },
        }),
  });
  return { words: inWords(spec, files), wishes: hpcYmlOf(files), spec, key: environmentKey(made), plan: made };
}

describe('the plan of an example', () => {
  it('is there for each', () => {
    const plans = readdirSync(join(here, 'plans')).map((file) => file.replace(/\.json$/, ''));
    expect(plans.sort()).toEqual([...names].sort());
  });

  it.each(names)('%s is the golden one', async (name) => {
    const file = join(here, 'plans', `${name}.json`);
    const made = JSON.stringify(await golden(name), null, 2);
    if (process.env.UPDATE_PLANS) writeFileSync(file, `${made}\n`);
    expect(JSON.parse(made)).toEqual(JSON.parse(readFileSync(file, 'utf8')));
  });

  it.each(names)('%s holds only what a POSIX shell can read', async (name) => {
    for (const step of (await golden(name)).plan.steps) {
      const script = step.kind === 'run' ? step.shell : step.kind === 'text' ? step.text : '';
      const { status, stderr } = spawnSync('/bin/sh', ['-n'], { input: script });
      expect({ status, stderr: stderr.toString() }).toEqual({ status: 0, stderr: '' });
    }
  });
});
