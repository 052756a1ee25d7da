/**
 * What an implementation must offer; everything else (framing, the resident shell, files) is built on it once, so that
 * local, ssh2 and whatever follows behave the same.
 */
import type { Duplex, Readable, Writable } from 'node:stream';
import type { Ended } from '../core/command.ts';
import type { Endpoint, Link, PtySize, Watchable } from '../core/transport.ts';

/** A process that runs the constant remote command, not yet given its program. */
export interface RawProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** never rejects; `lost` when the wire broke before the other side told the end */
  readonly ended: Promise<Ended>;
  resize(size: PtySize): void;
  /** by the protocol; sshd does it since OpenSSH 7.9, and tells nobody where it does not */
  signal?(name: string): void;
  /** forgets it: streams end, `ended` settles. The process itself is ended by a signal, not by this. */
  close(): void;
}

export interface Wire extends AsyncDisposable {
  readonly name: string;
  /** how many commands may run at once, where that is more than an sshd allows a connection */
  readonly sessions?: number;
  /** a shell command of ours; HpcbinderError E-SSH-LOST (transient) where the link is not up */
  exec(shellCommand: string, how: { pty?: PtySize }): Promise<RawProcess>;
  connect(to: Endpoint): Promise<Duplex>;
  readonly link: Watchable<Link>;
  /** one attempt, now; may ask a person */
  reconnect(): Promise<void>;
  /** a login that is kept after its last user ends after so many seconds at most */
  keepAtMost?(seconds: number): Promise<void>;
}
