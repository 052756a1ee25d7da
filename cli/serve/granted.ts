/** What policy granted → the words of a launch, which are checked as a person's are. Pure. */
import type { LaunchGranted } from '../../core/endpoint.ts';
import { durationWord } from '../../core/units.ts';

export function wordsOf(granted: LaunchGranted): Record<string, unknown> {
  const { partition, seconds, cpus, memoryMb, gpus, gpuType, account, qos, app, repo, binds } = granted;
  const words: Record<string, string | undefined> = {
    partition,
    account,
    qos,
    app,
    ref: repo.ref,
    time: seconds === undefined ? undefined : durationWord(seconds),
    cpus: cpus === undefined ? undefined : String(cpus),
    mem: memoryMb === undefined ? undefined : `${memoryMb}M`,
    gpus: gpus === undefined ? undefined : gpuType === undefined ? String(gpus) : `${gpuType}:${gpus}`,
    idle: durationWord(granted.idleSeconds),
    maxAge: granted.maxAgeSeconds === undefined ? undefined : durationWord(granted.maxAgeSeconds),
  };
  const given = Object.entries(words).filter(([, word]) => word !== undefined);
  return {
    ...Object.fromEntries(given),
    bind: binds.map(({ from, to }) => `${from}:${to}:ro`),
    fresh: granted.fresh === true,
    // a click on the page is the confirmation, and nothing is ever built where `serve` runs
    yes: true,
    buildOn: 'cluster',
  };
}
