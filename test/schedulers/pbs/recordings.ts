/** Answers of a real OpenPBS 23.06 (docs/pbs.md). */
import type { Question } from '../../../core/command.ts';
import type { JobRef, JobSpec } from '../../../core/scheduler.ts';
import { pbs } from '../../../schedulers/pbs/index.ts';
import { type Recording, recordingsOf, result } from '../recordings.ts';

export { result, valueIn } from '../recordings.ts';

const all = recordingsOf<Pick<JobSpec, 'tag' | 'request'>>('pbs');
export const { user, script, fixture, recorded, recording, answered } = all;
export const scheduler = pbs({ user });
export const UNKNOWN: JobRef = { id: '9999999.login', tag: 'hb-nosuchjob0' };

export function spec(name: string): JobSpec {
  return { directory: script.replace(/\/[^/]*$/, ''), comment: 'hpcbinder 0', log: 'job.log', ...all.spec(name) };
}

/** An answer to another way to ask, of another site: words and numbers are what counts. */
export function parsedAs<T>(name: string, question: Question<T>) {
  const { code, stdout, stderr } = fixture<Recording>(`shared/${name}`);
  return question.parse(result(code, stdout, stderr));
}
