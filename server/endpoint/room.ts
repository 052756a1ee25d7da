/**
 * What this process may use of the login node, and how near it is to it: open files, and memory (SECURITY F-51). Over four fifths new
 * connections and launches are refused, so that what is open goes on; without that the first to fail would be anybody.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';

/** of a session: its agent's two, four kept to its app, three WebSockets from the browser and to the job */
const FILES_OF_SESSION = 12;
/** the program's own: state, log, libraries, a helper of each account with three pipes */
const FILES_OF_PROGRAM = 100;
/** measured: docs/performance.md, less than 110 KiB for each with its WebSockets; and the program itself */
const MB_OF_PROGRAM = 200;
const MB_OF_SESSION = 0.25;

const FULL = 0.8;
/** Once over it there is room again only below this, so that it does not change with every connection. */
const ROOMY = 0.7;
const LOOK_MS = 1_000;

/** What there is. Node raises its soft limit of open files to the hard one by itself. */
export type Room = { files: number; memoryMb: number };
export type Used = { files: number; memoryMb: number };

export function roomHere(read: (path: string) => string | undefined = text): Room {
  const files = /^Max open files\s+(\d+)/m.exec(read('/proc/self/limits') ?? '')?.[1];
  const heapMb = getHeapStatistics().heap_size_limit / 2 ** 20;
  // what is not on the heap (connections, TLS) is about as much again
  const memoryMb = Math.min(cgroupMb(read) ?? Number.POSITIVE_INFINITY, 2 * heapMb);
  return { files: Number(files ?? Number.POSITIVE_INFINITY), memoryMb: Math.round(memoryMb) };
}

/** The smallest limit of the process's own group and those above it; either version of cgroups. */
function cgroupMb(read: (path: string) => string | undefined): number | undefined {
  const found = (read('/proc/self/cgroup') ?? '').split('\n').flatMap((line) => {
    const [, kind, path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (kind !== '' && !kind?.split(',').includes('memory')) return [];
    const base = kind === '' ? ['/sys/fs/cgroup', 'memory.max'] : ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes'];
    const parts = path.split('/').filter((part) => part !== '' && part !== '..');
    return parts.concat('').map((_, i) => `${base[0]}/${parts.slice(0, i).join('/')}/${base[1]}`);
  });
  const limits = found.map((path) => Number(read(path))).filter((bytes) => bytes > 0 && bytes < 2 ** 50);
  return limits.length > 0 ? Math.min(...limits) / 2 ** 20 : undefined;
}

function text(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** What is too little for the sessions that the policy allows, in words; none: it is enough. */
export function tooLittle(room: Room, sessions: number): readonly string[] {
  const files = FILES_OF_PROGRAM + sessions * FILES_OF_SESSION;
  const memoryMb = Math.ceil((MB_OF_PROGRAM + sessions * MB_OF_SESSION) / FULL);
  const enough = Math.max(0, Math.floor((room.files * FULL - FILES_OF_PROGRAM) / FILES_OF_SESSION));
  return [
    ...(room.files * FULL >= files
      ? []
      : [
          `this process may open ${room.files} files, enough for about ${enough} sessions; limits.sessions is ${sessions}. LimitNOFILE=${Math.ceil(files / FULL)} in the unit, or ulimit -n`,
        ]),
    ...(room.memoryMb >= memoryMb
      ? []
      : [`there are ${room.memoryMb} MB of memory; ${sessions} sessions take ${memoryMb} MB. MemoryMax= in the unit`]),
  ];
}

function usedHere(): Used {
  const { rss } = process.memoryUsage();
  return { files: readdirSync('/proc/self/fd').length, memoryMb: rss / 2 ** 20 };
}

export class Pressure {
  readonly #room: Room;
  readonly #used: () => Used;
  readonly #log: (line: Record<string, unknown>) => void;
  #words: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(room: Room, log: (line: Record<string, unknown>) => void, used: () => Used = usedHere) {
    this.#room = room;
    this.#log = log;
    this.#used = used;
  }

  /** Why nothing new is taken at present. */
  get words(): string | undefined {
    return this.#words;
  }

  /** Is there room for one connection more, and its other half to the job? Between two looks they are counted. */
  isFull(connections: number): boolean {
    return this.#words !== undefined || FILES_OF_PROGRAM / 2 + 2 * connections > this.#room.files * FULL;
  }

  /** @returns ends it */
  begin(): () => void {
    this.#timer = setInterval(() => this.look(), LOOK_MS).unref();
    return () => clearInterval(this.#timer);
  }

  /** Who cannot even look has no file left to do so. */
  #seen(): Used {
    try {
      return this.#used();
    } catch {
      return { files: this.#room.files, memoryMb: 0 };
    }
  }

  look(): void {
    const used = this.#seen();
    const line = this.#words === undefined ? FULL : ROOMY;
    const full = [
      used.files > line * this.#room.files && `${used.files} of ${this.#room.files} files are open`,
      used.memoryMb > line * this.#room.memoryMb &&
        `${Math.round(used.memoryMb)} of ${this.#room.memoryMb} MB of memory are used`,
    ].filter((each) => each !== false);
    const words = full.length > 0 ? full.join(', ') : undefined;
    if ((words === undefined) !== (this.#words === undefined))
      this.#log({ event: 'pressure', full: words !== undefined, words: words ?? 'there is room again' });
    this.#words = words;
  }
}
