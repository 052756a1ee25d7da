/**
 * Proves by the site's sshd who somebody is, and does nothing else there: no channel is opened, and the connection is closed as
 * soon as the server has said yes or no. The host's key is pinned by a file; there is no first contact.
 */
import { readFileSync, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { AnyAuthMethod, AuthenticationType, Client, ConnectConfig, NextAuthHandler, Prompt } from 'ssh2';
import { asHpcbinderError, HpcbinderError } from '../core/errors.ts';
import type { SiteAttempt, SiteHost, SiteLogin, SiteQuestion, SiteStep } from '../core/site-login.ts';
import { lastLines } from '../core/text.ts';
import { messageOf } from './faults.ts';
import { algorithmsFor } from './ssh2/host-key.ts';
import {
  checkHostKey,
  fingerprint,
  type KnownLine,
  knownName,
  knownTypes,
  parseKnownHosts,
} from './ssh2/known-hosts.ts';
import { socketTo } from './ssh2/socket.ts';

/** What a server may put on a page: more is no login. */
const MOST_QUESTIONS = 8;
const MOST_ROUNDS = 12;
const MOST_METHODS = 4;
const MOST_LINES = 20;
const MOST_CHARACTERS = 500;

/** @throws HpcbinderError E-SIGN-IN: `knownHosts` has no key of the host, or others than its owner may write it */
export function siteLogin(site: SiteHost): SiteLogin {
  pinsOf(site);
  return { begin: (account, deadlineMs) => new Attempt(site, account, deadlineMs) };
}

type Pins = { lines: readonly KnownLine[]; name: string };

/** Read for each login: a new key counts at once. */
function pinsOf({ host, port, knownHosts }: SiteHost): Pins {
  const fault = (message: string, hint: string, cause?: unknown) =>
    new HpcbinderError('E-SIGN-IN', { message: `sign_in.ssh.known_hosts: ${knownHosts} ${message}`, hint, cause });
  const name = knownName(host, port);
  const words = `ssh-keyscan${port === 22 ? '' : ` -p ${port}`} ${host}`;
  let text: string;
  try {
    if ((statSync(knownHosts).mode & 0o022) !== 0)
      throw fault('can be written by others: they could put a server of theirs there', `Run: chmod go-w ${knownHosts}`);
    text = readFileSync(knownHosts, 'utf8');
  } catch (cause) {
    if (cause instanceof HpcbinderError) throw cause;
    throw fault(`cannot be read: ${messageOf(cause)}`, `Write the host's key there: ${words}`, cause);
  }
  const lines = parseKnownHosts(text, knownHosts);
  if (knownTypes(lines, [name]).length === 0)
    throw fault(
      `has no key of ${name}`,
      `Compare the output of ${words} with what the site publishes, then put it there.`,
    );
  return { lines, name };
}

class Attempt implements SiteAttempt {
  readonly #site: SiteHost;
  readonly #account: string;
  readonly #timer: NodeJS.Timeout;
  readonly #stopped = new AbortController();
  #client: Client | undefined;
  #finish: ((answers: string[]) => void) | undefined;
  #hear: { resolve: (step: SiteStep) => void; reject: (error: unknown) => void } | undefined;
  /** what came while nobody waited */
  #late: SiteStep | HpcbinderError | undefined;
  #said: string[] = [];
  #methods = 0;
  #rounds = 0;
  /** questions that the person has answered with something: without one nothing is proved */
  #proofs = 0;
  #over = false;

  constructor(site: SiteHost, account: string, deadlineMs: number) {
    this.#site = site;
    this.#account = account;
    this.#timer = setTimeout(() => this.close(), deadlineMs).unref();
  }

  next(answers?: readonly string[]): Promise<SiteStep> {
    return new Promise<SiteStep>((resolve, reject) => {
      const late = this.#late;
      if (late !== undefined) return late instanceof HpcbinderError ? reject(late) : resolve(late);
      this.#hear = { resolve, reject };
      if (this.#over) return this.#end(this.#unreachable('the login took too long'));
      const finish = this.#finish;
      this.#finish = undefined;
      if (finish === undefined || answers === undefined) {
        this.#open().catch((error) => this.#end(asHpcbinderError(error)));
        return;
      }
      if (answers.some((answer) => answer !== '')) this.#proofs++;
      finish([...answers]);
    });
  }

  close(): void {
    this.#end(this.#unreachable('the login took too long'));
  }

  async #open(): Promise<void> {
    const { lines, name } = pinsOf(this.#site);
    const ssh2 = (await import('ssh2')).default;
    const sock = await socketTo(this.#site, this.#stopped.signal);
    if (this.#over) return void sock.destroy();
    const client = new ssh2.Client();
    this.#client = client;
    let refusal: HpcbinderError | undefined;
    client.on('banner', (text: string) => this.#say(text));
    client.on('ready', () =>
      this.#end(this.#proofs > 0 ? { step: 'in' } : { step: 'refused', why: 'the server let it in unasked' }),
    );
    client.on('error', (error: Error & { level?: string }) => {
      if (refusal !== undefined) this.#end(refusal);
      else if (error.level === 'client-authentication' || /authentication failures/i.test(error.message))
        this.#end({ step: 'refused', why: 'the server refused it' });
      else this.#end(this.#unreachable(messageOf(error), error));
    });
    client.on('close', () => this.#end(refusal ?? this.#unreachable('it closed the connection')));
    client.connect({
      sock: sock as Readable,
      username: this.#account,
      readyTimeout: 0,
      authHandler: this.#authenticate as NonNullable<ConnectConfig['authHandler']>,
      algorithms: { serverHostKey: algorithmsFor(knownTypes(lines, [name])) as never },
      hostVerifier: (key: Buffer) => {
        if (checkHostKey(lines, [name], key).kind === 'known') return true;
        refusal = new HpcbinderError('E-SSH-HOSTKEY', {
          message: `the key of ${name} is not the one that this endpoint knows`,
          hint: 'Nothing was sent to it. Tell the admins of this endpoint: somebody may stand in between.',
          evidence: [fingerprint(key)],
        });
        return false;
      },
    });
  }

  /** What the server wants, each method at most once: a second try is a login of its own, and counted as one. */
  readonly #authenticate = (
    left: AuthenticationType[] | null,
    partial: boolean | null,
    next: NextAuthHandler,
  ): void => {
    // `false` ends it; the typings of ssh2 leave it out
    const give = next as (method: AnyAuthMethod | false) => void;
    const username = this.#account;
    if (left === null) {
      give({ type: 'none', username });
    } else if (this.#methods > 0 && (partial !== true || this.#methods >= MOST_METHODS)) {
      give(false);
    } else if (left.includes('keyboard-interactive')) {
      this.#methods++;
      give({ type: 'keyboard-interactive', username, prompt: this.#relay });
    } else if (left.includes('password')) {
      this.#methods++;
      const text = `Password of ${username} at ${this.#site.host}`;
      this.#ask([{ text, secret: true }], ([password = '']) => give({ type: 'password', username, password }));
    } else {
      const takes = left.join(', ') || 'nothing';
      this.#end(
        new HpcbinderError('E-SSH-AUTH', {
          message: `${this.#site.host} takes ${takes}: this cannot be given through a page`,
        }),
      );
    }
  };

  readonly #relay = (
    name: string,
    instructions: string,
    _language: string,
    prompts: Prompt[],
    finish: (answers: string[]) => void,
  ): void => {
    this.#say(name);
    this.#say(instructions);
    const questions = prompts.map(({ prompt, echo }) => ({
      text: prompt.trim().slice(0, MOST_CHARACTERS),
      secret: echo !== true,
    }));
    if (++this.#rounds > MOST_ROUNDS || prompts.length > MOST_QUESTIONS)
      this.#end({ step: 'refused', why: 'the server asks without end' });
    else if (questions.length === 0) finish([]);
    else this.#ask(questions, finish);
  };

  #ask(questions: readonly SiteQuestion[], finish: (answers: string[]) => void): void {
    this.#finish = finish;
    this.#tell({ step: 'asks', lines: this.#said.splice(0), questions });
  }

  #say(text: string): void {
    const lines = lastLines(text.slice(0, MOST_LINES * MOST_CHARACTERS), MOST_LINES);
    this.#said = [...this.#said, ...lines.map((line) => line.slice(0, MOST_CHARACTERS))].slice(-MOST_LINES);
  }

  #tell(what: SiteStep | HpcbinderError): void {
    const hear = this.#hear;
    this.#hear = undefined;
    if (hear === undefined) this.#late = what;
    else if (what instanceof HpcbinderError) hear.reject(what);
    else hear.resolve(what);
  }

  #end(what: SiteStep | HpcbinderError): void {
    if (this.#over && this.#hear === undefined) return;
    this.#over = true;
    this.#stopped.abort();
    clearTimeout(this.#timer);
    this.#finish = undefined;
    this.#tell(what);
    const client = this.#client;
    this.#client = undefined;
    client?.end();
    // what does not take its leave is left
    if (client) setTimeout(() => client.destroy(), 1_000).unref();
  }

  #unreachable(why: string, cause?: unknown): HpcbinderError {
    return new HpcbinderError('E-SSH-UNREACHABLE', {
      message: `the login at ${this.#site.host} did not come about: ${why}`,
      hint: 'Try again; if it stays so, tell the admins of this endpoint.',
      transient: true,
      cause,
    });
  }
}
