/** What a look at laptop, login node, scheduler and compute node comes to: one sentence each, with its consequence. */

export const PLACES = ['laptop', 'endpoint', 'login', 'cluster', 'node'] as const;
export type Place = (typeof PLACES)[number];

/** `broken` stops a launch; `warning` spoils or slows one; `note` is good to know. */
export const STATUSES = ['fine', 'note', 'warning', 'broken'] as const;
export type Status = (typeof STATUSES)[number];

export type Finding = {
  /** `login.limit-files`: never changes its meaning, for scripts */
  id: string;
  where: Place;
  status: Status;
  /** of what is fine a few words */
  sentence: string;
  /** what comes of it */
  consequence?: string;
  /** who can do what */
  mend?: string;
};

type Words = Pick<Finding, 'sentence' | 'consequence' | 'mend'>;

/** The findings of one place, by its own ids. */
export class Findings {
  readonly all: Finding[] = [];
  readonly #where: Place;

  constructor(where: Place) {
    this.#where = where;
  }

  fine(what: string, sentence: string): void {
    this.#add('fine', what, { sentence });
  }
  note(what: string, sentence: string, consequence?: string, mend?: string): void {
    this.#add('note', what, words(sentence, consequence, mend));
  }
  warning(what: string, sentence: string, consequence: string, mend: string): void {
    this.#add('warning', what, words(sentence, consequence, mend));
  }
  broken(what: string, sentence: string, consequence: string, mend: string): void {
    this.#add('broken', what, words(sentence, consequence, mend));
  }

  #add(status: Status, what: string, said: Words): void {
    this.all.push({ id: `${this.#where}.${what}`, where: this.#where, status, ...said });
  }
}

function words(sentence: string, consequence: string | undefined, mend: string | undefined): Words {
  return { sentence, ...(consequence ? { consequence } : {}), ...(mend ? { mend } : {}) };
}

export function stops(findings: readonly Finding[]): boolean {
  return findings.some(({ status }) => status === 'broken');
}
