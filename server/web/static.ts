/**
 * What browsers load: the style sheet and the modules of server/web/client with all that they import, each under a name that
 * holds the hash of its content, so that it is kept for ever and never stale. Third-party modules come from node_modules, by
 * this table; nothing else of the disk can be asked for, for names are looked up in a map that is made at the start.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HpcbinderError } from '../../core/errors.ts';

/** what the client's modules import by name → package and the file in it that a browser takes as it is */
const PACKAGES: ReadonlyMap<string, readonly [name: string, path: string]> = new Map([
  ['preact', ['preact', 'dist/preact.module.js']],
  ['preact/hooks', ['preact', 'hooks/dist/hooks.module.js']],
  ['htm', ['htm', 'dist/htm.module.js']],
  ['htm/preact', ['htm', 'preact/index.module.js']],
  ['ansi-sequence-parser', ['ansi-sequence-parser', 'dist/index.js']],
]);

/** the modules that pages name; each lies in client/ */
export const ENTRIES = ['launch', 'progress', 'sessions', 'badge'] as const;
export type Entry = (typeof ENTRIES)[number];

/** `import … from "x"`, `export … from "x"`, `import "x"`, `import("x")` with a literal */
const SPECIFIER = /((?:\bfrom|\bimport)\s*\(?\s*)(["'])([^"'\n]+)\2/g;

/** lines of our own modules that are for those who read the source: a comment stands on lines of its own */
const COMMENTS = /^ *\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n|^ *\/\/ .*\n/gm;

export type StaticFile = { name: string; type: string; body: Buffer; zipped: Buffer };

export class StaticFiles {
  readonly #files = new Map<string, StaticFile>();
  readonly #named = new Map<string, string>();
  readonly #read: (path: string) => string;

  /** `read`: text of a module by its path; a test that runs the sources hands in one that transpiles. */
  constructor(read: (path: string) => string = (path) => readFileSync(path, 'utf8')) {
    this.#read = read;
    const here = dirname(fileURLToPath(import.meta.url));
    for (const entry of ENTRIES) this.#module(join(here, 'client', `${entry}.js`), []);
    this.#add(join(here, 'style.css'), readFileSync(join(here, 'style.css'), 'utf8'), 'text/css; charset=utf-8');
  }

  get(name: string): StaticFile | undefined {
    return this.#files.get(name);
  }

  /** The served name of `style.css` or of an entry. */
  named(file: 'style.css' | `${Entry}.js`): string {
    const here = dirname(fileURLToPath(import.meta.url));
    return this.#named.get(join(here, file === 'style.css' ? '' : 'client', file)) ?? file;
  }

  /** Adds the module and, before it, what it imports: its name is the hash of text in which theirs already stand. */
  #module(path: string, above: readonly string[]): string {
    const known = this.#named.get(path);
    if (known !== undefined) return known;
    if (above.includes(path)) {
      throw new HpcbinderError('E-INTERNAL', { message: `modules import each other: ${[...above, path].join(', ')}` });
    }
    const whole = this.#read(path);
    const text = (path.includes('node_modules') ? whole : whole.replace(COMMENTS, ''))
      .replace(/^\/\/# sourceMappingURL=.*$/m, '')
      .replace(SPECIFIER, (_, before: string, quote: string, to: string) => {
        return `${before}${quote}./${this.#module(fileOf(to, path), [...above, path])}${quote}`;
      });
    return this.#add(path, text, 'text/javascript; charset=utf-8');
  }

  #add(path: string, text: string, type: string): string {
    const body = Buffer.from(text);
    const hash = createHash('sha256').update(body).digest('hex').slice(0, 16);
    const [stem, kind] = [basename(path).replace(/(?:\.module)?\.\w+$/, ''), path.endsWith('.css') ? 'css' : 'js'];
    const name = `${stem}-${hash}.${kind}`;
    this.#files.set(name, { name, type, body, zipped: gzipSync(body) });
    this.#named.set(path, name);
    return name;
  }
}

/** Of the product's own files no other than those that a module of the client imports, which is what they are for. */
function fileOf(specifier: string, from: string): string {
  if (specifier.startsWith('.')) return join(dirname(from), specifier.replace(/\.ts$/, '.js'));
  const found = PACKAGES.get(specifier);
  if (!found) throw new HpcbinderError('E-INTERNAL', { message: `no browser has "${specifier}": see PACKAGES` });
  return join(folderOf(found[0]), found[1]);
}

/** Packages may forbid the way to their own files, never to their entry: the folder is found from there. */
function folderOf(name: string): string {
  const entry = createRequire(import.meta.url).resolve(name);
  const end = entry.lastIndexOf(join('node_modules', name));
  return entry.slice(0, end + join('node_modules', name).length);
}

/** What is not in the map is not there, whatever its name. */
export function serveFile(name: string, req: FastifyRequest, reply: FastifyReply, files: StaticFiles): FastifyReply {
  const file = files.get(name);
  if (!file) return reply.code(404).type('text/plain; charset=utf-8').send('There is nothing here.\n');
  const zip = /\bgzip\b/.test(String(req.headers['accept-encoding'] ?? ''));
  if (zip) reply.header('Content-Encoding', 'gzip');
  return reply
    .headers({
      'Cache-Control': 'public, max-age=31536000, immutable',
      'X-Content-Type-Options': 'nosniff',
      'Cross-Origin-Resource-Policy': 'same-origin',
      Vary: 'Accept-Encoding',
    })
    .type(file.type)
    .send(zip ? file.zipped : file.body);
}
