/**
 * What the pages ask of the endpoint. All of it is already judged: a function gets the user, and answers with theirs alone. What
 * any of it throws goes to the endpoint's error handler.
 */
import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type {
  AdminView,
  Choices,
  LaunchEvent,
  LaunchView,
  LaunchWanted,
  SessionView,
  SoonerView,
  TokenView,
  User,
} from '../../core/endpoint.ts';
import type { AppName } from '../../core/session.ts';
import type { Fields } from './parts/fields.ts';

/** `xsrf`: bound to the login; every form carries it as `_xsrf`, every request that changes something as X-Xsrftoken. */
export type Visitor = { user: User; xsrf: string };

export type PagesDeps = {
  /** the endpoint's own address; its path stands before all of the pages' */
  base: URL;
  /** the site's name, in the head of each page */
  site: string;
  /** apps that policy has, for the badge maker */
  apps: readonly AppName[];
  /** origins that a form's answer may lead to: `https://*.binder.hpc.example.edu`, the sign-in's */
  formsTo: readonly string[];
  /** who has signed in with this browser; a token is for the API and opens no page */
  who(req: IncomingMessage): Visitor | undefined;
  /** the address of the sign-in that comes back to `next`, a path of ours */
  signIn(next: string): string;
  announcement(): string | undefined;
  /** why no launch is accepted; '' where no reason was given; undefined: they are accepted */
  drained(): string | undefined;
  /** may users put off the end for idleness? */
  mayTouch(): boolean;
  retentionDays(): number;
  liveCount(user: User): number;
  /** a link as the link's grammar has it; `ignored`: names of its parameters that mean nothing here. Throws E-LINK */
  link(url: URL): { wanted: LaunchWanted; ignored: readonly string[] };
  /** what the form offers; the cluster as asked, else where the data are, else policy's default. Answers within a second, without `offers` if it must */
  choices(user: User, asked: Pick<LaunchWanted, 'cluster' | 'data'>): Promise<Choices>;
  /** undefined for what is not theirs: a foreign id is one that does not exist (SECURITY WEB-02) */
  launch(user: User, id: string): LaunchView | undefined;
  /** newest first */
  launches(user: User): readonly LaunchView[];
  /** from the beginning */
  events(user: User, launch: string): readonly LaunchEvent[];
  /** what would start sooner, where it was asked a moment ago */
  sooner(user: User, launch: string): SoonerView | undefined;
  /** newest first, ended ones too as long as they are kept; from what is known, without asking the cluster */
  sessions(user: User): Promise<readonly SessionView[]>;
  /** the job's output; undefined where there is no such session of theirs */
  log(user: User, session: string): Promise<{ shown: string; text: string } | undefined>;
  tokens(user: User): readonly TokenView[];
  /** hosts for whose private repositories the user has kept a token */
  repositoryTokens(user: User): Promise<readonly { host: string; user: string }[]>;
  /** only asked for users with the role */
  admin(user: User): Promise<AdminView>;
};

/** What is shown of an error: `code` as in docs/errors.md. */
export type Refusal = { status: number; code: string; message: string; hint?: string };

/** Pages that answer a POST or stand for an error: the endpoint calls them where a redirect will not do. */
export type Pages = {
  /** the form again, with what was typed and why it was refused */
  launchAgain(req: FastifyRequest, reply: FastifyReply, fields: Fields, refusal: Refusal): Promise<FastifyReply>;
  /** `made`: the new token in full, shown this once */
  tokens(req: FastifyRequest, reply: FastifyReply, how: { made?: string; refusal?: Refusal }): FastifyReply;
  repositories(req: FastifyRequest, reply: FastifyReply, refusal: Refusal): Promise<FastifyReply>;
  /** any error as a document; the one who answers sets the status */
  errorPage(req: FastifyRequest, refusal: Refusal): string;
};
