/** Twenty images, layer by layer, as `docker load` and `apptainer build docker-archive:` both read them: no engine made them. */
import { createHash } from 'node:crypto';
import { TAR_END, tarFile } from '../../core/tar.ts';
import { type Given, tarOf } from '../converters/tars.ts';

export type OracleImage = { name: string; layers: readonly Buffer[]; config?: ImageWords };
export type ImageWords = {
  Env?: string[];
  Entrypoint?: string[];
  Cmd?: string[];
  WorkingDir?: string;
  Labels?: Record<string, string>;
};

const dir = (name: string, more: Partial<Given> = {}): Given => ({ name, kind: 'directory', mode: 0o755, ...more });
const file = (name: string, body = name, more: Partial<Given> = {}): Given => ({ name, body, ...more });
const link = (name: string, to: string): Given => ({ name, kind: 'symlink', link: to, mode: 0o777 });
const hard = (name: string, to: string): Given => ({ name, kind: 'hardlink', link: to });
const gone = (name: string): Given => file(name.replace(/([^/]+)$/, '.wh.$1'), '');

/** Bytes that no compressor makes small, the same at each call. */
function noise(size: number): string {
  const parts: Buffer[] = [];
  for (let at = 0; at < size; at += 64) parts.push(createHash('sha512').update(`noise ${at}`).digest());
  return Buffer.concat(parts).subarray(0, size).toString('latin1');
}

/** A pax header in front of the entry: what GNU's form has no field for. */
function withPax(records: Readonly<Record<string, string>>, entry: Given): Buffer {
  const body = Object.entries(records).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    const short = rest.length + String(rest.length).length;
    const length = rest.length + String(short).length;
    return `${length}${rest}`;
  });
  const header = Buffer.from(tarOf({ name: 'pax', body: body.join('') })).subarray(0, -1024);
  header[156] = 'x'.charCodeAt(0);
  header.fill(0x20, 148, 156);
  const sum = header.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return Buffer.concat([header, tarOf(entry).subarray(0, -1024)]);
}

const join = (...parts: Buffer[]) => Buffer.concat([...parts, TAR_END]);
const utf8 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');
const deep = (parts: number, part: string) => Array.from({ length: parts }, (_, i) => `${part}${i}`);

function nested(parts: readonly string[], leaf: Given): Given[] {
  const folders = parts.map((_, i) => dir(parts.slice(0, i + 1).join('/')));
  return [...folders, { ...leaf, name: `${parts.join('/')}/${leaf.name}` }];
}

const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex').toString('latin1');
/** so that programs of the host's /usr, bound in, run in it */
const MERGED = [
  dir('usr'),
  link('bin', 'usr/bin'),
  link('lib', 'usr/lib'),
  link('lib64', 'usr/lib64'),
  link('sbin', 'usr/sbin'),
];

export const ODD_ENV = [
  'PATH=/usr/bin:/bin',
  'PLAIN=plain',
  'QUOTES=a"b\'c',
  'DOLLAR=$HOME $(id) `id`',
  'LINES=a\nb',
  'BACK=a\\nb\\\\c',
];

export const IMAGES: readonly OracleImage[] = [
  {
    name: 'whiteouts',
    layers: [
      tarOf(dir('d'), file('d/a'), file('d/b'), file('top'), dir('d/sub'), file('d/sub/x')),
      tarOf(dir('d'), gone('d/a'), gone('top'), gone('d/sub'), file('d/c')),
      tarOf(dir('d'), file('d/a', 'a again')),
    ],
  },
  {
    name: 'opaque',
    layers: [
      tarOf(dir('d'), file('d/a'), dir('d/sub'), file('d/sub/x'), dir('e'), file('e/a')),
      tarOf(dir('d'), file('d/.wh..wh..opq', ''), file('d/new'), dir('e', { mode: 0o750 }), file('e/b')),
      tarOf(dir('d'), dir('d/sub'), file('d/sub/y')),
    ],
  },
  {
    name: 'recreated',
    layers: [
      tarOf(dir('d'), file('d/old'), dir('d/sub'), file('d/sub/old'), dir('e'), file('e/old')),
      tarOf(gone('d'), gone('e')),
      tarOf(
        dir('d', { mode: 0o711 }),
        file('d/new'),
        dir('e'),
        file('e/.wh..wh..opq', ''),
        dir('e/deeper'),
        file('e/deeper/new'),
      ),
    ],
  },
  {
    name: 'kinds',
    layers: [
      tarOf(
        dir('was-dir'),
        file('was-dir/x'),
        file('was-file'),
        link('was-link', 'was-file'),
        dir('to-link'),
        file('to-link/x'),
        file('back'),
      ),
      tarOf(
        file('was-dir'),
        dir('was-file'),
        file('was-file/x'),
        dir('was-link'),
        file('was-link/x'),
        gone('to-link'),
        link('to-link', 'was-file'),
        dir('back'),
        file('back/x'),
      ),
      tarOf(file('back', 'a file again')),
    ],
  },
  {
    name: 'hardlinks',
    layers: [
      tarOf(dir('d'), file('d/one'), hard('d/two', 'd/one'), file('three'), file('four')),
      tarOf(dir('d'), file('d/five', 'same layer'), hard('d/six', 'd/five'), hard('seven', 'd/five')),
      tarOf(dir('d'), file('d/two', 'broken'), gone('d/five'), file('four', 'four', { mode: 0o600 })),
    ],
  },
  {
    name: 'set-ids',
    layers: [
      tarOf(
        file('suid', 'x', { mode: 0o4755 }),
        file('sgid', 'x', { mode: 0o2755 }),
        file('both', 'x', { mode: 0o6711 }),
        file('sticky', 'x', { mode: 0o1644 }),
        dir('sgid-dir', { mode: 0o2775 }),
        dir('sticky-dir', { mode: 0o1777 }),
        dir('all', { mode: 0o7777 }),
      ),
    ],
  },
  {
    name: 'long-names',
    layers: [
      tarOf(
        file('n'.repeat(100)),
        file('o'.repeat(101)),
        file('p'.repeat(255)),
        link('long-link', `/${'t'.repeat(90)}/${'u'.repeat(200)}`),
        ...nested(deep(8, 'folder-of-some-length-'), file('leaf')),
        ...nested(deep(30, `${'q'.repeat(60)}-`), file('leaf')),
        hard('short', `${deep(8, 'folder-of-some-length-').join('/')}/leaf`),
      ),
    ],
  },
  {
    name: 'not-utf8',
    layers: [
      tarOf(
        dir('d\xff'),
        file('d\xff/\xfe\xfd'),
        file('latin-\xe9'),
        link('link-\xc0', 'd\xff/\xfe\xfd'),
        file('\x80\x81'),
      ),
      tarOf(gone('latin-\xe9'), file('\xc3\x28')),
    ],
  },
  {
    name: 'odd-names',
    layers: [
      tarOf(
        ...[
          'a b',
          ' lead',
          'trail ',
          'new\nline',
          'tab\t',
          'back\\slash',
          '\\n',
          '*',
          '?',
          '[a]',
          '-rf',
          '--',
          '$(id)',
          '`id`',
          '"',
          "'",
          ';',
          '#',
          '~',
          '!',
          '%',
          '\x1b[31m',
          '\x7f',
          '...',
          '.hidden',
          'a:b',
          'a=b',
        ].map((name) => file(name, 'x')),
        dir('dir with\nnewline'),
        file('dir with\nnewline/in it'),
        link('link to\nnewline', 'new\nline'),
      ),
    ],
  },
  {
    name: 'unicode',
    layers: [
      tarOf(
        ...[
          'caf\u00e9',
          'cafe\u0301',
          '\u6f22\u5b57',
          '\ud83d\ude80',
          'README',
          'readme',
          'stra\u00dfe',
          'strasse',
          '\u202egnp.exe',
          '\u00a0',
          '\u200b',
        ].map((name) => file(utf8(name), name.length.toString())),
      ),
    ],
  },
  {
    name: 'devices',
    layers: [
      tarOf(
        dir('dev'),
        { name: 'dev/null', kind: 'character', mode: 0o666 },
        { name: 'disk', kind: 'block', mode: 0o660 },
        { name: 'pipe', kind: 'fifo', mode: 0o644 },
        file('beside'),
      ),
    ],
  },
  {
    name: 'empty-layers',
    layers: [tarOf(), tarOf(file('a')), tarOf(), tarOf(dir('.', { mode: 0o700 })), tarOf(dir('empty'))],
  },
  {
    name: 'symlinks',
    config: {
      Env: [
        'PATH=/usr/bin:/bin',
        'PLAIN=plain',
        'SPACES= a  b ',
        'EMPTY=',
        'UNICODE=é',
        'EQUALS=a=b=c',
        "APOSTROPHE=it's",
      ],
      Entrypoint: ['/bin/sh', '-c', 'printf "<%s>" "$@"', 'a word with "quotes" and $dollar'],
      Cmd: ['one', 'two words', "three'"],
      WorkingDir: '/usr',
      Labels: { plain: '1', 'with.dots': 'a "b" c', multi: 'a\nb' },
    },
    layers: [
      tarOf(
        ...MERGED,
        link('loop', 'loop'),
        link('ping', 'pong'),
        link('pong', 'ping'),
        link('absolute', '/etc/passwd'),
        link('dangling', 'nowhere/at/all'),
        link('up', '../../../../etc/shadow'),
        link('root', '/'),
        dir('real'),
        link('alias', 'real'),
        file('real/x'),
        link('slashes', '//real//x'),
        link('dot', '.'),
      ),
    ],
  },
  {
    name: 'through-a-link',
    layers: [tarOf(dir('real'), file('real/x'), link('alias', 'real')), tarOf(file('alias/y'))],
  },
  {
    name: 'owners',
    layers: [
      tarOf(
        file('nobody', 'x', { uid: 65534, gid: 65534 }),
        file('large', 'x', { uid: 70_000, gid: 80_000 }),
        file('huge', 'x', { uid: 2_000_000_000, gid: 2_100_000_000 }),
        dir('of-jovyan', { uid: 1000, gid: 1000 }),
        file('of-jovyan/x', 'x', { uid: 1000, gid: 100 }),
        { ...link('of-link', 'x'), uid: 1000, gid: 1000 },
      ),
    ],
  },
  {
    name: 'times',
    config: { Env: ODD_ENV },
    layers: [
      tarOf(
        ...MERGED,
        file('epoch', 'x', { mtime: 0 }),
        file('now', 'x', { mtime: 1_790_000_000 }),
        file('late', 'x', { mtime: 4_000_000_000 }),
        dir('dir', { mtime: 1_234_567_890 }),
        file('dir/x', 'x', { mtime: 1 }),
      ),
      join(withPax({ mtime: '1500000000.75' }, file('fraction', 'x'))),
    ],
  },
  {
    name: 'modes',
    layers: [
      tarOf(
        ...[0o000, 0o100, 0o200, 0o400, 0o444, 0o555, 0o600, 0o640, 0o700, 0o711, 0o750, 0o777].map((mode) =>
          file(`m${mode.toString(8)}`, 'x', { mode }),
        ),
        ...[0o500, 0o700, 0o711, 0o750, 0o777].map((mode) => dir(`d${mode.toString(8)}`, { mode })),
        file('d700/inside', 'x', { mode: 0o600 }),
      ),
    ],
  },
  {
    name: 'sizes',
    layers: [
      tarOf(
        ...[0, 1, 511, 512, 513, 131_071, 131_072, 131_073].map((size) => file(`s${size}`, noise(size))),
        file('big', noise(12 << 20)),
        file('zeros', '\0'.repeat(8 << 20)),
        file('hole', `a${'\0'.repeat(1 << 20)}b`),
        file('same-1', noise(200_000)),
        file('same-2', noise(200_000)),
      ),
    ],
  },
  {
    name: 'attributes',
    layers: [
      join(
        withPax({ 'SCHILY.xattr.user.note': 'kept?' }, file('user', 'x')),
        withPax({ 'SCHILY.xattr.security.capability': capability }, file('capable', 'x', { mode: 0o755 })),
        tarOf(file('plain')).subarray(0, -1024),
      ),
    ],
  },
  {
    name: 'own-runtime',
    layers: [
      tarOf(
        ...MERGED,
        dir('.singularity.d'),
        dir('.singularity.d/env'),
        file('.singularity.d/env/50-theirs.sh', 'export THEIRS=1\n', { mode: 0o755 }),
        file('.singularity.d/runscript', '#!/bin/sh\necho theirs\n', { mode: 0o755 }),
        file('.singularity.d/labels.json', '{"theirs":"1"}'),
        file('singularity', 'theirs'),
        file('environment', 'theirs'),
        file('.dockerenv', ''),
        hard('kept', '.singularity.d/labels.json'),
      ),
    ],
  },
];

/** As `docker save` wrote it before the OCI layout: one file for both readers. */
export function archiveOf({ name, layers, config }: OracleImage): Buffer {
  const created = '2026-01-02T03:04:05Z';
  const description = JSON.stringify({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    created,
    config: { Env: ['PATH=/usr/bin:/bin'], Cmd: ['/bin/sh'], ...config },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => `sha256:${sha256(layer)}`) },
    history: layers.map(() => ({ created, created_by: 'oracle' })),
  });
  const id = sha256(Buffer.from(description));
  const paths = layers.map((layer, at) => `${at}-${sha256(layer)}/layer.tar`);
  const manifest = [{ Config: `${id}.json`, RepoTags: [tagOf(name)], Layers: paths }];
  return Buffer.concat([
    tarFile(`${id}.json`, 0o644, description, 0),
    ...layers.map((layer, at) => tarFile(paths[at] ?? '', 0o644, layer, 0)),
    tarFile('manifest.json', 0o644, JSON.stringify(manifest), 0),
    TAR_END,
  ]);
}

export const tagOf = (name: string) => `hpcbinder-oracle/${name}:1`;

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
