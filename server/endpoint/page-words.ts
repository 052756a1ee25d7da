/**
 * What a launch tells is written for the command line, too: it names the flag that chooses otherwise. Here there is a form, so
 * the flags become the names of its fields. Pure; a text without flags stays as it is.
 */
import type { LaunchView } from '../../core/endpoint.ts';
import type { HpcbinderError } from '../../core/errors.ts';
import type { Progress } from '../../core/progress.ts';

const FIELDS: ReadonlyMap<string, string> = new Map([
  ['time', 'time'],
  ['cpus', 'cores'],
  ['mem', 'memory'],
  ['gpus', 'GPUs'],
  ['partition', 'partition'],
  ['queue', 'partition'],
  ['account', 'account'],
  ['qos', 'QOS'],
  ['app', 'app'],
  ['ref', 'branch, tag or commit'],
  ['fresh', 'a fresh copy'],
  ['idle', 'time without use'],
  ['bind', 'data'],
  ['cluster', 'cluster'],
]);
/** of which there are some, and not much */
const COUNTED: ReadonlySet<string> = new Set(['cpus', 'gpus']);

const FLAG = /--([a-z][a-z-]*[a-z])(?:[= ](?:[A-Z][A-Z:|]*|[0-9](?:[\w:.]*\w)?)(?![\w-]))?/g;
/** a flag alone in brackets says by which one something is chosen: on the page that field stands in the form */
const BRACKETS = / ?\((?:--[a-z-]+(?: [A-Z:]+| \d\w*)?(?:, | or )?)+\)/g;

export function inPageWords(text: string): string {
  return (
    text
      .replace(BRACKETS, '')
      // the endpoint's, not the reader's
      .replace(/\bthis machine\b/g, 'the login node')
      .replace(/ ?\(--gpus 0 for none\)/g, '; in the form 0 GPUs means none')
      .replace(/ ?\(end it: hpcbinder stop \w+\)/g, '; to end it, cancel the launch')
      .replace(/\b(?:`)?hpcbinder (?:stop|cancel) [\w-]+`?/g, 'Stop on the page of your sessions')
      .replace(/\b(?:`)?hpcbinder (?:open|status|list)(?: [\w-]+)?`?/g, 'the page of your sessions')
      .replace(/\b(?:`)?hpcbinder logs [\w-]+(?: --build)?`?/g, 'the log below')
      .replace(/\bask for less, with --time, --cpus, --mem or --gpus\b/g, 'ask for less time, cores, memory or GPUs')
      .replace(/\bless --(cpus|gpus)\b/g, (_, name: string) => `fewer ${FIELDS.get(name)}`)
      .replace(FLAG, (whole: string, name: string) => {
        const field = FIELDS.get(name);
        const value = /[= ]([0-9][\w:.]*)$/.exec(whole)?.[1];
        if (field === undefined)
          return value === undefined ? name.replaceAll('-', ' ') : `${name.replaceAll('-', ' ')} ${value}`;
        if (value === undefined) return field;
        return COUNTED.has(name) ? `${value} ${field}` : `${field} ${value}`;
      })
  );
}

/** Output of a build or a job is nobody's words but its own. */
export function eventInPageWords<T extends Progress>(event: T): T {
  if (event.type === 'log') return event;
  const { text } = event;
  const waiting = 'waiting' in event ? event.waiting : undefined;
  const { lever: _, ...rest } = waiting ?? { lever: undefined };
  return {
    ...event,
    ...(text === undefined ? {} : { text: inPageWords(text) }),
    ...(waiting ? { waiting: { ...rest, ...(waiting.change ? { change: inPageWords(waiting.change) } : {}) } } : {}),
  };
}

export function errorInPageWords({ code, message, hint }: HpcbinderError): NonNullable<LaunchView['error']> {
  return { code, message: inPageWords(message), ...(hint ? { hint: inPageWords(hint) } : {}) };
}
