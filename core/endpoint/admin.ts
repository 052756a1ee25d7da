/** What the endpoint's admins see beside the sessions and launches of all. */
import type { LaunchView, SessionView } from './shown.ts';

export type AuditLine = {
  at: string;
  account: string;
  action: string;
  session?: string;
  launch?: string;
  detail?: string;
};

/** What admins see beside the sessions and launches of all. */
export type AdminView = {
  sessions: readonly SessionView[];
  launches: readonly LaunchView[];
  audit: readonly AuditLine[];
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
