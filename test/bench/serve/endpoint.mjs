// The endpoint as `serve` opens it: real state, sign-in, doors and proxy. Only the cluster is a fake: its services reach an
// agent on this machine and watch nothing. `node endpoint.mjs DIRECTORY`.
import { connect } from 'node:net';
import { join } from 'node:path';
import { openEndpoint } from '../../../dist/server/endpoint/endpoint.js';
import { PolicyFile } from '../../../dist/server/policy/index.js';
import { State } from '../../../dist/server/state/index.js';

const directory = process.argv[2];
const never = () => Promise.reject(new Error('the fake cluster does no more than this'));

const fakeServices = {
  clusters: ['campus'],
  offers: never,
  resolve: never,
  launch: never,
  refresh: async (_user, record) => record,
  follow: (_user, record, _how, signal) =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve(record), { once: true })),
  stop: async (_user, record) => record,
  extend: never,
  touch: async () => {},
  log: never,
  figures: async () => undefined,
  connect: ({ address }) =>
    new Promise((resolve, reject) => {
      const socket = connect(address.port, address.host, () => resolve(socket));
      socket.once('error', reject);
    }),
};

const policy = new PolicyFile(join(directory, 'serve.yaml'));
const state = State.open(join(directory, 'state'));
await openEndpoint({ services: fakeServices, state, policy, product: 'hpcbinder/bench', log: () => {} });
// a profile is written at an orderly end only
process.on('SIGTERM', () => process.exit(0));
