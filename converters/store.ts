/**
 * The image store on the cluster: `<key>.sif` and its receipt `<key>.json`, written last. An image without a receipt is
 * not in the store, so that nothing half, unverified or foreign is ever started.
 */
import type { StoredSif } from '../core/arrows.ts';
import type { EnvironmentKey, SifFile, SifReceipt } from '../core/artifacts.ts';
import { canonical, type Json } from '../core/canonical.ts';
import { orThrow } from '../core/command.ts';
import { HpcbinderError } from '../core/errors.ts';
import type { OnProgress } from '../core/progress.ts';
import { ask, bytes, type Transport } from '../core/transport.ts';
import { size } from '../core/units.ts';
import { readSif, SIF_READ_BYTES } from './sif.ts';
import { type Hashed, hashOn } from './store-hash.ts';
import {
  checkKey,
  type Found,
  look,
  make,
  open,
  own,
  prepare,
  remove,
  type Shelf,
  setAside,
} from './store-questions.ts';
import { counted, type Patience, type Persistence, resumable, throughBreaks } from './store-send.ts';

/** The caller holds the key's lock. `tookOver`: from one that had died, whose upload may still be writing. */
export type PutHow = {
  tookOver: boolean;
  on?(progress: { done: number; total: number }): void;
  /** the line broke, or is back */
  tell?: OnProgress;
  /** with a line that breaks; ten minutes in all where it is absent */
  patience?: Patience;
  /** bytes of all images of the store, the new one among them */
  onStored?(bytes: number): void;
  signal?: AbortSignal;
};

export type HasHow = {
  /** the image was written to since it was last read, and is read again */
  on?(progress: { done: number; total: number }): void;
  /** it is no image any more: why, in words that go on from "the image …" */
  onDamaged?(why: string): void;
  signal?: AbortSignal;
};

/** left free for the session itself */
const SPARE_BYTES = 64 << 20;

export class ImageStore {
  readonly #transport: Transport;
  readonly #directory: string;
  readonly #python: string;
  readonly #keeper: number | undefined;

  /** `directory`: absolute, on the cluster; made 0700 where it is not there. `keeper`: uid of whoever alone fills it for others. */
  constructor(transport: Transport, directory: string, python: string, keeper?: number) {
    this.#transport = transport;
    this.#directory = directory;
    this.#python = python;
    this.#keeper = keeper;
  }

  path(key: EnvironmentKey): string {
    return `${this.#directory}/${checkKey(key)}.sif`;
  }

  /** Of this key, for whoever makes its image: a directory whose parent `make` makes. */
  lock(key: EnvironmentKey): string {
    return `${this.#directory}/${checkKey(key)}.lock`;
  }

  async make(signal?: AbortSignal): Promise<void> {
    orThrow(await ask(this.#transport, make(this.#directory), signal));
  }

  /** One look: a receipt with a file of its size that nobody else may have written. */
  async peek(key: EnvironmentKey, signal?: AbortSignal): Promise<StoredSif | undefined> {
    const found = orThrow(await ask(this.#transport, look(this.#directory, key, this.#keeper), signal));
    const { receipt } = found ?? {};
    return found && receipt && faultOf(found) === undefined ? { path: this.path(key), receipt } : undefined;
  }

  /**
   * The image, sound: nobody wrote to it since it was last read, else it is read again. A damaged one is set aside and
   * counts as absent, so that whoever asks makes it anew (SECURITY SIF-01, F-37). Throws E-STORE.
   */
  async has(key: EnvironmentKey, how: HasHow = {}): Promise<StoredSif | undefined> {
    const found = orThrow(await ask(this.#transport, look(this.#directory, key, this.#keeper), how.signal));
    if (found === undefined) return undefined;
    const { receipt, identity, seal } = found;
    const fault = faultOf(found);
    if (fault === undefined && receipt && seal === `${receipt.sha256} ${identity}`)
      return { path: this.path(key), receipt, seal };
    const read = fault === undefined && receipt ? await this.#hash(key, receipt.sha256, how) : undefined;
    const why = fault ?? (await this.contentFault(key, receipt, read, how.signal));
    if (why === undefined && receipt && read && 'identity' in read)
      return { path: this.path(key), receipt, seal: `${receipt.sha256} ${read.identity}` };
    await this.setAside(key, why ?? 'cannot be read', how.signal);
    how.onDamaged?.(why ?? 'cannot be read');
    return undefined;
  }

  async #hash(key: EnvironmentKey, sha256: string, how: HasHow): Promise<Hashed | undefined> {
    const on = how.on;
    const found = await hashOn(this.#transport, this.#directory, new Map([[checkKey(key), sha256]]), {
      python: this.#python,
      ...(on ? { on: (_, done, total) => on({ done, total }) } : {}),
      ...(how.signal ? { signal: how.signal } : {}),
    });
    return found.get(key);
  }

  /** What is wrong with an image that was read; undefined: nothing. */
  async contentFault(
    key: EnvironmentKey,
    receipt: SifReceipt | undefined,
    read: Hashed | undefined,
    signal?: AbortSignal,
  ): Promise<string | undefined> {
    if (receipt === undefined) return 'has a receipt that cannot be read';
    if (read === undefined || 'error' in read) return `cannot be read: ${read?.error ?? 'no answer'}`;
    if (read.sha256 === receipt.sha256) return undefined;
    const there = Number(read.identity.split(' ')[0]);
    if (there !== receipt.bytes) return `has ${there} bytes instead of ${receipt.bytes}`;
    const front = await this.#front(key).catch(() => undefined);
    signal?.throwIfAborted();
    const changed = `has another content than was stored (sha256 ${read.sha256.slice(0, 12)} instead of ${receipt.sha256.slice(0, 12)})`;
    try {
      if (front) readSif(front, receipt.bytes);
      return changed;
    } catch (error) {
      return error instanceof HpcbinderError ? `is no SIF any more: ${error.message.replace(/^.*?: /, '')}` : changed;
    }
  }

  async #front(key: EnvironmentKey): Promise<Uint8Array | undefined> {
    const stream = await this.#transport.read(this.path(key), { offset: 0, length: SIF_READ_BYTES });
    const parts: Uint8Array[] = [];
    for await (const part of stream ?? []) parts.push(part);
    return stream && Buffer.concat(parts);
  }

  /** The file goes under another name, for jobs may still read it; gc removes it. Throws E-IMAGE-DAMAGED where that is forbidden. */
  async setAside(key: EnvironmentKey, why: string, signal?: AbortSignal): Promise<void> {
    const answer = await ask(this.#transport, setAside(this.#directory, key, 'damaged'), signal);
    if (answer.ok) return;
    if (answer.why === 'unreachable') throw answer.error;
    throw new HpcbinderError('E-IMAGE-DAMAGED', {
      message: `the image ${this.path(key)} ${why}, and it is not yours to replace`,
      hint: "Tell whoever keeps that directory, or name one of your own in the cluster's entry: image_store",
      evidence: answer.error.evidence,
    });
  }

  /**
   * Sends what is missing of the file, compares the sha256 there, then writes the receipt. A line that breaks is waited for.
   * E-DISK-FULL, E-IMAGE-DAMAGED, E-SSH-LOST (transient; what arrived is kept).
   */
  async put(sif: SifFile, receipt: SifReceipt, how: PutHow): Promise<StoredSif> {
    const { key } = receipt;
    const { name } = this.#transport;
    let [handed, formerKept] = [0, false];
    const moved = () => `${size(handed)} of ${size(sif.bytes)}`;
    const persistence: Persistence = {
      ...(how.patience ? { patience: how.patience } : {}),
      ...(how.signal ? { signal: how.signal } : {}),
      onBroken: (limit) =>
        how.tell?.({
          type: 'warning',
          text: `the connection to ${name} broke at ${moved()}: waiting for it, ${limit} at most`,
        }),
      kept: () => `What arrived (up to ${moved()}) is kept there: launch again, and only the rest is sent.`,
    };
    const attempt = async (again: boolean) => {
      if (again || how.tookOver) orThrow(await ask(this.#transport, own(this.#directory, key), how.signal));
      const shelf = await this.#shelf(key, how.signal);
      this.#checkRoom(shelf, sif);
      const resumeAt = await resumable(sif, shelf.partial);
      if (again) how.tell?.({ type: 'note', text: `connected again: ${size(resumeAt)} had arrived, the rest follows` });
      if (!formerKept && (await this.peek(key, how.signal)))
        orThrow(await ask(this.#transport, setAside(this.#directory, key, 'old'), how.signal));
      formerKept = true;
      const rest = counted(sif, resumeAt, (done) => {
        handed = done;
        how.on?.({ done, total: sif.bytes });
      });
      const options = { mode: readableAs(shelf), resumeAt, ...(how.signal ? { signal: how.signal } : {}) };
      const sent = await this.#transport.write(this.path(key), rest, options);
      return { sent, others: shelf.storedBytes - (shelf.partial?.bytes ?? 0) };
    };
    const { sent, others } = await throughBreaks(this.#transport, attempt, persistence);
    if (sent.sha256 !== sif.sha256) await this.#refuse(key, how.signal);
    how.onStored?.(others + sif.bytes);
    return await throughBreaks(this.#transport, () => this.adopt(receipt, how.signal), persistence);
  }

  /** The receipt of a SIF that is already at `path(key)`: of one that was built on the cluster. */
  async adopt(receipt: SifReceipt, signal?: AbortSignal): Promise<StoredSif> {
    const { key, sha256 } = receipt;
    const shelf = await this.#shelf(key, signal);
    const mode = readableAs(shelf);
    const seal = orThrow(await ask(this.#transport, open(this.#directory, key, mode, sha256), signal));
    const text = `${canonical(receipt as unknown as Json)}\n`;
    const path = `${this.#directory}/${checkKey(key)}.json`;
    await this.#transport.write(path, bytes(text), { mode, ...(signal ? { signal } : {}) });
    return { path: this.path(key), receipt, seal };
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

  async #refuse(key: EnvironmentKey, signal?: AbortSignal): Promise<never> {
    await this.remove(key, signal);
    throw new HpcbinderError('E-IMAGE-DAMAGED', {
      message: `the image that arrived on ${this.#transport.name} is not the one that was sent (sha256)`,
      hint: 'What arrived was removed. Launch again; if it happens twice, the disk or the line is at fault.',
      transient: true,
    });
  }
}

/** What is wrong with it at first sight. */
function faultOf({ receipt, bytes: there, fault }: Found): string | undefined {
  if (fault !== undefined) return `is not trusted: ${fault}`;
  if (receipt !== undefined && receipt.bytes !== there) return `has ${there} bytes instead of ${receipt.bytes}`;
  return undefined;
}

/** The private store's files are private; a shared one's are read by whoever may enter its directory. */
function readableAs(shelf: Shelf): number {
  return 0o600 | (shelf.mode & 0o044);
}
