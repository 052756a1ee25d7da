/** Proving who we are: each key once, then what the server asks a person. Never a loop (SSH-07). */
import type { AnyAuthMethod, AuthenticationType, NextAuthHandler, Prompt } from 'ssh2';
import { HpcbinderError } from '../../core/errors.ts';
import { harmless } from '../../core/text.ts';
import type { Prompter } from '../../core/transport.ts';
import type { Hop } from './hop.ts';
import type { Identity, KeyRing } from './keys.ts';
import { OnlyOpenssh, type Openssh } from './only-openssh.ts';

const PERSON_TRIES = 3;

export class Authentication {
  readonly #hop: Hop;
  readonly #ring: KeyRing;
  readonly #prompter: Prompter | undefined;
  readonly #openssh: Openssh | undefined;
  #identities: Identity[] | undefined;
  #asked = { 'keyboard-interactive': 0, password: 0 };
  #offers: readonly string[] = [];
  readonly #tried: string[] = [];
  /** a person answered: a reconnect would need one again */
  attended = false;
  /** what went wrong on our own side */
  fault: unknown;

  constructor(hop: Hop, ring: KeyRing, prompter: Prompter | undefined, openssh: Openssh | undefined) {
    this.#hop = hop;
    this.#openssh = openssh;
    this.#ring = ring;
    this.#prompter = prompter;
  }

  readonly handler = (left: AuthenticationType[] | null, _partial: boolean | null, next: NextAuthHandler): void => {
    // `false` ends it; the typings of ssh2 leave it out
    const give = next as (method: AnyAuthMethod | false) => void;
    this.#next(left).then(give, (error) => {
      this.fault = error;
      give(false);
    });
  };

  async #next(left: AuthenticationType[] | null): Promise<AnyAuthMethod | false> {
    const username = this.#hop.user;
    if (left === null) return { type: 'none', username };
    this.#offers = left;
    if (left.includes('publickey')) {
      this.#identities ??= await this.#ring.identities(this.#hop, this.#prompter);
      for (let identity = this.#identities.shift(); identity; identity = this.#identities.shift()) {
        const agent = await identity.offer();
        this.#tried.push(agent ? identity.name : `${identity.name}, locked`);
        if (agent) return { type: 'agent', username, agent };
      }
    }
    this.#leave(left);
    const prompter = this.#prompter;
    if (prompter && left.includes('keyboard-interactive') && this.#mayAsk('keyboard-interactive')) {
      return { type: 'keyboard-interactive', username, prompt: (...args) => this.#relay(prompter, ...args) };
    }
    if (prompter && left.includes('password') && this.#mayAsk('password')) {
      this.attended = true;
      const password = await prompter.ask(`${username}@${this.#hop.host}'s password: `, { secret: true });
      return { type: 'password', username, password };
    }
    return false;
  }

  /** OpenSSH may have a ticket (Kerberos), and can keep the login that a person makes. */
  #leave(left: readonly string[]): void {
    const asks = left.includes('keyboard-interactive') || left.includes('password');
    const leaves = left.includes('gssapi-with-mic') || (this.#openssh === 'keeps' && asks);
    if (this.#openssh === undefined || !leaves) return;
    throw new OnlyOpenssh('E-SSH-AUTH', {
      message: `${this.#hop.label} takes ${left.join(', ')}; no key was accepted`,
    });
  }

  #mayAsk(method: 'keyboard-interactive' | 'password'): boolean {
    this.#asked[method]++;
    if (this.#asked[method] === 1) this.#tried.push(method);
    return this.#asked[method] <= PERSON_TRIES;
  }

  /** Each prompt as it was sent, control characters made visible. */
  #relay(
    prompter: Prompter,
    name: string,
    instructions: string,
    _language: string,
    prompts: Prompt[],
    finish: (answers: string[]) => void,
  ): void {
    const answer = async () => {
      for (const text of [name, instructions]) {
        for (const line of text.split('\n')) if (line.trim() !== '') prompter.say(harmless(line.trimEnd()));
      }
      const answers: string[] = [];
      for (const { prompt, echo } of prompts) {
        answers.push(await prompter.ask(harmless(prompt), { secret: echo !== true }));
      }
      return answers;
    };
    this.attended = true;
    answer().then(finish, (error) => {
      this.fault = error;
      finish([]);
    });
  }

  refused(said: string): HpcbinderError {
    if (this.fault instanceof HpcbinderError) return this.fault;
    const methods = this.#offers.length > 0 ? this.#offers.join(', ') : 'nothing';
    const person = this.#offers.some((method) => method === 'keyboard-interactive' || method === 'password');
    const hint = /too many/i.test(said)
      ? `Your agent offers more keys than the server takes. In ~/.ssh/config, for this host: IdentityFile …, IdentitiesOnly yes.`
      : person && !this.#prompter
        ? 'The server wants to ask you something: run this in a terminal.'
        : `Does this work: ssh ${this.#hop.port === 22 ? '' : `-p ${this.#hop.port} `}${this.#hop.label} true`;
    return new HpcbinderError('E-SSH-AUTH', {
      message: `${this.#hop.label} refused the login; the server takes ${methods}`,
      hint,
      evidence: this.#tried.length > 0 ? this.#tried.map((one) => `tried: ${one}`) : ['no key was found to try'],
    });
  }
}
