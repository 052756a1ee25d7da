/**
 * The endpoint's way to a login node that it does not run on: the service account's own key there starts gate.py, whatever it
 * asks for (docs/endpoint.md, "Several clusters"). No user's key, no agent, and nobody is asked.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import type { Ended } from '../../core/command.ts';
import { HpcbinderError } from '../../core/errors.ts';
import type { Endpoint, RemoteProcess } from '../../core/transport.ts';
import { targetWords } from '../openssh/command-line.ts';
import { loginFault } from '../openssh/faults.ts';
import { Relay } from '../relay.ts';
import { Slots } from '../slots.ts';
import type { SshTarget } from '../ssh2/target.ts';
import { checkAccount, type Way } from './way.ts';

/** ssh's own failures end with it (ssh(1)); a command there may too, and has its words then. */
const SSH_FAILED = 255;

/** sshd drops logins at random where more than ten are on their way (MaxStartups); an endpoint that starts has one for each user. */
const LOGINS = 6;
/** channels/relay.py takes 128 */
const STREAMS_A_RELAY = 120;
const RELAYS = 16;

/** Nothing of the account's own configuration: what counts is the entry. */
const OPTIONS = [
  'BatchMode=yes',
  'StrictHostKeyChecking=yes',
  'GlobalKnownHostsFile=/dev/null',
  'UpdateHostKeys=no',
  'IdentitiesOnly=yes',
  'IdentityAgent=none',
  'PreferredAuthentications=publickey',
  'ForwardAgent=no',
  'ForwardX11=no',
  'ClearAllForwardings=yes',
  'PermitLocalCommand=no',
  'ControlMaster=no',
  'ControlPath=none',
  'RequestTTY=no',
  'ConnectTimeout=15',
  'ServerAliveInterval=15',
  'ServerAliveCountMax=3',
  'LogLevel=ERROR',
];

/** As gate.py reads them. */
export const ASK = 'ask';
const TUNNELS = 'tunnels';

/** One login node. Connections begin with what needs them, and end with it. */
export class FarLogin {
  readonly #target: SshTarget;
  readonly #relays: Relay[] = [];
  readonly #logins = new Slots(LOGINS);

  /** `identityFile` and `knownHosts` are the entry's; E-USAGE for a target that ssh could read as an option. */
  constructor(target: SshTarget & { identityFile: string; knownHosts: string }) {
    this.#target = target;
    targetWords({ target });
  }

  /** The way to `account` there, or with none to what the service's own account may ask. */
  way(account?: string): Way {
    const asked = account === undefined ? ASK : `as ${checkAccount(account)}`;
    const { host } = this.#target;
    const name = `${account ?? 'the service'}@${host}`;
    return {
      name,
      spawn: () => this.#ssh(asked),
      turn: () => this.#logins.take(),
      dial: (to, by) => this.#dial(to, by),
      fault: (code, said) => faultOf({ name, host, code, said }),
    };
  }

  /** Tunnels end; processes of accounts are their transports'. */
  async close(): Promise<void> {
    await Promise.all(this.#relays.splice(0).map((relay) => relay.end()));
  }

  /** The relay there is started by gate.py and needs no Python of ours to be named. */
  async #dial(to: Endpoint, by: string): Promise<Duplex> {
    let relay = this.#relays.find(({ live }) => live < STREAMS_A_RELAY);
    if (relay === undefined) {
      if (this.#relays.length >= RELAYS) {
        throw new HpcbinderError('E-AGENT', {
          message: `${RELAYS * STREAMS_A_RELAY} connections through ${this.#target.host} are open, and no more are made`,
          transient: true,
        });
      }
      relay = new Relay(by, async () => processOf(this.#ssh(TUNNELS)));
      this.#relays.push(relay);
    }
    return relay.connect('', to);
  }

  #ssh(asked: string): ChildProcessWithoutNullStreams {
    const options = OPTIONS.flatMap((option) => ['-o', option]);
    const words = ['-T', ...options, ...targetWords({ target: this.#target, sshConfig: '/dev/null' }), asked];
    return spawn('ssh', words, { cwd: '/', detached: true, env: { PATH: process.env.PATH, LC_ALL: 'C' } });
  }
}

/** Of ssh alone. No end and no word in time is a line that is silent. */
function faultOf(end: { name: string; host: string; code: number | null; said: string }): HpcbinderError | undefined {
  const { name, host, code, said } = end;
  if (code !== null && code !== SSH_FAILED) return undefined;
  const silent = code === null && said.trim() === '';
  const fault = loginFault(name, silent ? 'timed out' : said, { person: false, host });
  const { message, evidence, transient } = fault;
  if (transient) return fault;
  const hint =
    "The cluster's entry in serve.yaml names the key (identity_file) and the file with the host's key (known_hosts).";
  return new HpcbinderError(fault.code, { message, hint, evidence });
}

function processOf(child: ChildProcessWithoutNullStreams): RemoteProcess {
  const ended = new Promise<Ended>((resolve) => {
    child.once('error', (cause) => resolve({ kind: 'lost', cause }));
    child.once('close', (code, signal) =>
      resolve(code === null ? { kind: 'signal', name: (signal ?? 'SIG').slice(3) } : { kind: 'exit', code }),
    );
  });
  const { stdin, stdout, stderr } = child;
  return { stdin, stdout, stderr, ended, resize: () => undefined, kill: () => void child.kill('SIGTERM') };
}
