import { describe, expect, it } from '@jest/globals';
import { buildContext } from '../../images/context.ts';
import { collect, entriesOf } from '../converters/tars.ts';
import { checkoutOf, PLAN } from './plans.ts';

const checkout = checkoutOf({ 'requirements.txt': 'numpy\n', 'a.txt': 'a', 'data/large.bin': 'x' });
const settings = { pip: { indexUrl: 'https://index' } };

describe('the build context', () => {
  it('holds the Dockerfile, the settings and what each step needs, no more', async () => {
    const entries = await entriesOf(await collect(buildContext(PLAN, checkout, settings)));
    expect(entries.map(({ name }) => name)).toEqual([
      'Dockerfile.hpcbinder',
      'settings/env',
      'step-1',
      'step-2',
      'step-2/requirements.txt',
      'step-4',
      'step-4/a.txt',
      'step-4/requirements.txt',
    ]);
    expect(entries.find(({ name }) => name === 'step-1')).toMatchObject({ mode: 0o755, uid: 0, mtime: 1577836800 });
  });

  it('is the same bytes each time', async () => {
    const [one, two] = [
      await collect(buildContext(PLAN, checkout, settings)),
      await collect(buildContext(PLAN, checkout, settings)),
    ];
    expect(one.equals(two)).toBe(true);
  });

  it('is refused when a file is no longer what was hashed', async () => {
    const grown = checkoutOf({ 'requirements.txt': 'numpy\n' });
    const file = grown.files.get('requirements.txt');
    if (file) file.size += 1;
    await expect(collect(buildContext(PLAN, grown, settings))).rejects.toMatchObject({
      code: 'E-REPO-FILE',
      transient: true,
    });
  });
});
