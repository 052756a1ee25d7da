/** What goes wrong on a wire, in words. */
import { HpcbinderError } from '../core/errors.ts';
import { harmless } from '../core/text.ts';
import type { Endpoint } from '../core/transport.ts';

export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** RFC 4254 section 5.1: why a channel was not opened, as both transports put it on their errors. */
const PROHIBITED = 1;

function reasonOf(cause: unknown): unknown {
  return cause instanceof Error ? (cause as Error & { reason?: unknown }).reason : undefined;
}

/** The site's sshd makes no tunnels at all. */
export function isForbidden(error: unknown): boolean {
  return error instanceof HpcbinderError && error.code === 'E-AGENT' && reasonOf(error.cause) === PROHIBITED;
}

/**
 * Nothing answered at that place: a firewall, most likely. A port where nobody listens has answered; sshd's bare "open
 * failed" is a way that its kernel has not.
 */
export function isUnreached(error: unknown): boolean {
  if (!(error instanceof HpcbinderError)) return false;
  return error.code === 'E-SSH-LOST' || (error.code === 'E-AGENT' && !/refused/i.test(error.evidence.join()));
}

/** A tunnel that did not open: the agent's port is closed, or the login node forbids tunnels. */
export function agentFault(to: Endpoint, by: string, cause: unknown): HpcbinderError {
  const where = 'socketPath' in to ? to.socketPath : `${to.host}:${to.port}`;
  const said = harmless(messageOf(cause));
  if (reasonOf(cause) === PROHIBITED) {
    return new HpcbinderError('E-AGENT', {
      message: `${by} forbids tunnels: no connection to ${where} (administratively prohibited)`,
      hint: 'Its sshd has AllowTcpForwarding or PermitOpen set against it. Ask the site, or run hpcbinder on the login node itself.',
      evidence: [said],
      cause,
    });
  }
  return new HpcbinderError('E-AGENT', {
    message: `no connection to ${where} from ${by}`,
    evidence: [said],
    transient: true,
    cause,
  });
}

/** sshd opened no session at all: so many are open already (MaxSessions), by us or by others over the same connection. */
export function isSessionRefused(error: unknown): boolean {
  const cause = error instanceof HpcbinderError && error.code === 'E-REMOTE-SHELL' ? error.cause : undefined;
  return cause !== undefined && /open fail|resource shortage/i.test(messageOf(cause));
}

/** A session that sshd did not open: no terminals there (PermitTTY), no more sessions (MaxSessions), or the line broke. */
export function sessionFault(by: string, cause: unknown): HpcbinderError {
  const said = harmless(messageOf(cause));
  if (/not connected|no response|keepalive/i.test(said)) {
    return new HpcbinderError('E-SSH-LOST', { message: `the connection to ${by} broke`, transient: true, cause });
  }
  return new HpcbinderError('E-REMOTE-SHELL', {
    message: `${by} opens no ${/pseudo-terminal|pty/i.test(said) ? 'terminal' : 'session'} for a command`,
    hint: 'Its sshd forbids it, or has too many open for this connection (PermitTTY, MaxSessions). Ask the site.',
    evidence: [said],
    cause,
  });
}
