/** Thrown where the system's OpenSSH can go on; shown where there is none, or it is not wanted. */
import { HpcbinderError } from '../../core/errors.ts';

/** What OpenSSH is there for: what ssh2 can't do; `keeps`: also logins that need a person, which it can keep. */
export type Openssh = 'can' | 'keeps';

export class OnlyOpenssh extends HpcbinderError {}
