/** The user's keys, from the agent and from files. A private key is only touched once the server said it would accept it. */
import { readFileSync } from 'node:fs';
import type { BaseAgent, ParsedKey, SignCallback, SigningRequestOptions } from 'ssh2';
import type { Prompter } from '../../core/transport.ts';
import type { Hop } from './hop.ts';
import { fingerprint } from './known-hosts.ts';

export type Ssh2 = typeof import('ssh2');

/** One key to offer, once. */
export type Identity = {
  /** for messages: path or agent comment, and fingerprint */
  name: string;
  /** an ssh2 agent that knows exactly this key; undefined where the key turned out not to be usable */
  offer(): Promise<BaseAgent | undefined>;
};

const PASSPHRASE_TRIES = 3;

/** Decrypted keys are kept here, in memory only, so that a reconnect needs no person. */
export class KeyRing {
  readonly #ssh2: Ssh2;
  readonly #open = new Map<string, ParsedKey>();

  constructor(ssh2: Ssh2) {
    this.#ssh2 = ssh2;
  }

  /** Named files first (through the agent where it holds them), then what else the agent has, then the other files. */
  async identities(hop: Hop, prompter: Prompter | undefined): Promise<Identity[]> {
    const agent = process.env.SSH_AUTH_SOCK ? this.#ssh2.createAgent(process.env.SSH_AUTH_SOCK) : undefined;
    const inAgent = agent ? await listed(agent) : [];
    const offered = new Set<string>();
    const found: Identity[] = [];
    const add = (blob: Buffer, identity: Identity) => {
      const id = blob.toString('base64');
      if (!offered.has(id)) found.push(identity);
      offered.add(id);
    };
    const addAgent = (key: ParsedKey, comment: string) => {
      if (!agent) return;
      const blob = key.getPublicSSH();
      add(blob, {
        name: `agent key ${comment} (${fingerprint(blob)})`,
        offer: async () => this.#oneKey(key, (data, hash, done) => agent.sign(key, data, { hash }, done)),
      });
    };
    const addFile = (file: string) => {
      const known = this.#publicKey(file);
      if (known === undefined) return;
      const held = known && inAgent.find((key) => key.getPublicSSH().equals(known.getPublicSSH()));
      if (held) return addAgent(held, file);
      const offer = () => this.#fromFile(file, known || undefined, prompter);
      if (known) add(known.getPublicSSH(), { name: `${file} (${fingerprint(known.getPublicSSH())})`, offer });
      else found.push({ name: file, offer });
    };
    if (hop.identitiesNamed) for (const file of hop.identityFiles) addFile(file);
    if (!hop.identitiesOnly) for (const key of inAgent) addAgent(key, key.comment);
    for (const file of hop.identityFiles) if (!hop.identitiesNamed) addFile(file);
    return found;
  }

  /** The public half: undefined where there is no such file, false where only the passphrase can tell. */
  #publicKey(file: string): ParsedKey | false | undefined {
    const text = textOf(file);
    if (text === undefined) return undefined;
    const key = this.#open.get(file) ?? this.#parse(text);
    if (key) return key;
    const beside = textOf(`${file}.pub`);
    return (beside !== undefined && this.#parse(beside)) || false;
  }

  #parse(text: string, passphrase?: string): ParsedKey | undefined {
    const parsed = this.#ssh2.utils.parseKey(text, passphrase) as ParsedKey | ParsedKey[] | Error;
    const key = Array.isArray(parsed) ? parsed[0] : parsed;
    return key === undefined || key instanceof Error ? undefined : key;
  }

  async #fromFile(file: string, known: ParsedKey | undefined, prompter: Prompter | undefined) {
    const shown = known ?? (await this.#unlock(file, prompter));
    if (!shown) return undefined;
    return this.#oneKey(shown, (data, hash, done) => {
      this.#unlock(file, prompter).then(
        (key) => (key ? done(undefined, key.sign(data, hash)) : done(new Error(`${file} stayed locked`))),
        (error: Error) => done(error),
      );
    });
  }

  /** The private key, after at most three passphrases; undefined where it can't be had. */
  async #unlock(file: string, prompter: Prompter | undefined): Promise<ParsedKey | undefined> {
    const text = textOf(file);
    const ready = this.#open.get(file) ?? (text === undefined ? undefined : this.#parse(text));
    if (ready?.isPrivateKey()) return ready;
    if (text === undefined || !/PRIVATE KEY/.test(text) || !prompter) return undefined;
    for (let tries = 0; tries < PASSPHRASE_TRIES; tries++) {
      const passphrase = await prompter.ask(`Passphrase for ${file}: `, { secret: true });
      if (passphrase === '') return undefined;
      const key = this.#parse(text, passphrase);
      if (key) {
        this.#open.set(file, key);
        return key;
      }
    }
    return undefined;
  }

  #oneKey(
    key: ParsedKey,
    sign: (data: Buffer, hash: SigningRequestOptions['hash'], done: SignCallback) => void,
  ): BaseAgent {
    class OneKey extends this.#ssh2.BaseAgent<ParsedKey> {
      getIdentities(done: (error: Error | undefined, keys?: ParsedKey[]) => void): void {
        done(undefined, [key]);
      }
      sign(_key: ParsedKey, data: Buffer, how: SigningRequestOptions | SignCallback, done?: SignCallback): void {
        if (typeof how === 'function') sign(data, undefined, how);
        else if (done) sign(data, how.hash, done);
      }
    }
    return new OneKey() as BaseAgent;
  }
}

function listed(agent: BaseAgent): Promise<ParsedKey[]> {
  return new Promise((resolve) => {
    // an agent that is gone is as good as none
    agent.getIdentities((error, keys) => resolve(error || !keys ? [] : (keys as ParsedKey[])));
  });
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
