// The endpoint as `serve` opens it: real state, sign-in, doors, proxy, and the services that watch and measure each session. Only
// the cluster is a fake: a squeue that says of each job that it runs, and counts how often it was asked. `node endpoint.mjs DIRECTORY`;
// with `unwatched` behind it nobody asks the agents: nginx, in the place of one, knows nothing of our questions.
import { appendFileSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { makeYoungObjectsOnly } from '../../../dist/cli/serve/collector.js';
import { ClusterServices } from '../../../dist/cli/serve/services.js';
import { slurm } from '../../../dist/schedulers/slurm/index.js';
import { openEndpoint } from '../../../dist/server/endpoint/endpoint.js';
import { PolicyFile } from '../../../dist/server/policy/index.js';
import { State } from '../../../dist/server/state/index.js';

makeYoungObjectsOnly();
const [directory, how] = process.argv.slice(2);
const OWNER = 2001;
const { sessions } = JSON.parse(readFileSync(join(directory, 'sessions.json'), 'utf8'));
const now = Math.floor(Date.now() / 1000);
const rows = sessions.map(({ jobId }) => `${jobId}|RUNNING|c1|${OWNER}|${now + 86_400}|${now}|None\n`).join('');

const transport = {
  link: { value: 'up' },
  run: async ({ argv }) => {
    if (!argv.some((word) => /\bsqueue\b/.test(word))) throw new Error(`the fake cluster knows no ${argv[0]}`);
    appendFileSync(join(directory, 'queries'), `${Date.now()}\n`);
    return { ended: { kind: 'exit', code: 0 }, stdout: Buffer.from(rows), stderr: Buffer.alloc(0), truncated: false };
  },
  // the node c1 is this machine
  connect: ({ port }) =>
    new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(socket));
      socket.once('error', reject);
    }),
};
const cluster = { name: 'campus', transport, scheduler: slurm, profile: { uid: OWNER, user: 'alice' }, partitions: [] };
const people = {
  choice: (name) => ({ name, entry: {} }),
  as: async (_account, _choice, work) => await work(cluster),
  lend: async () => ({ cluster, [Symbol.dispose]() {} }),
};
const services = new ClusterServices({ people, own: 'hpcbinder', clusters: () => ['campus'], config: {} });
if (how === 'unwatched') {
  services.follow = (_user, record, _how, signal) =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve(record), { once: true }));
}

const policy = new PolicyFile(join(directory, 'serve.yaml'));
const state = State.open(join(directory, 'state'), { serving: true });
await openEndpoint({ services, state, policy, product: 'hpcbinder/bench', log: () => {} });
// a profile is written at an orderly end only
process.on('SIGTERM', () => process.exit(0));
// what is measured afterwards is held by somebody
process.on('SIGUSR2', () => globalThis.gc?.());
