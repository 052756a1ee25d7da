/** `logs`: what a launch, its job and its app said; also of what never became a job. */
import type { Cluster } from '../core/cluster.ts';
import { textOf } from '../core/command.ts';
import { matchIds } from '../core/ids.ts';
import { SERVER_LOG } from '../core/scheduler.ts';
import { plainText } from '../core/text.ts';
import { readAll } from '../core/transport.ts';
import type { LocalRecords } from '../sessions/local.ts';
import type { SessionRecord } from '../sessions/records.ts';
import { failures } from './failure-log.ts';
import { disposable, findLocal } from './find.ts';
import { refreshed } from './refresh.ts';
import { localRecords } from './world.ts';

type Flags = Record<string, unknown>;

/** A terminal must not obey what a build or an app printed; a pipe gets the bytes. */
function readable(text: string): string {
  return process.stdout.isTTY ? plainText(text) : text;
}

/** The story of the one launch that fits and has no record. */
function storyAlone(text: string, records: LocalRecords): string | undefined {
  const recorded = new Set(records.all().map((record) => record.id));
  const ids = matchIds(text, [...new Set([...recorded, ...records.stories()])]);
  const id = ids.length === 1 ? ids[0] : undefined;
  return id === undefined || recorded.has(id) ? undefined : records.log(id);
}

/** The newest on this machine: of a launch, or what failed without one. */
function newest(records: LocalRecords): { id: string } | { text: string } | undefined {
  const [latest] = records
    .stories()
    .map((id) => ({ id, at: records.toldAt(id) }))
    .sort((a, b) => b.at - a.at);
  const failed = failures();
  return failed && failed.at > (latest?.at ?? 0) ? failed : latest;
}

export async function logs(wanted: string | undefined, flags: Flags): Promise<number> {
  const records = localRecords();
  const found = wanted === undefined ? newest(records) : { id: wanted };
  if (found === undefined || 'text' in found) {
    process.stdout.write(readable(found?.text ?? 'nothing was written down yet\n'));
    return 0;
  }
  const { id } = found;
  const never = storyAlone(id, records);
  if (never !== undefined) {
    process.stdout.write(readable(never));
    return 0;
  }
  const record = findLocal(id);
  const story = records.log(record.id);
  if (flags.build || !record.jobId) {
    process.stdout.write(readable(story ?? `nothing was written down of ${record.id}\n`));
    return 0;
  }
  await using cluster = await disposable(record);
  const ofJob = ['job.log', SERVER_LOG, 'agent.log'];
  const names = flags.app ? ['app.log'] : flags.job ? ofJob : [...ofJob, 'app.log'];
  if (!flags.app && !flags.job && story) process.stdout.write(readable(story));
  const offsets = new Map<string, number>();
  for (;;) {
    for (const name of names) await more(cluster.value, record, name, offsets, names.length > 1);
    if (!flags.follow) return 0;
    const now = await refreshed(cluster.value, record);
    if (now.phase === 'ended') return 0;
    await new Promise((resolve) => setTimeout(resolve, 2_000));
  }
}

async function more(
  cluster: Cluster,
  record: SessionRecord,
  name: string,
  offsets: Map<string, number>,
  head: boolean,
): Promise<void> {
  const path = `${record.directory}/${name}`;
  const from = offsets.get(name) ?? 0;
  const part = await readAll({ read: (p) => cluster.transport.read(p, { offset: from }) }, path, 16 << 20);
  if (!part || part.length === 0) return;
  if (head && from === 0) process.stdout.write(`== ${name}\n`);
  offsets.set(name, from + part.length);
  process.stdout.write(readable(textOf(part)));
}
