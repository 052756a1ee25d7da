/** dockerode's event streams: one JSON object a line. `followProgress` calls failed builds done, so `error` is looked for here. */
import { PassThrough, type Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { Engine } from '../core/engine.ts';
import { plainLine } from '../core/text.ts';

const MAX_OUTPUT = 1 << 20;
/** Characters: a line without an end is handed on in such pieces (SECURITY F-47). */
const MOST_LINE = 4096;
/** Characters of one step that are read whole; of what it says beyond, the end of each piece: the last lines explain a failure. */
const MOST_READ = 2 << 20;
const END_OF_PIECE = 4096;

type Event = { stream?: string; status?: string; error?: string; errorDetail?: { message?: string } };

/**
 * The classic builder: its log is plain text, it is on every engine and on Podman, and a rebuild uses its cache.
 * BuildKit (`version: '2'`) answers in base64 protobuf, which would be a parser of its own for cache mounts alone.
 */
export async function buildStream(
  docker: Docker,
  context: Readable,
  how: Parameters<Engine['build']>[1],
): ReturnType<Engine['build']> {
  const stream = await docker.buildImage(context, {
    t: how.tag,
    dockerfile: how.dockerfile,
    platform: how.platform,
    ...(how.network === undefined ? {} : { networkmode: how.network }),
    rm: true,
    forcerm: true,
    version: '1',
    buildargs: { ...how.buildArgs },
    labels: { ...how.labels },
    ...(how.signal === undefined ? {} : { abortSignal: how.signal }),
  });
  let partial = '';
  let read = 0;
  let failed: string | undefined;
  for await (const event of events(stream as Readable)) {
    if (event.error !== undefined) failed = event.errorDetail?.message ?? event.error;
    const said = event.stream ?? '';
    read = said.startsWith('Step ') ? 0 : read + said.length;
    const lines = (partial + (read > MOST_READ ? said.slice(-END_OF_PIECE) : said)).split('\n');
    partial = lines.pop() ?? '';
    for (const line of lines) how.on(lastDrawn(line));
    if (partial.length > MOST_LINE) {
      how.on(lastDrawn(partial));
      partial = '';
    }
  }
  if (partial !== '') how.on(lastDrawn(partial));
  return failed === undefined ? {} : { failed: plainLine(failed) };
}

/** false: the registry can't be reached, or does not have it */
export async function pullStream(
  docker: Docker,
  name: string,
  platform: string,
  signal?: AbortSignal,
): Promise<boolean> {
  try {
    const stream = await docker.pull(name, { platform, ...(signal === undefined ? {} : { abortSignal: signal }) });
    for await (const event of events(stream as Readable)) if (event.error !== undefined) return false;
    return true;
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof Error && 'statusCode' in error) return false;
    throw error;
  }
}

async function* events(stream: Readable): AsyncGenerator<Event> {
  // not readline, which reads a thousand lines ahead
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') yield JSON.parse(line) as Event;
  }
  if (rest.trim() !== '') yield JSON.parse(rest) as Event;
}

/** Of a progress bar that redraws itself only the last drawing. */
function lastDrawn(line: string): string {
  const parts = line.split('\r').filter((part) => part !== '');
  return plainLine(parts.at(-1) ?? '');
}

/** A container's output, up to 1 MiB. */
export class Collected {
  readonly into = new PassThrough();
  #parts: Buffer[] = [];
  #size = 0;
  constructor() {
    this.into.on('data', (chunk: Buffer) => {
      if (this.#size < MAX_OUTPUT) this.#parts.push(chunk);
      this.#size += chunk.length;
    });
  }
  text(): string {
    return Buffer.concat(this.#parts).subarray(0, MAX_OUTPUT).toString('utf8');
  }
}
