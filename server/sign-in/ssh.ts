/**
 * Signing in by the site's own SSH login, asked for on our page. The password passes through this process, which is why it is off
 * unless the policy names it. What is typed goes to the site's sshd and nowhere else: into no log, no state, no audit line, and no
 * field of this object. A login under way waits here for its next answer, bound to the browser that began it.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { asHpcbinderError } from '../../core/errors.ts';
import type { SiteAttempt, SiteLogin, SiteStep } from '../../core/site-login.ts';
import type { Field, Line } from '../pages.ts';
import { ACCOUNT, userOf } from './accounts.ts';
import { type Answers, show, slowDown } from './answers.ts';
import { Pace } from './pace.ts';
import type { Parts } from './parts.ts';
import { PENDING_SECONDS, PendingSignIns } from './pending.ts';
import { isOurs } from './xsrf.ts';

/** sshd's own patience (LoginGraceTime). */
const DEADLINE_MS = 120_000;
/** Connections that prove nothing yet, less than the ten from which sshd begins to refuse everybody's (MaxStartups). */
const MOST_PENDING = 8;
/** Who comes when there is no room takes the place of whoever has been thinking for so long. */
const THINKING_MS = 30_000;
/** About what a wrong password takes at sshd: names that have no entry here are refused no sooner. */
const REFUSAL_MS = 2_000;

type Pending = { attempt: SiteAttempt; account: string; since: number; answering: boolean };

export type SshParts = Omit<Parts, 'ssh' | 'pending'> & {
  answers: Answers;
  host: string;
  login: SiteLogin;
  now: () => number;
};

export class SshSignIn {
  readonly #parts: SshParts;
  readonly #begun: PendingSignIns<{ state: string; next: string }>;
  /** by the state that form and cookie share */
  readonly #pending = new Map<string, Pending>();
  /** Of what is passed on to sshd: a site locks accounts and addresses that fail too often, and ours is one address for all. */
  readonly #ofAccount: Pace;
  readonly #ofAddress: Pace;
  readonly #ofAll: Pace;

  constructor(parts: SshParts) {
    this.#parts = parts;
    this.#begun = new PendingSignIns(parts.now);
    this.#ofAccount = new Pace({ burst: 3, perMinute: 1 }, parts.now);
    this.#ofAddress = new Pace({ burst: 20, perMinute: 10 }, parts.now);
    this.#ofAll = new Pace({ burst: 60, perMinute: 60 }, parts.now);
  }

  register(app: FastifyInstance): void {
    app.post('/sign-in', { schema: { body: Typed } }, (request, reply) => this.#typed(request, reply));
    app.addHook('onClose', async () => {
      for (const state of [...this.#pending.keys()]) this.#forget(state);
    });
  }

  /** The page that asks for the account. */
  first(request: FastifyRequest, reply: FastifyReply, next: string): FastifyReply {
    const { cookies } = this.#parts;
    const state = randomBytes(32).toString('base64url');
    reply.header('Set-Cookie', cookies.setPending(state, this.#begun.write({ state, next }), PENDING_SECONDS));
    const name: Field = { name: 'account', label: `Account at ${this.#parts.host}`, secret: false, fills: 'username' };
    return show(request, reply, 200, 'Sign in with your cluster account', [
      this.#label(),
      this.#form(state, 'Go on', [name]),
    ]);
  }

  async #typed(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { base, cookies } = this.#parts;
    const body = request.body as Record<string, string>;
    const state = body._xsrf ?? '';
    const begun = cookies
      .pending(request.headers.cookie, state)
      .map((value) => this.#begun.read(value, state))
      .find((each) => each !== undefined);
    if (begun === undefined || !isOurs(request.raw, { origin: base.origin, expected: begun.state, body })) {
      this.#parts.note(request, '-', 'sign-in-refused', 'no sign-in is under way in this browser');
      return show(request, reply, 400, 'This sign-in is not known here', [
        'It was begun in another browser, or too long ago.',
        this.#parts.answers.again(base.pathname),
      ]);
    }
    const waiting = this.#pending.get(state);
    if (waiting === undefined) {
      if (body.account !== undefined) return this.#begin(request, reply, state, begun.next, body.account);
      return this.#refused(request, reply, state, begun.next, 'it took too long');
    }
    if (waiting.answering)
      return show(request, reply, 409, 'This sign-in is being answered', ['It was sent twice; the first one counts.']);
    const answers = Array.from({ length: MOST_ANSWERS }, (_, n) => body[`answer${n}`]).filter(
      (one) => one !== undefined,
    );
    return this.#answer(request, reply, state, begun.next, waiting, answers);
  }

  async #begin(request: FastifyRequest, reply: FastifyReply, state: string, next: string, typed: string) {
    const account = typed.trim();
    // every name is treated alike as far as its password: whether it has an entry here is for nobody to find out
    const seconds =
      this.#ofAddress.take(request.ip) || this.#ofAll.take('all') || this.#ofAccount.take(account.toLowerCase());
    if (seconds > 0) return slowDown(request, reply, seconds);
    if (!ACCOUNT.test(account)) return this.#refused(request, reply, state, next, 'no name of an account');
    if (!this.#makeRoom()) {
      reply.header('Retry-After', '30');
      return show(request, reply, 503, 'Too many people sign in at the moment', ['Try again in half a minute.']);
    }
    const attempt = this.#parts.login.begin(account, DEADLINE_MS);
    const waiting = { attempt, account, since: this.#parts.now(), answering: true };
    this.#pending.set(state, waiting);
    // an attempt that nobody goes on with is over by itself; so is our memory of it
    setTimeout(() => this.#pending.get(state) === waiting && this.#forget(state), DEADLINE_MS).unref();
    return this.#step(request, reply, state, next, waiting, () => attempt.next());
  }

  async #answer(
    request: FastifyRequest,
    reply: FastifyReply,
    state: string,
    next: string,
    waiting: Pending,
    answers: readonly string[],
  ) {
    waiting.answering = true;
    if (userOf(this.#parts.accounts(), waiting.account) !== undefined)
      return this.#step(request, reply, state, next, waiting, () => waiting.attempt.next(answers));
    // Not passed on: through this page nobody's password is tried who could not come in with it.
    await wait(REFUSAL_MS);
    return this.#refused(request, reply, state, next, 'no account of this endpoint');
  }

  async #step(
    request: FastifyRequest,
    reply: FastifyReply,
    state: string,
    next: string,
    waiting: Pending,
    take: () => Promise<SiteStep>,
  ): Promise<FastifyReply> {
    let said: SiteStep;
    try {
      said = await take();
    } catch (error) {
      this.#forget(state);
      return this.#parts.answers.failed(request, reply, asHpcbinderError(error), next);
    }
    if (this.#pending.get(state) !== waiting) return this.#refused(request, reply, state, next, 'it took too long');
    waiting.answering = false;
    waiting.since = this.#parts.now();
    if (said.step === 'asks') return this.#questions(request, reply, state, said);
    this.#forget(state);
    if (said.step === 'refused') return this.#refused(request, reply, state, next, said.why, waiting.account);
    reply.header('Set-Cookie', this.#parts.cookies.clearPending(state));
    return this.#parts.answers.enter(request, reply, waiting.account, next);
  }

  #questions(request: FastifyRequest, reply: FastifyReply, state: string, said: SiteStep & { step: 'asks' }) {
    const fields = said.questions.map(
      ({ text, secret }, n): Field => ({
        name: `answer${n}`,
        label: text === '' ? `Answer ${n + 1}` : text,
        secret,
        fills: secret && /pass(word|phrase)/i.test(text) ? 'current-password' : 'one-time-code',
      }),
    );
    const words = said.lines.length === 0 ? [] : [`${this.#parts.host} says:`, ...said.lines];
    return show(request, reply, 200, `Sign in at ${this.#parts.host}`, [
      ...words,
      this.#form(state, 'Sign in', fields),
      this.#label(),
    ]);
  }

  /** What was typed as a name is written down only where it is one of ours: people type passwords there. */
  #refused(request: FastifyRequest, reply: FastifyReply, state: string, next: string, why: string, account?: string) {
    this.#forget(state);
    const known = account !== undefined && userOf(this.#parts.accounts(), account) !== undefined;
    this.#parts.note(request, '-', 'sign-in-refused', `ssh: ${known ? `${account}: ` : ''}${why}`);
    reply.header('Set-Cookie', this.#parts.cookies.clearPending(state));
    return show(request, reply, 403, 'You could not be signed in', [
      `${this.#parts.host} did not accept this login, it took longer than two minutes, or this endpoint has no account of that name.`,
      this.#parts.answers.again(next),
    ]);
  }

  #label(): string {
    const { host } = this.#parts;
    return `What you type here goes to this web server, which passes it on to the SSH server of ${host} and keeps nothing. Type it only at ${this.#parts.base.host}.`;
  }

  #form(state: string, say: string, asks: readonly Field[]): Line {
    return { say, action: `${this.#parts.base.pathname}sign-in`, fields: { _xsrf: state }, asks };
  }

  #makeRoom(): boolean {
    if (this.#pending.size < MOST_PENDING) return true;
    const before = this.#parts.now() - THINKING_MS;
    const oldest = [...this.#pending]
      .filter(([, { since, answering }]) => !answering && since < before)
      .sort(([, a], [, b]) => a.since - b.since)[0];
    if (oldest === undefined) return false;
    this.#forget(oldest[0]);
    return true;
  }

  #forget(state: string): void {
    this.#pending.get(state)?.attempt.close();
    this.#pending.delete(state);
  }
}

/** as many as the transport lets a server ask at once */
const MOST_ANSWERS = 8;
const text = (maxLength: number) => Type.Optional(Type.String({ maxLength }));
const Typed = Type.Object({
  _xsrf: Type.String({ maxLength: 100 }),
  account: text(100),
  ...Object.fromEntries(Array.from({ length: MOST_ANSWERS }, (_, n) => [`answer${n}`, text(1000)])),
});
