/** What the endpoint's routes stand on; put together once, in cli/serve. */

import type { IncomingMessage } from 'node:http';
import type {
  Choices,
  KeptSession,
  LaunchGranted,
  LaunchWanted,
  Offers,
  Role,
  Scope,
  Services,
  User,
} from '../../core/endpoint.ts';
import type { LinkedRepo, ReadLink } from '../links/index.ts';
import type { Paced } from '../policy/index.ts';
import type { Who } from '../sign-in/types.ts';
import type { Kept, KeptRow } from './kept.ts';
import type { Launches } from './launches.ts';
import type { Live } from './live.ts';
import type { ShowsErrors } from './refusals.ts';

/** What a link or a form asks for, judged by the policy as it is now. */
export interface Judge {
  /**
   * Throws E-LINK, E-POLICY and their like. `begin` runs in the same breath as the judgement, so that of two who ask at once only
   * one gets the last place (SECURITY ABU-02).
   */
  grant<T>(user: User, wanted: LaunchWanted, begin: (granted: LaunchGranted) => T, signal: AbortSignal): Promise<T>;
  /** what would be granted, whatever goes on now; nothing begins, and no place is taken */
  foresee(user: User, wanted: LaunchWanted, signal: AbortSignal): Promise<LaunchGranted>;
  /** throws E-LIMIT where the session would be longer than one may be launched */
  checkExtension(row: Pick<KeptRow, 'record' | 'granted'>, seconds: number): void;
  /** may users put off the end for idleness? */
  readonly mayTouch: boolean;
  /** throws E-POLICY-RATE */
  pace(what: Paced, account: string): void;
  /** git URL and ref of a link, checked and allowed; nothing is looked up */
  repoOf(wanted: Pick<LaunchWanted, 'provider' | 'spec'>): LinkedRepo;
  /** a launch link as its grammar has it */
  link(url: URL): ReadLink;
  /** what a cluster offers now, without what policy does not give */
  offers(user: User, cluster: string, signal: AbortSignal): Promise<Offers>;
  choices(user: User, asked: Pick<LaunchWanted, 'cluster' | 'data'>, signal: AbortSignal): Promise<Choices>;
  /** requests per minute of one account, or of one address that is not signed in */
  readonly perMinute: number;
}

export type Deps = ShowsErrors & {
  services: Services;
  kept: Kept;
  launches: Launches;
  live: Live;
  judge: Judge;
  /** ids of sessions whose scheduler is asked for a later end just now */
  extending: Set<string>;
  /** of a request; undefined: nobody is signed in */
  who(req: IncomingMessage): Who | undefined;
  mayAct(req: IncomingMessage, who: Who, body?: unknown): boolean;
  /** where a page without a login sends the browser */
  signInUrl(target: string): string;
  userOf(account: string): User;
  /** the address that opens a session once, in the browser of whoever asked */
  openUrl(who: Who, record: KeptSession, path: string | undefined): string;
  /** the endpoint's own origin and prefix, ends with `/` */
  base: URL;
  product: string;
};

/** What each route says of itself; one without it answers nobody (SECURITY R6). */
export type Rule = {
  who: 'anyone' | Role;
  /** of an API token; absent: no token will do */
  scope?: Scope;
  /** it changes something: proof of the user's own click is asked for (SECURITY R8) */
  acts?: true;
};

declare module 'fastify' {
  interface FastifyContextConfig {
    rule?: Rule;
  }
  interface FastifyRequest {
    who: Who | undefined;
  }
}
