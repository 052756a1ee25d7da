/** What the server room needs of everything else (DESIGN 2); put together in cli/serve. */
import type { Duplex } from 'node:stream';
import type { ResolvedRepo } from '../artifacts.ts';
import type { OnProgress, Progress } from '../progress.ts';
import type { RepositoryTokens } from '../repository-tokens.ts';
import type { OpenSiteLogin } from '../site-login.ts';
import type { KeptSession, LaunchGranted, Offers, User } from './asked.ts';
import type { ImageNews, Outlook } from './outlook.ts';
import type { Figures } from './shown.ts';

/** The open pages of a session, as its warnings reach them; what they answer is shown and decides nothing. */
export type SessionPages = {
  /** asks each to save, for at most `ms`; `last`: there is no later time */
  save(text: string, ms: number, last: boolean): Promise<{ pages: number; files: number; failed: readonly string[] }>;
  /** `calm`: nobody has to do anything, so it goes by itself */
  tell(text: string, calm?: boolean): void;
};

/**
 * What the server room needs of everything else. All of it acts as `user.account` on the cluster, never as the service's own
 * account, but for `offers` and `resolve`. Errors are HpcbinderErrors; each call has its own deadline.
 */
export interface Services {
  readonly clusters: readonly string[];
  /** the site's own SSH login, for a sign-in by it; absent: there is none */
  readonly siteLogin?: OpenSiteLogin;
  offers(user: User, cluster: string, signal: AbortSignal): Promise<Offers>;
  /** asks the repository's host through the guarded client (SECURITY GIT-08) */
  resolve(user: User, repo: { url: string; ref?: string }, signal: AbortSignal): Promise<ResolvedRepo>;
  readonly repositoryTokens: RepositoryTokens;
  readonly outlook: Outlook;
  /**
   * The whole path to an app that answers. `keep` is called with each newer record, secrets included, before anything depends
   * on it. Resumed after a restart with `resume`: the record as last kept.
   */
  launch(
    user: User,
    granted: LaunchGranted,
    how: {
      id: string;
      /** the path under which browsers have the app, where it is not `/` */
      base?: string;
      keep(record: KeptSession): void;
      /** of its image, as it becomes known */
      news?(news: ImageNews): void;
      signal: AbortSignal;
      resume?: KeptSession;
    },
  ): AsyncGenerator<Progress, KeptSession>;
  /**
   * Watches a session that has begun, until its end: the record as it ended, or as it was when `signal` came. `on` has each
   * newer record, `say` each warning before the end, `figures` what it uses; silence of agent or scheduler ends nothing.
   */
  follow(
    user: User,
    record: KeptSession,
    how: {
      pages: SessionPages;
      /** may its user put off the end for idleness by a click? */
      mayTouch(): boolean;
      on(record: KeptSession, reachable: boolean): void;
      say(text: string): void;
      figures(figures: Figures): void;
    },
    signal: AbortSignal,
  ): Promise<KeptSession>;
  /** what cluster and agent say now; 'unreachable' parts end nothing */
  refresh(user: User, record: KeptSession, signal: AbortSignal): Promise<KeptSession>;
  stop(user: User, record: KeptSession, on: OnProgress): Promise<KeptSession>;
  /** ends the jobs that these sessions, which are over, still have in the owner's queue; those that had one. Throws on silence */
  reap(user: User, cluster: string, sessions: ReadonlySet<string>): Promise<readonly string[]>;
  /** sets the walltime's end where the scheduler lets it; the refusal says who can */
  extend(user: User, record: KeptSession, seconds: number): Promise<KeptSession>;
  /** puts off the cull for idleness: the time without use begins anew, or is `seconds` shorter */
  touch(user: User, record: KeptSession, seconds?: number): Promise<void>;
  log(user: User, record: KeptSession, signal: AbortSignal): Promise<string>;
  /** a fresh stream to the job's agent's port, before TLS; E-AGENT where that is on no node of the owner's job */
  connect(record: KeptSession, account: string): Promise<Duplex>;
}
