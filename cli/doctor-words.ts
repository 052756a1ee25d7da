/** `doctor`: its findings as a report of 80 columns: one line for what is fine, the rest with consequence and mend. */
import { harmless, wrap } from '../core/text.ts';
import { assumptionsInWords, judgeAssumptions } from '../sessions/doctor/assumptions.ts';
import { type Finding, PLACES, type Place, STATUSES, type Status } from '../sessions/doctor/finding.ts';
import { padTo } from './terminal.ts';

const COLUMNS = 80;
const HEAD = 12;

/** One line for what is fine, the rest with consequence and mend, by the machine that it is about. */
export function sections(findings: readonly Finding[], host: string): string[] {
  const titles: Readonly<Record<Place, string>> = {
    laptop: 'this machine',
    endpoint: 'this machine, for the endpoint',
    login: `login node ${host}`,
    cluster: 'scheduler',
    node: 'compute node',
  };
  return PLACES.flatMap((place) => {
    const here = findings.filter(({ where }) => where === place);
    return here.length === 0 ? [] : [titles[place], ...section(here), ''];
  });
}

export function report(findings: readonly Finding[], { name, host }: { name: string; host: string }): string {
  return `${[...sections(findings, host), ...summary(findings, name)].join('\n')}\n`;
}

function section(findings: readonly Finding[]): string[] {
  const fine = findings.filter(({ status }) => status === 'fine').map(({ sentence }) => harmless(sentence));
  const rest = findings.filter(({ status }) => status !== 'fine');
  const worst = [...rest].sort((a, b) => STATUSES.indexOf(b.status) - STATUSES.indexOf(a.status));
  return [
    ...(fine.length > 0 ? block('fine', fine.join(' · ')) : []),
    ...worst.flatMap(({ status, sentence, consequence, mend, id }) => [
      ...block(MARKS[status], `${harmless(sentence)} (${id})`),
      ...(consequence ? block('', harmless(consequence)) : []),
      ...(mend ? mend.split('\n').flatMap((line) => block('', harmless(line), '→ ')) : []),
    ]),
  ];
}

const MARKS: Readonly<Record<Status, string>> = { fine: 'fine', note: 'note', warning: 'warning', broken: 'BROKEN' };

function block(head: string, text: string, bullet = ''): string[] {
  return wrap(text, COLUMNS - HEAD - bullet.length).map(
    (line, at) => `${padTo(at === 0 ? `  ${head}` : '', HEAD)}${at === 0 ? bullet : ' '.repeat(bullet.length)}${line}`,
  );
}

function summary(findings: readonly Finding[], name: string): string[] {
  const count = (status: Status, one: string, many: string) => {
    const number = findings.filter((finding) => finding.status === status).length;
    return number === 0 ? [] : [`${number} ${number === 1 ? one : many}`];
  };
  const broken = count('broken', 'broken', 'broken');
  const rest = [...count('warning', 'warning', 'warnings'), ...count('note', 'note', 'notes')];
  const all = [...broken, ...rest].join(', ') || 'all fine';
  const stands = broken.length > 0 ? 'A launch would fail.' : 'Nothing stands in the way of a launch.';
  const assumed = `${assumptionsInWords(judgeAssumptions(findings, 'launch'))}.`;
  return [
    ...wrap(`${assumed[0]?.toUpperCase()}${assumed.slice(1)}`, COLUMNS),
    ...wrap(`${name}: ${all}. ${stands}`, COLUMNS),
  ];
}
