/** Host → session: the table by which a request finds its job. In memory only, rebuilt from the session records. */
import type { Agent, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { SessionAccess } from './access.ts';
import type { OpenPages } from './open-pages.ts';

export type RouteState = 'starting' | 'ready' | 'suspended' | 'lost' | 'ended';

/** What our own pages say of a session; plain text, escaped where it is shown. */
export type PageWords = {
  /** `org/repo @ 4f1c2ab` */
  repo: string;
  /** `login.hpc.edu:~/hpcbinder/github.com/org/repo` */
  work: string;
  /** the command that goes on with it later */
  relaunch: string;
  /** at an endpoint: the address of the page of one's sessions, which is offered instead of commands */
  home?: string;
  /** one sentence, present once the session has ended */
  ended?: string;
};

export type Route = {
  /** `hb-` + 10 of a-z0-9 */
  sessionId: string;
  /** the session whose name and cookie the origin has, where it is a former one that this one goes on from */
  originId?: string;
  /**
   * A TLS stream on which the job's agent has proven itself, ALPN `http/1.1`. Called for every new connection, so
   * that whoever took over a dead agent's port never sees a byte (SECURITY NET-02).
   */
  connectApp: () => Promise<Duplex>;
  /** The same for a WebSocket: a stream that outlives a cut of the tunnel. Where there is none, `connectApp`. */
  openStream?: () => Promise<Duplex>;
  /** the app's own token: goes upstream, never to the browser */
  appToken: string;
  /** 32 bytes hex, of the session record */
  cookieKey: string;
  state: () => RouteState;
  words: () => PageWords;
};

/** One accepted Host value. The same session has several on a laptop: its own name, and the loopback address. */
export type Door = {
  route: Route;
  /** the only Origin that may act here */
  origin: string;
  /** set where cookies are shared with other ports: the session's own, isolated origin, which is offered first */
  better?: string;
  access: SessionAccess;
  pages: OpenPages;
  /** begins the path of each request, ends with a slash, and is taken off for an app that does not know of it */
  below?: string;
  /** keeps connections to the app */
  agent: Agent;
  /** makes one for each WebSocket */
  streams: Agent;
};

/** By the exact value of the Host header; where all sessions share one, by the path too. */
export type FindDoor = (req: IncomingMessage) => Door | undefined;
