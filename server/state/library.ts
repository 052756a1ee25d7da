/** better-sqlite3: compiled, and so an optional dependency, which may be missing where all the rest is there. */
import type Sqlite from 'better-sqlite3';
import { HpcbinderError } from '../../core/errors.ts';

// looked for once, when the state is first needed: opening is not to be a promise
const found: typeof Sqlite | Error = await import('better-sqlite3').then(
  (module) => module.default,
  (error: Error) => error,
);

/** @throws HpcbinderError E-STATE where it is not installed */
export function library(): typeof Sqlite {
  if (!(found instanceof Error)) return found;
  throw notThere(found);
}

/** Also where it is there and its compiled part does not load: built for another Node, or for another libc. */
export function notThere(cause: unknown): HpcbinderError {
  return new HpcbinderError('E-STATE', {
    message: 'the endpoint keeps its state in SQLite, and better-sqlite3 is not installed here or does not load',
    hint: 'Where python3, make and g++ are: `npm install -g hpcbinder` again, or `npm rebuild better-sqlite3` in its folder. The offline bundle has it.',
    cause,
  });
}
