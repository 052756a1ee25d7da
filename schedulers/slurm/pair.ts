import type { Answer, Inquiry, Question } from '../../core/command.ts';

/** Two questions whose answers make one, with their types kept. */
export function pair<A, B, T>(
  a: Question<A>,
  b: Question<B>,
  join: (a: Answer<A>, b: Answer<B>) => Answer<T>,
): Inquiry<T> {
  return { questions: [a, b], combine: ([x, y]) => join(x as Answer<A>, y as Answer<B>) };
}
