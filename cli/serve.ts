/** `serve`: the campus endpoint, put together: policy, state, services, and the server room's endpoint on top. */
import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { redact } from '../core/redact.ts';
import { guardOf } from '../repos/guard.ts';
import { openEndpoint } from '../server/endpoint/endpoint.ts';
import { signInOptions } from '../server/endpoint/people.ts';
import { PolicyFile, parsePolicy, type Reload, readPolicyText } from '../server/policy/index.ts';
import { checkSignIn, readSecretFile } from '../server/sign-in/index.ts';
import { State } from '../server/state/index.ts';
import { assumptionsInWords, judgeAssumptions } from '../sessions/doctor/assumptions.ts';
import { siteLogin } from '../transports/site-login.ts';
import { loadConfig } from './config-file.ts';
import { sections } from './doctor-words.ts';
import { Builds } from './serve/builds.ts';
import { choicesIn, sharedIn, waysOf } from './serve/clusters.ts';
import { makeYoungObjectsOnly } from './serve/collector.ts';
import { logDefects } from './serve/defects.ts';
import { lookAtHost } from './serve/host.ts';
import { People } from './serve/people.ts';
import { Tokens } from './serve/repository-tokens.ts';
import { ClusterServices } from './serve/services.ts';
import { plain } from './terminal.ts';
import { PRODUCT } from './version.ts';

/** How long what is on its way may take to come to rest at the end. */
const CLOSE_MS = 10_000;

/** Serves until SIGTERM or SIGINT: sessions live on, and the next start takes everything up. */
export async function serve(flags: { config?: string; check?: boolean; json?: boolean }): Promise<number> {
  const path = resolve(flags.config ?? '/etc/hpcbinder/serve.yaml');
  if (flags.check) return check(path, flags.json === true);
  makeYoungObjectsOnly();
  logDefects(log);
  const policy = new PolicyFile(path);
  const state = State.open(policy.value.stateDir, {
    serving: true,
    tell: (words) => log({ event: 'state', words }),
  });
  const own = userInfo().username;
  const ways = waysOf(policy.value.actAs, own);
  const people = new People(ways.open, () => choicesIn(policy.value));
  const guard = guardOf(() => policy.value.repositories.privateHosts);
  const services = new ClusterServices({
    people,
    config: loadConfig(),
    own,
    clusters: () => [...policy.value.clusters.keys()],
    git: () => ({ guard, allowHttp: policy.value.repositories.http }),
    builds: new Builds(() => policy.value.limits),
    shared: (cluster) => sharedIn(policy.value, cluster),
    tokens: new Tokens(people, () => policy.value),
    onRefused(session, detail) {
      const account = state.session(session)?.account ?? '-';
      state.audit.write({ account, action: 'refused address', session, detail });
      log({ event: 'refused address', session, words: detail });
    },
  });
  const endpoint = await openEndpoint({ services, state, policy, product: PRODUCT, log });
  policy.watch((what) => log(reloaded(what)));
  log({ event: 'listening', url: endpoint.url, port: endpoint.port, product: PRODUCT });
  await ended();
  log({ event: 'ending' });
  const timer = setTimeout(() => process.exit(0), CLOSE_MS).unref();
  await endpoint.close();
  await services.close();
  await ways[Symbol.asyncDispose]();
  policy.close();
  state.close();
  clearTimeout(timer);
  return 0;
}

function reloaded(what: Reload): Record<string, unknown> {
  if (what.kind !== 'refused') return { event: 'policy', ...what };
  const { message, hint } = what.error;
  return {
    event: 'policy',
    kind: 'refused',
    message,
    hint,
    words: 'the policy stays as it was until the file is mended',
  };
}

/** The file, which decides the exit status, and what is assumed of this machine. Nothing is opened, no cluster is asked. */
async function check(path: string, json: boolean): Promise<number> {
  const policy = parsePolicy(readPolicyText(path), path);
  const { url, clusters } = policy;
  checkSignIn(signInOptions({ value: policy }), new URL(url));
  if (policy.signIn.ssh) siteLogin(policy.signIn.ssh);
  for (const { file } of policy.repositories.tokens) await readSecretFile(file, 'repositories.tokens');
  // of this process and machine: the service's own limits are said in its log when it starts
  const findings = lookAtHost(policy);
  const warnings = findings.filter(({ id }) => id === 'endpoint.room').filter(({ status }) => status === 'warning');
  const assumptions = judgeAssumptions(findings, 'endpoint').filter(({ holds }) => holds !== 'unseen');
  if (json) {
    const told = { ok: true, url, clusters: [...clusters.keys()], warnings: warnings.map(({ sentence }) => sentence) };
    process.stdout.write(`${JSON.stringify({ ...told, findings, assumptions })}\n`);
  } else {
    process.stderr.write(`${path} is fine: ${url}, clusters ${[...clusters.keys()].join(', ')}\n\n`);
    const words = `${path}: ${assumptionsInWords(assumptions)}. Logins and compute nodes: hpcbinder doctor`;
    process.stderr.write(plain(`${[...sections(findings, ''), words].join('\n')}\n`));
  }
  return 0;
}

/** One JSON object a line, on stderr, where journald and containers look for it. */
function log(line: Record<string, unknown>): void {
  process.stderr.write(`${redact(JSON.stringify({ at: new Date().toISOString(), ...line }))}\n`);
}

function ended(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => done());
  });
}
