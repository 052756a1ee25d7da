/** Answers of a real Slurm 24.11, made by test/fixtures/slurm/record.mjs from the very questions that the tests ask. */
import { readFileSync } from 'node:fs';
import { expect } from '@jest/globals';
import type { Answer, CommandResult, Question } from '../../../core/command.ts';
import type { JobRef, JobSpec } from '../../../core/scheduler.ts';

const folder = new URL('../../fixtures/slurm/', import.meta.url);

type Recording = {
  id?: string;
  argv: string[];
  env?: Record<string, string>;
  code: number;
  stdout: string;
  stderr: string;
};

export function fixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as T;
}

const jobs = fixture<{ owner: number; user: string; script: string; specs: Record<string, JobSpec> }>('jobs');
export const { owner, user, script } = jobs;
const ids = fixture<Record<string, JobRef>>('ids');

export function recorded(name: string): JobRef {
  const found = ids[name];
  if (found === undefined) throw new Error(`no job ${name}`);
  return found;
}

export const UNKNOWN: JobRef = { id: '99999999', tag: 'hb-nosuchjob0' };

export function spec(name: string): JobSpec {
  const found = jobs.specs[name];
  if (found === undefined) throw new Error(`no spec ${name}`);
  return found;
}

export function recording(name: string): Recording {
  return fixture<Recording>(name);
}

export function result(code: number, stdout = '', stderr = ''): CommandResult {
  const encode = (text: string) => new TextEncoder().encode(text);
  return { ended: { kind: 'exit', code }, stdout: encode(stdout), stderr: encode(stderr), truncated: false };
}

/** Parses the recording, after making sure that it was made by this very command. */
export function answered<T>(name: string, question: Question<T>): Answer<T> {
  const { argv, env, code, stdout, stderr } = recording(name);
  expect({ argv: question.command.argv, env: question.command.env }).toEqual({ argv, env });
  return question.parse(result(code, stdout, stderr));
}

export function valueIn<T>(answer: Answer<T>): T {
  if (!answer.ok) throw answer.error;
  return answer.value;
}
