/** The copy of the record on this machine: who else here could read it, or put another in its place. */
import { lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Tried } from '../sessions/audit.ts';
import type { SessionRecord } from '../sessions/records.ts';
import { localRecords } from './world.ts';

export function auditHere(record: SessionRecord): readonly Tried[] {
  const uid = process.getuid?.();
  if (uid === undefined)
    return [{ what: 'its copy of the record', result: 'not tried', seen: 'this system has no modes' }];
  const path = localRecords()
    .logPath(record.id)
    .replace(/\.log$/, '.json');
  return [privately(path, uid), privately(dirname(path), uid), replaceable(path, uid)];
}

function privately(path: string, uid: number): Tried {
  const { mode, uid: owner } = lstatSync(path);
  const shown = `mode ${(mode & 0o7777).toString(8).padStart(4, '0')}`;
  const wrong = owner !== uid || (mode & 0o077) !== 0;
  return {
    what: `into ${path}`,
    result: wrong ? 'open' : 'closed',
    seen: owner === uid ? shown : `${shown}, of uid ${owner}`,
  };
}

function replaceable(path: string, uid: number): Tried {
  const wrong: string[] = [];
  for (let at = dirname(path); ; at = dirname(at)) {
    const { mode, uid: owner } = lstatSync(at);
    const loose = (mode & 0o002) !== 0 && (mode & 0o1000) === 0;
    if (loose || (owner !== 0 && owner !== uid)) wrong.push(at);
    if (at === dirname(at)) break;
  }
  const what = 'another in its place';
  if (wrong.length > 0) return { what, result: 'open', seen: `others may write in ${wrong.join(', ')}` };
  return { what, result: 'closed', seen: 'no folder above it is writable by others' };
}
