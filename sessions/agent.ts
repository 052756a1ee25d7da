/** The files that every job of ours is: the constant script, the agent, joined from its parts into one Python file, and the page's. */
import { readFileSync } from 'node:fs';

/** Each may use those before it. */
export const AGENT_PARTS = [
  'base',
  'work_files',
  'work_archive',
  'work_claim',
  'work_merge',
  'work',
  'node',
  'reach',
  'image',
  'inside',
  'container',
  'use',
  'gpus',
  'kind',
  'jupyter',
  'shiny',
  'rstudio',
  'app',
  'loop',
  'listener',
  'splice',
  'audit_ports',
  'audit',
  'control',
  'stream_core',
  'stream_carried',
  'streams',
  'shell',
  'lock',
  'pipes',
  'notices',
  'main',
  'entry',
] as const;

function part(name: string): string {
  return readFileSync(new URL(`agent/${name}`, import.meta.url), 'utf8');
}

/** Python >= 3.6, standard library only. */
export function agentSource(): string {
  return AGENT_PARTS.map((name) => `${part(`${name}.py`).trimEnd()}\n`).join('\n\n');
}

/** The agent's look at its own host, as a program for another: JSON on stdin, a list as JSON on stdout. */
export function auditProgram(): string {
  return `${part('audit_ports.py')}\n${part('audit.py')}\nimport sys\njson.dump(Audit(json.load(sys.stdin)).run(), sys.stdout)\n`;
}

/** What the app's page runs, to save before the end: served by the app itself as an extension of JupyterLab. */
export function pageScript(): string {
  return part('page.js');
}

/** The same bytes for every session: no value of anybody is in it (SECURITY R2). */
export function jobScript(): string {
  return part('job.sh');
}
