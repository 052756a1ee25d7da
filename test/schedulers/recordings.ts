/** Answers of a real scheduler, made by record.mjs beside them from the very questions that the tests ask. */
import { readFileSync } from 'node:fs';
import { expect } from '@jest/globals';
import type { Answer, CommandResult, Question } from '../../core/command.ts';
import type { JobRef, JobSpec } from '../../core/scheduler.ts';

export type Recording = {
  id?: string;
  argv: string[];
  env?: Record<string, string>;
  code: number;
  stdout: string;
  stderr: string;
};

type Jobs<Spec> = { owner: number; user: string; script: string; specs: Record<string, Spec> };

export function recordingsOf<Spec = JobSpec>(scheduler: string) {
  const folder = new URL(`../fixtures/${scheduler}/`, import.meta.url);
  const fixture = <T>(name: string): T => JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as T;
  const { specs, ...jobs } = fixture<Jobs<Spec>>('jobs');
  const ids = fixture<Record<string, JobRef>>('ids');
  const recording = (name: string) => fixture<Recording>(name);
  return {
    ...jobs,
    fixture,
    recording,
    recorded: (name: string): JobRef => known(ids[name], name),
    spec: (name: string): Spec => known(specs[name], name),
    /** Parses the recording, after making sure that it was made by this very command. */
    answered<T>(name: string, question: Question<T>): Answer<T> {
      const { argv, env, code, stdout, stderr } = recording(name);
      expect({ argv: question.command.argv, env: question.command.env }).toEqual({ argv, env });
      return question.parse(result(code, stdout, stderr));
    },
  };
}

function known<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`nothing is recorded as ${name}`);
  return value;
}

export function result(code: number, stdout = '', stderr = ''): CommandResult {
  const encode = (text: string) => new TextEncoder().encode(text);
  return { ended: { kind: 'exit', code }, stdout: encode(stdout), stderr: encode(stderr), truncated: false };
}

export function valueIn<T>(answer: Answer<T>): T {
  if (!answer.ok) throw answer.error;
  return answer.value;
}
