// Writes without end, and says each number only after its rows are on the disk: whoever kills it knows what must be there.
import { State } from '../../../dist/server/state/index.js';

const [directory, id, other] = process.argv.slice(2);
const state = State.open(directory, { serving: true });
const secrets = { ca: '', clientCert: '', clientKey: '', appToken: '', cookieKey: '' };
for (let n = 1; ; n++) {
  const filling = String(n).repeat(1 + (n % 4000));
  const record = {
    schema: 1,
    id,
    phase: 'ready',
    createdAt: new Date(0).toISOString(),
    cluster: String(n),
    jobId: String(n),
    sif: filling,
  };
  state.together(() => {
    state.saveSession({ ...record, secrets }, { account: 'alice' });
    state.saveSession({ ...record, id: other, secrets }, { account: 'alice' });
    state.audit.write({ account: 'alice', action: 'open', detail: String(n) });
  });
  process.stdout.write(`${n}\n`);
}
