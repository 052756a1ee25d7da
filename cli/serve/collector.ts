/**
 * Objects of a request are to be made where young ones are. V8 watches which places in the code make objects that outlive a few
 * collections, and has those places make old ones from then on ("pre-tenuring", wingolog.org/archives/2026/01/05/pre-tenuring-in-v8).
 * While a proxy starts and opens its connections nearly all objects live on; so in three of eight starts V8 took the wrong lesson:
 * each request left some old objects, those held all the young ones of their request until the next full collection, and the small
 * collections took 5 ms instead of 1.2. To have none of it costs nothing that was to be seen.
 */
import { setFlagsFromString } from 'node:v8';

/** For the process, at its start: what is compiled before keeps what it learned. */
export function makeYoungObjectsOnly(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}
