/** What the endpoint's admins see beside the sessions and launches of all. */
import type { User } from './asked.ts';
import type { LaunchView, SessionView } from './shown.ts';

/** An image as the endpoint's launches last met it; a store may have been cleared since. Times are ISO. */
export type ImageRow = {
  account: string;
  cluster: string;
  repository: string;
  commit: string;
  platform: string;
  key: string;
  bytes: number;
  builtAt: string;
  usedAt: string;
};

/** The making of an image: it waits for its turn, or a batch job of the account makes it. Times are ISO. */
export type BuildRow = {
  session: string;
  account: string;
  cluster: string;
  repository: string;
  state: 'waits' | 'builds' | 'made' | 'failed' | 'cut off';
  askedAt: string;
  begunAt?: string;
  endedAt?: string;
};

export type AuditLine = {
  at: string;
  account: string;
  action: string;
  session?: string;
  launch?: string;
  detail?: string;
};

/** Who has ever signed in: when first and last, and how many sessions (those that live, all that are kept) and logins are theirs. */
export type UserRow = User & { firstAt: string; lastAt: string; live: number; sessions: number; logins: number };

/** What admins see beside the sessions and launches of all. */
export type AdminView = {
  sessions: readonly SessionView[];
  /** those on their way first */
  launches: readonly LaunchView[];
  /** who signed in last first */
  users: readonly UserRow[];
  audit: readonly AuditLine[];
  /** on their way first, then the last that ended */
  builds: readonly BuildRow[];
  /** the largest first */
  images: readonly ImageRow[];
  /** as loaded: `key` by its path in the file (`limits.per_user`), and the line that set it; without a line it is the default */
  policy: {
    file: string;
    loadedAt: string;
    lines: readonly { key: string; value: string; line?: number }[];
    /** of a newer file that is wrong; what is shown is the one before */
    error?: string;
  };
  /** why no launch is accepted at present */
  drained?: string;
  announcement?: string;
};
