/**
 * Launches on their way. Each is written down before anything is done for it, so that a killed endpoint takes it up again:
 * one without a record begins anew, one with a record goes on from there (DESIGN 2, 11).
 */
import { randomBytes } from 'node:crypto';
import type {
  KeptSession,
  LaunchEvent,
  LaunchGranted,
  LaunchView,
  LaunchWanted,
  Services,
  User,
} from '../../core/endpoint.ts';
import { asHpcbinderError, HpcbinderError } from '../../core/errors.ts';
import { newSessionId } from '../../core/ids.ts';
import { cutOff } from './cut-off.ts';
import { isUnbegun, overAlready } from './early-ends.ts';
import { Failures } from './failures.ts';
import { newsOf } from './image-news.ts';
import { failedLine } from './journal.ts';
import type { Kept, KeptRow } from './kept.ts';
import { Line } from './line.ts';
import { errorInPageWords, eventInPageWords } from './page-words.ts';
import { Story } from './story.ts';

/** What is over stays in memory so long, for those who look at its page; what failed stays longer. */
const TOLD_MS = 600_000;

type OneLaunch = Extract<LaunchEvent, { type: 'launch' }>;
type Granted = LaunchView & { granted: LaunchGranted };
type Change = Partial<Pick<LaunchView, 'state' | 'error' | 'session'>>;
type Running = {
  view: Granted;
  story: Story<OneLaunch>;
  stop: AbortController;
};

export type LaunchesOptions = {
  services: Services;
  kept: Kept;
  /** a session whose app answers, to be given its route */
  onReady(row: KeptRow): void;
  /** the path of the app, where the session is to share the endpoint's origin */
  baseOf(id: string, granted: LaunchGranted): string | undefined;
  /** one that ended before it was ready, or was taken up after its end */
  onEnded(record: KeptSession, account: string): void;
  /** ready, failed or cancelled; `commit` where it was known by then */
  onOver?(view: LaunchView, commit: string | undefined): void;
  /** one structured line of the service's log */
  log?(line: Record<string, unknown>): void;
};

export class Launches {
  readonly #options: LaunchesOptions;
  readonly #line = new Line();
  readonly #all = new Map<string, Running>();
  readonly #failures = new Failures((id) => this.#all.delete(id));
  #closed = false;

  constructor(options: LaunchesOptions) {
    this.#options = options;
  }

  /** Of what runs, or ran a moment ago, the same; else as it is kept. */
  view(id: string): LaunchView | undefined {
    return this.#known(id)?.view ?? this.#options.kept.launch(id);
  }

  /** Of one that its owner or the site has had forgotten nothing stays in memory. */
  #known(id: string): Running | undefined {
    const running = this.#all.get(id);
    if (!running || running.view.state === 'running' || this.#options.kept.launch(id)) return running;
    this.#all.delete(id);
    return undefined;
  }

  running(): readonly LaunchView[] {
    return [...this.#all.values()].map(({ view }) => view).filter(({ state }) => state === 'running');
  }

  /** A launch of the user's for the very same thing that is on its way. */
  same(user: User, granted: LaunchGranted): LaunchView | undefined {
    const wanted = JSON.stringify(granted);
    return this.running().find((one) => one.account === user.account && JSON.stringify(one.granted) === wanted);
  }

  /** One of the same user for the same thing is joined: a second tab starts nothing. */
  start(user: User, wanted: LaunchWanted, granted: LaunchGranted): LaunchView {
    const there = this.same(user, granted);
    if (there) return there;
    const view: Granted = {
      id: `la-${randomBytes(8).toString('hex')}`,
      account: user.account,
      wanted,
      granted,
      startedAt: new Date().toISOString(),
      state: 'running',
      session: newSessionId(),
    };
    this.#begin(user, view);
    return view;
  }

  #begin(user: User, view: Granted, resume?: KeptSession): void {
    const running: Running = { view, story: new Story(), stop: new AbortController() };
    // refused where it cannot be written down: nothing is done then
    this.#options.kept.saveLaunch(view);
    this.#all.set(view.id, running);
    this.#became(running, {});
    for (const text of view.granted.notes) running.story.tell({ type: 'note', text });
    void this.#run(user, running, resume);
  }

  async #run(user: User, running: Running, resume: KeptSession | undefined): Promise<void> {
    const { kept, services } = this.#options;
    const { view, story, stop } = running;
    const { granted } = view;
    const of = { account: user.account, launch: view.id, granted };
    let latest = resume;
    const keep = (record: KeptSession) => {
      latest = record;
      kept.saveSession(record, of);
    };
    try {
      const id = running.view.session ?? newSessionId();
      const base = this.#options.baseOf(id, granted);
      const news = newsOf(kept, user, id, granted);
      const how = { id, keep, news, signal: stop.signal, ...(base ? { base } : {}), ...(resume ? { resume } : {}) };
      const path = this.#line.through(services.launch(user, granted, how), stop.signal);
      for (let step = await path.next(); ; step = await path.next()) {
        if (!step.done) {
          story.tell(eventInPageWords(step.value));
          continue;
        }
        latest = step.value;
        kept.noteSession(step.value, of);
        if (resume && isUnbegun(step.value)) return this.#again(user, running);
        if (step.value.phase === 'ended') throw overAlready(step.value);
        this.#options.onReady({ ...of, record: step.value });
        this.#became(running, { state: 'ready' }, step.value);
        break;
      }
    } catch (cause) {
      // the process ends: the next one takes it up
      if (this.#closed) return;
      await this.#failed(user, running, cause, latest);
    }
    story.end();
    setTimeout(() => this.#settle(running), TOLD_MS).unref();
  }

  #settle(running: Running): void {
    const { id, account, state } = running.view;
    if (state !== 'failed') return void this.#all.delete(id);
    running.story.shorten();
    this.#failures.add(id, account);
  }

  /** A former process ended before its submit: nothing of that session will come, and another takes its place. */
  #again(user: User, running: Running): Promise<void> {
    running.story.tell({ type: 'note', text: 'the endpoint was restarted before the job was submitted: once more' });
    this.#became(running, { session: newSessionId() });
    return this.#run(user, running, undefined);
  }

  async #failed(user: User, running: Running, cause: unknown, latest: KeptSession | undefined): Promise<void> {
    const { kept, services, onEnded } = this.#options;
    const cancelled = running.stop.signal.aborted;
    let record = latest;
    if (record && record.phase !== 'ended') {
      const at = new Date().toISOString();
      // a job may be there, whatever failed: it is ended before the launch counts as over
      // and where that cannot be done, the reaper comes back to it
      const stopped = await services.stop(user, record, (event) => running.story.tell(event)).catch(() => undefined);
      if (stopped && stopped.phase !== 'ended' && stopped.jobId === undefined)
        record = { ...stopped, phase: 'ended', ended: { why: cancelled ? 'stopped' : 'failed', at } };
      else record = stopped ?? record;
      try {
        kept.noteSession(record, { account: user.account, launch: running.view.id });
      } catch {
        // While the state's disk fails the launch is over all the same; the reaper comes back to its session.
      }
    }
    if (record?.phase === 'ended') onEnded(record, user.account);
    if (cancelled) return this.#became(running, { state: 'cancelled' }, record);
    this.#options.log?.(failedLine(running.view, cause, latest));
    this.#became(running, { state: 'failed', error: errorInPageWords(asHpcbinderError(cause)) }, record);
  }

  /** `record`: the last of its session */
  #became(running: Running, change: Change, record?: KeptSession): void {
    const over = change.state === undefined ? {} : { endedAt: new Date().toISOString() };
    running.view = { ...running.view, ...change, ...over };
    this.#options.kept.noteLaunch(running.view);
    running.story.tell({ type: 'launch', launch: running.view });
    if (change.state) this.#options.onOver?.(running.view, record?.repo.commit);
  }

  /** Said once, beside the phases. */
  note(id: string, text: string): void {
    this.#all.get(id)?.story.tell({ type: 'note', text });
  }

  /** What it has told so far. */
  told(id: string): readonly LaunchEvent[] {
    return this.#known(id)?.story.all() ?? [];
  }

  /** From its beginning; of one that ran in a former process what is kept of it. */
  async *events(id: string, signal: AbortSignal): AsyncGenerator<LaunchEvent> {
    const running = this.#known(id);
    if (running) yield* running.story.from(signal);
    const view = running ? undefined : this.view(id);
    if (view) yield { type: 'launch', launch: view };
  }

  /** Its job is ended too. What is over stays as it is. */
  cancel(id: string): LaunchView | undefined {
    const running = this.#all.get(id);
    if (running?.view.state === 'running' && !running.stop.signal.aborted) {
      // written down before it is done: who takes over from a killed process goes on with no launch that somebody cancelled
      this.#options.kept.noteLaunch({ ...running.view, state: 'cancelled' });
      running.stop.abort(new HpcbinderError('E-CANCELLED', { message: 'cancelled' }));
    }
    return this.view(id);
  }

  /** After a start: what a former process left on its way. `userOf` is undefined for an account that may not enter any more. */
  restore(userOf: (account: string) => User | undefined): void {
    const { kept } = this.#options;
    for (const view of kept.launches({ running: true })) {
      const user = userOf(view.account);
      const row = view.session === undefined ? undefined : kept.session(view.session);
      if (user && view.granted) this.#begin(user, { ...view, granted: view.granted }, row?.record);
      else cutOff(view, user === undefined, this.#options);
    }
  }

  /** Nothing is cancelled: what is on its way is taken up by the next process. */
  close(): void {
    this.#closed = true;
    for (const { story } of this.#all.values()) story.end();
  }
}
