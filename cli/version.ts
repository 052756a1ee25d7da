/** From package.json, which lies one folder above cli/ in the sources and in dist/ alike after packing (two above dist/cli). */
import { existsSync, readFileSync } from 'node:fs';

function find(): string {
  for (const up of ['../package.json', '../../package.json']) {
    const url = new URL(up, import.meta.url);
    if (existsSync(url)) return (JSON.parse(readFileSync(url, 'utf8')) as { version: string }).version;
  }
  return '0.0.0';
}

export const VERSION = find();
/** What the scheduler's comment and the records say. */
export const PRODUCT = `hpcbinder ${VERSION}`;
