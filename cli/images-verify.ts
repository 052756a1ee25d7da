/** `images verify`: each image is read again on the cluster; a damaged one is named and set aside, and the next launch makes it anew. */
import { hashOn } from '../converters/store-hash.ts';
import { parseReceipt } from '../converters/store-questions.ts';
import { size } from '../core/units.ts';
import { inventoryOf } from '../sessions/storage/inventory.ts';
import type { Flags } from './flags.ts';
import { chosen } from './images.ts';
import { shortKey } from './images-words.ts';
import { Interrupts } from './interrupts.ts';
import { Moving } from './moving.ts';
import { imageStoreOf } from './store.ts';
import { plain } from './terminal.ts';
import { withCluster } from './with-cluster.ts';

type Verified = { key: string; bytes: number; fault?: string };

/** 0: all are whole; 1: one is not. */
export function verify(keys: readonly string[], flags: Flags): Promise<number> {
  return withCluster(flags, 'images verify --cluster USER@HOST', async (cluster) => {
    const interrupts = new Interrupts();
    using moving = new Moving({ quiet: flags.json === true });
    try {
      const { signal } = interrupts;
      const all = (await inventoryOf(cluster, { signal })).things.filter(({ kind }) => kind === 'image');
      const images = keys.length === 0 ? all : keys.map((key) => chosen(all, key));
      const store = imageStoreOf(cluster);
      const found: Verified[] = [];
      for (const { name: key, bytes = 0, receipt: text = '' } of images) {
        const receipt = parseReceipt(text);
        const tell = (done: number) => moving.tell(`${shortKey(key)}  ${size(done)} of ${size(bytes)}`);
        const how = { python: cluster.profile.python, on: (_: string, done: number) => tell(done), signal };
        const { imageStore } = cluster.profile;
        const read = await hashOn(cluster.transport, imageStore, new Map([[key, receipt?.sha256 ?? null]]), how);
        const fault = await store.contentFault(key, receipt?.key === key ? receipt : undefined, read.get(key), signal);
        if (fault !== undefined) await store.setAside(key, fault, signal);
        found.push({ key, bytes, ...(fault === undefined ? {} : { fault }) });
        moving[Symbol.dispose]();
        if (!flags.json)
          process.stdout.write(
            plain(`${shortKey(key)}  ${fault === undefined ? `whole, ${size(bytes)}` : `damaged: it ${fault}`}\n`),
          );
      }
      const damaged = found.filter(({ fault }) => fault !== undefined);
      if (flags.json) process.stdout.write(`${JSON.stringify(found)}\n`);
      else if (damaged.length > 0)
        process.stderr.write(
          plain(
            'What is damaged was set aside: the next launch of it makes it anew (hpcbinder images gc removes it).\n',
          ),
        );
      return damaged.length === 0 ? 0 : 1;
    } finally {
      interrupts.dispose();
    }
  });
}
