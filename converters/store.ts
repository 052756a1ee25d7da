/**
 * The image store on the cluster: `<key>.sif` and its receipt `<key>.json`, written last. An image without a receipt is
 * not in the store, so that nothing half, unverified or foreign is ever started.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { StoredSif } from '../core/arrows.ts';
import type { EnvironmentKey, SifFile, SifReceipt } from '../core/artifacts.ts';
import { canonical, type Json } from '../core/canonical.ts';
import { orThrow } from '../core/command.ts';
import { HpcbinderError } from '../core/errors.ts';
import { ask, bytes, type Transport } from '../core/transport.ts';
import { size } from '../core/units.ts';
import { checkKey, list, look, open, prepare, remove, type Shelf, type StoredImage } from './store-questions.ts';

/** Holds a lock of that directory on the cluster while `body` runs; two uploads of one key wait for each other. */
export type WithLock = <T>(directory: string, body: () => Promise<T>) => Promise<T>;

export type PutHow = {
  lock: WithLock;
  on?(progress: { done: number; total: number }): void;
  signal?: AbortSignal;
};

/** left free for the session itself */
const SPARE_BYTES = 64 << 20;

export class ImageStore {
  readonly #transport: Transport;
  readonly #directory: string;
  /** `directory`: absolute, on the cluster; made 0700 where it is not there, taken as it is where an admin made it. */
  constructor(transport: Transport, directory: string) {
    this.#transport = transport;
    this.#directory = directory;
  }

  path(key: EnvironmentKey): string {
    return `${this.#directory}/${checkKey(key)}.sif`;
  }

  async has(key: EnvironmentKey, signal?: AbortSignal): Promise<StoredSif | undefined> {
    const receipt = orThrow(await ask(this.#transport, look(this.#directory, key), signal));
    return receipt === undefined ? undefined : { path: this.path(key), receipt };
  }

  /** Sends what is missing of the file, compares the sha256 there, then writes the receipt. E-DISK-FULL, E-IMAGE-DAMAGED. */
  async put(sif: SifFile, receipt: SifReceipt, how: PutHow): Promise<StoredSif> {
    const { key } = receipt;
    const first = await this.#shelf(key, how.signal);
    this.#checkRoom(first, sif);
    return await how.lock(`${this.#directory}/${checkKey(key)}.lock`, async () => {
      const stored = await this.has(key, how.signal);
      if (stored !== undefined && stored.receipt.sha256 === sif.sha256) return stored;
      // what another upload left meanwhile counts
      const shelf = await this.#shelf(key, how.signal);
      const resumeAt = await resumable(sif, shelf);
      const sent = await this.#send(sif, key, shelf, resumeAt, how);
      if (sent.sha256 !== sif.sha256) await this.#refuse(key, how.signal);
      return await this.adopt(receipt, how.signal);
    });
  }

  /** The receipt of a SIF that is already at `path(key)`: of one that was built on the cluster. */
  async adopt(receipt: SifReceipt, signal?: AbortSignal): Promise<StoredSif> {
    const shelf = await this.#shelf(receipt.key, signal);
    orThrow(await ask(this.#transport, open(this.#directory, receipt.key, readableAs(shelf)), signal));
    const text = `${canonical(receipt as unknown as Json)}\n`;
    const path = `${this.#directory}/${checkKey(receipt.key)}.json`;
    await this.#transport.write(path, bytes(text), { mode: readableAs(shelf), ...(signal ? { signal } : {}) });
    return { path: this.path(receipt.key), receipt };
  }

  async list(signal?: AbortSignal): Promise<readonly StoredImage[]> {
    return orThrow(await ask(this.#transport, list(this.#directory), signal));
  }

  async remove(key: EnvironmentKey, signal?: AbortSignal): Promise<void> {
    orThrow(await ask(this.#transport, remove(this.#directory, key), signal));
  }

  async #shelf(key: EnvironmentKey, signal?: AbortSignal): Promise<Shelf> {
    return orThrow(await ask(this.#transport, prepare(this.#directory, key), signal));
  }

  #checkRoom(shelf: Shelf, sif: SifFile): void {
    const need = sif.bytes - (shelf.partial?.bytes ?? 0) + SPARE_BYTES;
    if (shelf.freeBytes >= need) return;
    throw new HpcbinderError('E-DISK-FULL', {
      message: `the image needs ${size(need)} in ${this.#directory} on ${this.#transport.name}, which has ${size(shelf.freeBytes)} free`,
      hint: "Older images there can be deleted (hpcbinder builds them again), or image_store: in the cluster's entry names another place.",
    });
  }

  async #send(sif: SifFile, key: EnvironmentKey, shelf: Shelf, resumeAt: number, how: PutHow) {
    const options = { mode: readableAs(shelf), resumeAt, ...(how.signal ? { signal: how.signal } : {}) };
    return await this.#transport.write(this.path(key), counted(sif, resumeAt, how.on), options);
  }

  async #refuse(key: EnvironmentKey, signal?: AbortSignal): Promise<never> {
    await this.remove(key, signal);
    throw new HpcbinderError('E-IMAGE-DAMAGED', {
      message: `the image that arrived on ${this.#transport.name} is not the one that was sent (sha256)`,
      hint: 'What arrived was removed. Launch again; if it happens twice, the disk or the line is at fault.',
      transient: true,
    });
  }
}

/** The private store's files are private; a shared one's are read by whoever may enter its directory. */
function readableAs(shelf: Shelf): number {
  return 0o600 | (shelf.mode & 0o044);
}

/** Bytes to skip: all that lie there, if they are the beginning of this very file. */
async function resumable(sif: SifFile, { partial }: Shelf): Promise<number> {
  if (partial === undefined || partial.bytes === 0 || partial.bytes >= sif.bytes) return 0;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(sif.path, { end: partial.bytes - 1 }) as AsyncIterable<Buffer>)
    hash.update(chunk);
  return hash.digest('hex') === partial.sha256 ? partial.bytes : 0;
}

async function* counted(sif: SifFile, start: number, on: PutHow['on']): AsyncGenerator<Uint8Array> {
  let done = start;
  for await (const chunk of createReadStream(sif.path, { start, highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
    yield chunk;
    done += chunk.length;
    on?.({ done, total: sif.bytes });
  }
}
