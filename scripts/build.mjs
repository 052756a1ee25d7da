// TypeScript to dist/, and beside it the files that are none (the agent's Python, the job script, the devcluster's
// Dockerfile). File by file, without looking at types, which is a tenth of tsc's time: `npm run check` looks at them.
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
// one file alone does not know the `"type": "module"` that nodenext goes by
const forModules = { ...config.compilerOptions, noEmit: false, module: 'esnext', moduleResolution: 'bundler' };
const { options } = ts.convertCompilerOptionsFromJson(forModules, root);
const rooms = config.include.filter((room) => room !== 'test');

if (process.argv.includes('--clean')) rmSync(dist, { recursive: true, force: true });
const made = new Set();
for (const room of rooms) {
  for (const entry of readdirSync(join(root, room), { recursive: true, withFileTypes: true })) {
    const source = join(entry.parentPath, entry.name);
    if (entry.isFile() && !source.includes('__pycache__')) made.add(write(source));
  }
}
// What has no source any more is not packed.
for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name);
  if (entry.isFile() && !made.has(path)) rmSync(path);
}
chmodSync(join(dist, 'cli', 'main.js'), 0o755);

function write(source) {
  const target = join(dist, source.slice(root.length)).replace(/\.ts$/, '.js');
  const content = source.endsWith('.ts') ? javascript(source) : readFileSync(source);
  mkdirSync(dirname(target), { recursive: true });
  if (!existsSync(target) || !readFileSync(target).equals(Buffer.from(content))) writeFileSync(target, content);
  return target;
}

function javascript(source) {
  const { outputText, diagnostics } = ts.transpileModule(readFileSync(source, 'utf8'), {
    compilerOptions: options,
    fileName: source,
    reportDiagnostics: true,
  });
  if (diagnostics?.length) {
    const at = { getCurrentDirectory: () => root, getCanonicalFileName: (name) => name, getNewLine: () => '\n' };
    process.stderr.write(ts.formatDiagnostics(diagnostics, at));
    process.exit(1);
  }
  return outputText;
}
