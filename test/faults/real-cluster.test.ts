/**
 * The conformance suites of schedulers and of sessions on a real cluster, through the product's own connection. HPCBINDER_TEST_HOST names an
 * entry of the config in use, HPCBINDER_TEST_STRANGER one of another user there; HPCBINDER_TEST_PARTITION where to submit to.
 */
import { afterAll, expect, it } from '@jest/globals';
import { loadConfig } from '../../cli/config-file.ts';
import { chooseCluster, connectCluster } from '../../cli/connect.ts';
import { schedulerConformance } from '../conformance/scheduler.ts';
import { sessionConformance } from '../conformance/session.ts';
import { notRun } from '../not-run.ts';

const {
  HPCBINDER_TEST_HOST: host,
  HPCBINDER_TEST_STRANGER: stranger,
  HPCBINDER_TEST_PARTITION: partition,
} = process.env;

async function entry(name: string) {
  const choice = chooseCluster(loadConfig(), name);
  if (choice === undefined) throw new Error(`no cluster ${name} in the config`);
  return connectCluster(choice, undefined);
}

if (!host) {
  notRun('the schedulers on a real cluster: HPCBINDER_TEST_HOST names none');
  it('takes an entry of the config, and no other name', () => {
    expect(() => chooseCluster({}, 'nosuch')).toThrow(expect.objectContaining({ code: 'E-CLUSTER-UNKNOWN' }));
  });
} else {
  const cluster = await entry(host);
  const other = stranger ? await entry(stranger) : undefined;
  afterAll(async () => {
    await cluster.transport[Symbol.asyncDispose]();
    await other?.transport[Symbol.asyncDispose]();
  });
  schedulerConformance(`${cluster.scheduler.name} of ${host}`, {
    scheduler: cluster.scheduler,
    transport: cluster.transport,
    stranger: other?.transport,
    owner: cluster.profile.uid,
    directory: `${cluster.profile.home}/hb-conformance`,
    partition: partition ?? cluster.partitions.find((each) => each.isDefault)?.name ?? '',
    user: cluster.profile.user,
  });
  sessionConformance(host, { cluster: host, flags: partition ? ['--partition', partition] : [], jobId: /^[0-9]+/ });
}
