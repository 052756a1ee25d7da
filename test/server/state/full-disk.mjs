// On a disk of one megabyte that is mounted at the directory given: fills it, goes on, makes room. Tells as JSON what it saw.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { State } from '../../../dist/server/state/index.js';

const directory = process.argv[2];
const state = State.open(join(directory, 'state'));
const secrets = { ca: '', clientCert: '', clientKey: '', appToken: '', cookieKey: '' };
const record = (jobId) => ({
  schema: 1,
  id: 'hb-aaaaaaaaaa',
  phase: 'ready',
  createdAt: new Date(0).toISOString(),
  cluster: 'hpc',
  jobId,
  sif: 'x'.repeat(20_000),
  secrets,
});
const save = (jobId) => state.saveSession(record(jobId), { account: 'alice' });
save('before');
const filler = join(directory, 'filler');
let bytes = 0;
for (const size of [65_536, 4096])
  try {
    for (;;) {
      writeFileSync(filler, Buffer.alloc(size), { flag: 'a' });
      bytes += size;
    }
  } catch {
    // full
  }
let failed;
let last = 'before';
for (let n = 0; n < 200 && failed === undefined; n++)
  try {
    save(`n${n}`);
    last = `n${n}`;
  } catch (error) {
    failed = error;
  }
const seen = {
  bytes,
  code: failed?.code,
  transient: failed?.transient,
  message: failed?.message,
  trouble: state.trouble?.code,
  isLast: state.session('hb-aaaaaaaaaa')?.record.jobId === last,
  listed: state.sessions({ live: true }).length,
};
let reopened;
try {
  const other = State.open(join(directory, 'state'), { beside: true });
  reopened = other.session('hb-aaaaaaaaaa')?.record.jobId === last;
  other.close();
} catch (error) {
  reopened = error.message;
}
// after a stop, whatever lies beside the file must be made anew
state.close();
let closed;
try {
  State.open(join(directory, 'state')).close();
  closed = 'opened';
} catch (error) {
  closed = `${error.code} ${error.message}`;
}
rmSync(filler);
const again = State.open(join(directory, 'state'));
again.saveSession(record('after'), { account: 'alice' });
process.stdout.write(
  JSON.stringify({
    ...seen,
    reopened,
    closed,
    after: again.session('hb-aaaaaaaaaa')?.record.jobId,
    troubleAfter: again.trouble?.code ?? null,
  }),
);
