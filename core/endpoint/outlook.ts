/** What a launch would meet, and what would let a waiting one start sooner: asked before a click, and decided by nobody but it. */
import type { ResourceRequest } from '../scheduler.ts';
import type { KeptSession, LaunchGranted, User } from './asked.ts';

/** When the scheduler would start it. Without `at` nobody knows; `refused`: it takes no such job, and why. */
export type StartView = {
  /** epoch seconds */
  at?: number;
  by: 'scheduler' | 'free nodes';
  refused?: string;
};

/** Of the user's own image store, as far as the endpoint's launches know it. */
export type ImageView = {
  /** `earlier`: of another commit; it is taken where the environment is the same */
  state: 'ready' | 'earlier' | 'none';
  /** ISO */
  builtAt?: string;
  bytes?: number;
  /** how long builds took here lately, the middle one */
  buildSeconds?: number;
};

/** `POST /api/v1/forecast`. `notes`: what policy would cut. */
export type Forecast = { notes: readonly string[]; start?: StartView; image?: ImageView };

/** What another shape of a waiting job asks for. */
export type ShapeWanted = Pick<ResourceRequest, 'seconds' | 'cpus' | 'memoryMb' | 'gpus'> &
  Pick<Partial<ResourceRequest>, 'partition' | 'gpuType'>;

/** `2 h on gpu-short`, and when it would start. */
export type ShapeView = StartView & { words: string; shape: ShapeWanted };

/** `POST /api/v1/launches/:id/sooner`. `others`: those that start sooner, the soonest first. */
export type SoonerView = {
  /** epoch seconds */
  askedAt: number;
  own: ShapeView;
  others: readonly ShapeView[];
  /** how many were asked about */
  asked: number;
  /** the scheduler changes a waiting job in place */
  canChange: boolean;
};

/** What a launch tells of its image on its way, for those who ask before the next one. Times are ISO. */
export type ImageNews =
  | {
      type: 'image';
      commit: string;
      platform: string;
      key: string;
      bytes: number;
      builtAt: string;
    }
  | { type: 'build'; state: 'waits' | 'builds' | 'made' | 'failed' };

/** All of it as the user; each call has its own deadline. */
export interface Outlook {
  start(user: User, granted: LaunchGranted, signal: AbortSignal): Promise<StartView>;
  /** is there a sound image under this key in the user's store? Its content is not read */
  holds(user: User, cluster: string, key: string, signal: AbortSignal): Promise<boolean>;
  /** at most six other shapes, one question a second */
  sooner(user: User, record: KeptSession, signal: AbortSignal): Promise<SoonerView>;
  /** the job waits on as that; undefined: it began meanwhile. Throws the scheduler's refusal, with nothing changed */
  reshape(user: User, record: KeptSession, shape: ShapeWanted): Promise<KeptSession | undefined>;
}
