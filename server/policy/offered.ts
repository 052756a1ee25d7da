/** A word of a link or form, held against what there is. */
import { type ErrorCode, HpcbinderError } from '../../core/errors.ts';
import { harmless, nearest } from '../../core/text.ts';

/** The word itself, where it is one of those that there are. */
export function oneOf<T extends string>(
  code: ErrorCode,
  what: string,
  word: string | undefined,
  among: readonly T[],
): T | undefined {
  if (word === undefined) return undefined;
  const found = among.find((one) => one === word);
  if (found !== undefined) return found;
  const near = nearest(word.slice(0, 100), among) ?? among[0];
  throw new HpcbinderError(code, {
    message: `this endpoint offers no ${what} "${harmless(word.slice(0, 100))}"`,
    hint: among.length === 0 ? `It offers none: leave ${what} out.` : `It offers: ${among.join(', ')}.`,
    ...(near === undefined ? {} : { instead: { [`--${what}`]: near } }),
  });
}
