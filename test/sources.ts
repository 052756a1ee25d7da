/** The product's own source as the tests of the architecture see it: files, imports, and a walk over the syntax. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
export const ROOMS = [
  'core',
  'transports',
  'repos',
  'buildpacks',
  'images',
  'converters',
  'schedulers',
  'jobs',
  'sessions',
  'server',
  'devcluster',
  'cli',
] as const;
export type Room = (typeof ROOMS)[number];

/** `typeOnly`: erased by the compiler, so nothing is loaded by it */
export type Import = { from: string; to: string; typeOnly: boolean };
/** Paths are relative to the repository, with `/`. */
export type Source = { path: string; room: string; lines: number; tree: ts.SourceFile; imports: readonly Import[] };

function filesUnder(folder: string, kinds: readonly string[] = ['.ts']): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && kinds.some((kind) => entry.name.endsWith(kind)))
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1));
}

export function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** What runs on clusters: Python and shell. */
export function scripts(): { path: string; lines: number }[] {
  const paths = ROOMS.flatMap((room) => filesUnder(room, ['.py', '.sh', '.js']));
  return paths.map((path) => ({ path, lines: read(path).trimEnd().split('\n').length }));
}

export function sources(folders: readonly string[] = ROOMS): Source[] {
  return folders
    .flatMap((folder) => filesUnder(folder))
    .map((path) => {
      const text = read(path);
      const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
      const room = path.split('/', 1)[0] ?? '';
      return { path, room, lines: text.split('\n').length - 1, tree, imports: importsOf(path, tree) };
    });
}

export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  node.forEachChild((child) => walk(child, visit));
}

function importsOf(path: string, tree: ts.SourceFile): Import[] {
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, typeOnly: boolean) => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    const to = specifier.text.startsWith('.') ? normalize(join(dirname(path), specifier.text)) : specifier.text;
    found.push({ from: path, to, typeOnly });
  };
  walk(tree, (node) => {
    if (ts.isImportDeclaration(node))
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false);
  });
  return found;
}

/** Every file and package that running `entry` can load, by static and dynamic imports; with `types`, that it is made of. */
export function reachable(entry: string, all: readonly Source[], how: { types?: boolean } = {}): Set<string> {
  const byPath = new Map(all.map((source) => [source.path, source]));
  const seen = new Set<string>();
  const open = [entry];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    for (const one of byPath.get(next)?.imports ?? []) if (!one.typeOnly || how.types) open.push(one.to);
  }
  return seen;
}
