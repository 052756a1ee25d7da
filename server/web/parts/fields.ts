/** The launch form's fields and what they mean. Pure; the server reads a posted form by it, the browser what is being typed. */
import type { LaunchWanted } from '../../../core/endpoint.ts';
import { HpcbinderError } from '../../../core/errors.ts';
import { durationWord, memoryWord, parseDuration, parseMemory } from '../../../core/units.ts';
import { fromInput } from '../../links/input.ts';
import { targetPath } from '../../links/target.ts';
import { typedOf } from './shown.ts';

/** As a form sends them: one value or several of a name. */
export type Fields = Readonly<Record<string, unknown>>;

/** Throws E-USAGE or E-LINK in words for the page. An empty field asks for nothing: policy's default holds. */
export function wantedOf(fields: Fields): LaunchWanted {
  const text = (name: string) => {
    const value = fields[name];
    return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
  };
  const count = (name: string, least: number) => {
    const value = text(name);
    if (value === undefined) return undefined;
    if (!/^[0-9]{1,6}$/.test(value) || Number(value) < least) {
      throw new HpcbinderError('E-USAGE', {
        message: `${name}: "${value.slice(0, 40)}" is no number of at least ${least}`,
      });
    }
    return Number(value);
  };
  const [ref, time, memory, idle] = [text('ref'), text('time'), text('memory'), text('idle')];
  const path = text('path');
  const chosen = fields.data;
  const data = (Array.isArray(chosen) ? chosen : [chosen]).filter((name) => typeof name === 'string' && name !== '');
  const found: { [Name in keyof LaunchWanted]: LaunchWanted[Name] | undefined } = {
    // whether http:// is served is policy's word
    ...fromInput(text('repo') ?? '', { http: true, ...(ref === undefined ? {} : { ref }) }),
    cluster: text('cluster'),
    partition: text('partition'),
    seconds: time === undefined ? undefined : parseDuration(time),
    cpus: count('cpus', 1),
    memoryMb: memory === undefined ? undefined : parseMemory(memory),
    gpus: count('gpus', 0),
    gpuType: text('gpuType'),
    account: text('account'),
    qos: text('qos'),
    app: text('app') as LaunchWanted['app'],
    path: path === undefined ? undefined : targetPath({ urlpath: path }),
    data: data.length > 0 ? data : undefined,
    fresh: fields.fresh === 'on' ? true : undefined,
    idleSeconds: idle === undefined ? undefined : parseDuration(idle),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)) as LaunchWanted;
}

/** What the form's fields begin with. */
export function fieldsOf(wanted: Partial<LaunchWanted>): Readonly<Record<string, string>> {
  const { provider, spec, seconds, memoryMb, cpus, gpus } = wanted;
  return {
    ...(provider !== undefined && spec !== undefined ? typedOf({ provider, spec }) : { repo: '', ref: '' }),
    time: seconds === undefined ? '' : durationWord(seconds),
    memory: memoryMb === undefined ? '' : memoryWord(memoryMb),
    cpus: cpus === undefined ? '' : String(cpus),
    gpus: gpus === undefined ? '' : String(gpus),
    gpuType: wanted.gpuType ?? '',
    partition: wanted.partition ?? '',
    account: wanted.account ?? '',
    qos: wanted.qos ?? '',
    app: wanted.app ?? '',
    idle: wanted.idleSeconds === undefined ? '' : durationWord(wanted.idleSeconds),
    path: wanted.path ?? '',
  };
}
