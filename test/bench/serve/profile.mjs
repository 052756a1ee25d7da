// What a process did with its time, by a profile of V8 (node --cpu-prof): in words, by the place and by the function.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const MOST = 12;

/** Two sentences. `directory` holds one profile. */
export function inWords(directory) {
  const name = readdirSync(directory).find((each) => each.endsWith('.cpuprofile'));
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(join(directory, name), 'utf8'));
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const [places, functions] = [new Map(), new Map()];
  let all = 0;
  samples.forEach((id, n) => {
    const frame = byId.get(id);
    if (frame.functionName === '(idle)') return;
    const time = timeDeltas[n];
    all += time;
    add(places, placeOf(frame), time);
    if (!frame.functionName.startsWith('('))
      add(functions, `${frame.functionName || 'anonymous'} (${fileOf(frame)})`, time);
  });
  const shares = (map, most) =>
    [...map]
      .sort(([, a], [, b]) => b - a)
      .slice(0, most)
      .map(([what, time]) => `${what} ${((100 * time) / all).toFixed(1)} %`)
      .join(', ');
  return `by place: ${shares(places, 8)}; by function: ${shares(functions, MOST)}`;
}

function add(map, key, value) {
  map.set(key, (map.get(key) ?? 0) + value);
}

function placeOf({ functionName, url }) {
  if (functionName === '(garbage collector)') return 'garbage collection';
  if (functionName === '(program)') return 'native code of Node (libuv, OpenSSL, system calls)';
  if (/node_modules\/http-proxy/.test(url)) return 'http-proxy';
  if (url.includes('node_modules')) return 'other packages';
  if (url.includes('/dist/')) return 'our checks';
  if (/^node:(?:internal\/)?(?:_?http|_http)/.test(url)) return 'Node’s HTTP';
  if (/^node:.*(?:crypto)/.test(url)) return 'Node’s cryptography';
  if (/^node:.*(?:stream|net|tls)/.test(url)) return 'Node’s streams, sockets, TLS';
  return url.startsWith('node:') || url === '' ? 'Node, the rest' : 'other';
}

function fileOf({ url }) {
  return url === ''
    ? 'native'
    : url
        .replace(/^node:/, '')
        .split('/')
        .slice(-2)
        .join('/');
}
