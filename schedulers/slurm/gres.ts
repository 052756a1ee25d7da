/** Slurm's generic resources: which GPUs a node has, or uses. */

/** `gpu:a100:4(S:0-1),gpu:2,lscratch:900` → a100: 4, '': 2. */
export function gpusOf(gres: string): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const word of gres.replace(/\([^)]*\)/g, '').split(',')) {
    const [, type = '', count = '1'] = /^gpu(?::([^:]*[^:0-9][^:]*))?(?::([0-9]+))?$/.exec(word) ?? [
      undefined,
      '',
      '0',
    ];
    if (Number(count) > 0) counts.set(type, (counts.get(type) ?? 0) + Number(count));
  }
  return Object.fromEntries(counts);
}
