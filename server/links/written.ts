/** A launch link as text. Apart from its reading, for the badge maker in the browser writes links and reads none. */
import type { LaunchWanted } from '../../core/endpoint.ts';
import { durationWord, memoryWord } from '../../core/units.ts';
import { checkProvider, type Provider } from './spec.ts';

/** Parts of the path that hold the repository, each for itself. */
export const REPO_PARTS: Readonly<Record<Provider, number>> = { gh: 2, gist: 2, gl: 1, git: 1 };
/** `v2/gh/org/repo/HEAD?urlpath=…&gpus=1`: the link by which the same is wanted; relative to the endpoint's base. */
export function linkOf(wanted: LaunchWanted): string {
  const fixed = REPO_PARTS[checkProvider(wanted.provider)];
  const parts = wanted.spec.split('/');
  const encoded = wanted.provider === 'gl' || wanted.provider === 'git';
  const path = parts.map((part, index) => (encoded && index < fixed ? part : encodeURIComponent(part)));
  const query = new URLSearchParams();
  const set = (key: string, value: string | undefined) => (value === undefined ? undefined : query.set(key, value));
  set('cluster', wanted.cluster);
  set('partition', wanted.partition);
  if (wanted.gpus !== undefined)
    set('gpus', wanted.gpuType === undefined ? `${wanted.gpus}` : `${wanted.gpuType}:${wanted.gpus}`);
  set('cpus', wanted.cpus?.toString());
  set('mem', wanted.memoryMb === undefined ? undefined : memoryWord(wanted.memoryMb));
  set('time', wanted.seconds === undefined ? undefined : durationWord(wanted.seconds));
  set('idle', wanted.idleSeconds === undefined ? undefined : durationWord(wanted.idleSeconds));
  set('app', wanted.app);
  set('data', wanted.data?.join(','));
  set('urlpath', wanted.path);
  const tail = query.toString();
  return `v2/${wanted.provider}/${path.join('/')}${tail === '' ? '' : `?${tail}`}`;
}
