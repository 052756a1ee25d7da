import { HpcbinderError } from '../core/errors.ts';
import { cutMiddle } from '../core/text.ts';
import { duration, size } from '../core/units.ts';
import { type Cleared, clear } from '../sessions/storage/clear.ts';
import { decide, type Verdict } from '../sessions/storage/decide.ts';
import { inventoryOf, KINDS } from '../sessions/storage/inventory.ts';
import { loadConfig } from './config-file.ts';
import type { Flags } from './flags.ts';
import { limitsOf, shortKey, summed } from './images-words.ts';
import { Interrupts } from './interrupts.ts';
import { Moving } from './moving.ts';
import { CUT, confirm, plain, table } from './terminal.ts';
import { withCluster } from './with-cluster.ts';

/** Rows of one kind and reason that are written out; the rest is counted. */
const ROWS = 20;

export function gc(flags: Flags): Promise<number> {
  if (flags.local) return import('./images-local.ts').then(({ gcLocal }) => gcLocal(flags));
  return withCluster(flags, 'images gc --cluster USER@HOST', async (cluster, choice) => {
    const { profile } = cluster;
    const interrupts = new Interrupts();
    using moving = new Moving({ quiet: flags.json === true });
    try {
      const { signal } = interrupts;
      const limits = limitsOf(flags, loadConfig(), choice.entry);
      const on = (count: number) => moving.tell(`looking at ${profile.host}: ${count} found`);
      const verdicts = decide(await inventoryOf(cluster, { on, signal }), limits, profile.imageStore);
      moving[Symbol.dispose]();
      const going = verdicts.filter((one) => one.goes);
      if (flags.json && flags.dryRun) return json(verdicts, undefined);
      if (!flags.json) process.stdout.write(verdicts.length === 0 ? '' : `${verdictTable(verdicts)}\n`);
      if (going.length === 0) {
        if (flags.json) return json(verdicts, { count: 0, bytes: 0, kept: [], left: [] });
        process.stderr.write(
          plain(
            `nothing goes: the limit is ${duration(limits.maxAgeSeconds)} without use (--max-age), ${limits.maxBytes ? size(limits.maxBytes) : 'any size'} (--max-size)\n`,
          ),
        );
        return 0;
      }
      if (flags.dryRun) {
        process.stderr.write(plain(`${summed(going)} would go; nothing was done\n`));
        return 0;
      }
      await confirm(`Remove ${summed(going)} on ${profile.host}?`, { yes: flags.yes === true, flag: '--yes' });
      const tell = (done: number, bytes: number) => moving.tell(`${done} of ${going.length} removed, ${size(bytes)}`);
      const cleared = await clear(cluster, going, { on: tell, signal });
      moving[Symbol.dispose]();
      if (flags.json) return json(verdicts, cleared);
      for (const { name, why } of cleared.kept.slice(0, ROWS))
        process.stderr.write(plain(`kept      ${name}: ${why}\n`));
      process.stderr.write(plain(`removed   ${cleared.count} of ${going.length}, ${size(cleared.bytes)} freed\n`));
      return 0;
    } catch (error) {
      if (interrupts.aborted)
        throw new HpcbinderError('E-CANCELLED', {
          message: 'stopped half-way: what was removed is removed, gc again goes on',
        });
      throw error;
    } finally {
      interrupts.dispose();
    }
  });
}

function json(verdicts: readonly Verdict[], done: Cleared | undefined): number {
  const plan = verdicts.map(({ kind, name, bytes, usedAt, goes, why }) => ({ kind, name, bytes, usedAt, goes, why }));
  process.stdout.write(`${JSON.stringify({ plan, ...(done ? { removed: done } : {}) })}\n`);
  return 0;
}

/** What goes first, the largest of it on top; of many alike a few, and how many more. */
export function verdictTable(verdicts: readonly Verdict[]): string {
  const shown = (kind: string, name: string) => (kind === 'image' ? shortKey(name) : cutMiddle(name, 44, CUT));
  const rows: string[][] = [];
  for (const goes of [true, false]) {
    for (const kind of KINDS) {
      const all = verdicts.filter((one) => one.goes === goes && one.kind === kind);
      const sorted = [...all].sort((a, b) => (b.bytes ?? 0) - (a.bytes ?? 0));
      const word = goes ? 'goes' : 'stays';
      for (const one of sorted.slice(0, ROWS))
        rows.push([
          word,
          KIND_WORDS[kind],
          shown(kind, one.name),
          one.bytes === undefined ? '?' : size(one.bytes),
          one.why,
        ]);
      if (all.length > ROWS) rows.push([word, KIND_WORDS[kind], `… and ${all.length - ROWS} more`, '', '']);
    }
  }
  return table(['', 'WHAT', 'NAME', 'SIZE', 'WHY'], rows);
}

const KIND_WORDS: Readonly<Record<Verdict['kind'], string>> = {
  image: 'image',
  aside: 'set aside',
  orphan: 'half an image',
  partial: 'half an upload',
  lock: 'lock',
  content: 'content',
  build: 'build',
  room: 'build room',
  modes: 'note',
  session: 'session',
};
