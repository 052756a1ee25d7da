/**
 * The site's own SSH login as a proof of who somebody is: asked and answered step by step, never used for anything else. The
 * transports room speaks it; the endpoint's sign-in shows the questions and forgets the answers.
 */

/** One question as the server put it; `secret`: what is typed is not shown. */
export type SiteQuestion = { text: string; secret: boolean };

export type SiteStep =
  /** `lines`: what the server says before, its banner too */
  | { step: 'asks'; lines: readonly string[]; questions: readonly SiteQuestion[] }
  /** it let the account in for what was answered; the connection is closed already */
  | { step: 'in' }
  /** it did not, or nothing was asked that would prove anything; `why` is for the audit log */
  | { step: 'refused'; why: string };

/** One login of one account: at most one try of each method that the server wants. */
export interface SiteAttempt {
  /**
   * The first step without answers; then one answer for each question of the step before. Throws E-SSH-UNREACHABLE (transient),
   * E-SSH-HOSTKEY (nothing was sent), E-SSH-AUTH (the server wants what a page cannot give).
   */
  next(answers?: readonly string[]): Promise<SiteStep>;
  /** Closes the connection, whatever it waits for. */
  close(): void;
}

export type SiteHost = {
  host: string;
  port: number;
  /** a known_hosts file: no other key of the host is believed */
  knownHosts: string;
};

export interface SiteLogin {
  /** Connects at the first `next`. `deadlineMs`: the attempt closes itself after so long. */
  begin(account: string, deadlineMs: number): SiteAttempt;
}

/** Throws E-SIGN-IN where the file has no key of the host, or is not to be trusted. */
export type OpenSiteLogin = (host: SiteHost) => SiteLogin;
