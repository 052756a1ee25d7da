import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { serve } from '../../../cli/serve.ts';

it('serve --check refuses the file that serve refuses, whatever is in it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'hb-check-'));
  const config = join(directory, 'serve.yaml');
  const refusal = () => serve({ check: true, config }).catch((error: unknown) => error);
  expect(await refusal()).toMatchObject({ code: 'E-POLICY', message: expect.stringContaining('ENOENT') });
  writeFileSync(
    config,
    'url: https://b.example.edu\nsign_in: {oidc: {issuer: https://id.example.edu, client_id: x}}\nclusters: {campus: {}}\n',
  );
  await chmod(config, 0o664);
  expect(await refusal()).toMatchObject({ message: expect.stringContaining('others than its owner may write it') });
  rmSync(directory, { recursive: true });
});
