/** What the system's ssh said before it gave up, as one of our errors. Pure. */
import { HpcbinderError } from '../../core/errors.ts';
import { harmless, lastLines } from '../../core/text.ts';

const UNREACHABLE: readonly (readonly [RegExp, string])[] = [
  [/Temporary failure in name resolution/i, 'DNS does not answer'],
  [/Could not resolve hostname/i, 'no such name in DNS'],
  [/Connection refused/i, 'nothing listens there'],
  [/timed out|Operation in progress/i, 'no answer'],
  [/No route to host|Network is unreachable/i, 'there is no way to it'],
  [/Connection (?:closed|reset)|kex_exchange_identification|Broken pipe/i, 'it closed the connection'],
  [/open failed|stdio forwarding failed/i, 'the jump host does not reach it'],
];

/** `said`: what came from ssh until its end. `person`: somebody was there to answer. */
export function loginFault(name: string, said: string, how: { person: boolean; host: string }): HpcbinderError {
  const evidence = lastLines(said, 12).map(harmless);
  if (/HOST IDENTIFICATION HAS CHANGED|REVOKED HOST KEY|is revoked|revoked host key/i.test(said)) {
    const offending = /(?:Offending .* key|key) in (\S+:\d+)/.exec(said)?.[1];
    return new HpcbinderError('E-SSH-HOSTKEY', {
      message: /revoked/i.test(said)
        ? `the key of ${name} is revoked`
        : `the host key of ${name} has changed${offending === undefined ? '' : `: it is not the one in ${offending}`}`,
      hint: /revoked/i.test(said)
        ? 'Do not connect; ask the site.'
        : 'Someone may be listening in between, or the site has new keys. Compare the fingerprint with what the site publishes.',
      evidence,
    });
  }
  if (/Host key verification failed/i.test(said)) {
    return new HpcbinderError('E-SSH-HOSTKEY', {
      message: `the host key of ${name} is not known here`,
      hint: how.person
        ? 'You did not accept it. Nothing was sent.'
        : `Connect once by hand and compare the fingerprint with what the site publishes:\nssh ${how.host}`,
      evidence,
    });
  }
  if (/Permission denied|Too many authentication failures|No more authentication methods/i.test(said)) {
    const takes = /Permission denied \(([a-z,-]+)\)/.exec(said)?.[1];
    return new HpcbinderError('E-SSH-AUTH', {
      message: `${name} refused the login${takes === undefined ? '' : `; the server takes ${takes.replaceAll(',', ', ')}`}`,
      hint: how.person
        ? `Does this work: ssh ${how.host} true`
        : 'The server wants to ask you something: run this in a terminal.',
      evidence,
    });
  }
  const why = UNREACHABLE.find(([pattern]) => pattern.test(said))?.[1];
  if (why !== undefined) {
    return new HpcbinderError('E-SSH-UNREACHABLE', {
      message: `${how.host} cannot be reached: ${why}`,
      hint: 'Is the name right, is the network there, is a VPN needed?',
      evidence,
      transient: true,
    });
  }
  return new HpcbinderError('E-SSH-AUTH', {
    message: `ssh did not log in to ${name}`,
    hint: `Does this work: ssh ${how.host} true`,
    evidence: evidence.length > 0 ? evidence : ['it said nothing'],
  });
}
