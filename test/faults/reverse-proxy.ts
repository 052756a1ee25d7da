/** The real nginx or Apache with the snippet of deploy/, and a wildcard certificate by an authority of the test. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { notRun } from '../not-run.ts';
import { ROOT } from '../sources.ts';

const MODULES = '/usr/lib/apache2/modules';
export const KINDS = [
  { name: 'nginx', program: '/usr/sbin/nginx' },
  { name: 'apache', program: '/usr/sbin/apache2' },
].filter(({ name, program }) => {
  const there = spawnSync(program, ['-v']).status === 0;
  if (!there) notRun(`${name} in front of the endpoint: ${program} is not installed`);
  return there;
});

/** With certificates for `binder.localhost` and the names below it. */
export function certificates(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hb-front-'));
  chmodSync(folder, 0o755);
  const openssl = (words: string) => execFileSync('openssl', words.split(' '), { cwd: folder, stdio: 'ignore' });
  openssl('req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=authority -days 2');
  openssl('req -newkey rsa:2048 -nodes -keyout key.pem -out csr.pem -subj /CN=localhost');
  writeFileSync(join(folder, 'ext'), 'subjectAltName=DNS:binder.localhost,DNS:*.binder.localhost\n');
  openssl('x509 -req -in csr.pem -CA ca.pem -CAkey ca.key -CAcreateserial -out chain.pem -days 2 -extfile ext');
  return folder;
}

/** Listens at 127.0.0.1:`port` and sends on to `upstream`, with the files of `folder`, until it is closed. */
export async function reverseProxy(
  { name, program }: (typeof KINDS)[number],
  folder: string,
  port: number,
  upstream: number,
): Promise<{ close(): Promise<void> }> {
  const front = started(name, program, folder, port, upstream);
  for (let left = 50; left > 0 && !(await answers(port)); left--) await sleep(100);
  return {
    async close() {
      const ended = once(front, 'exit');
      front.kill('SIGTERM');
      await ended;
    },
  };
}

export function forget(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** The snippet as it is in deploy/, with the names and ports of here. */
function snippet(name: string, folder: string, port: number, upstream: number): string {
  return readFileSync(join(ROOT, 'deploy', `${name}.conf`), 'utf8')
    .replaceAll('binder.hpc.example.edu', 'binder.localhost')
    .replaceAll('/etc/ssl/hpcbinder', folder)
    .replaceAll('127.0.0.1:8443', `127.0.0.1:${upstream}`)
    .replace('listen 443', `listen 127.0.0.1:${port}`)
    .replace('*:443', `127.0.0.1:${port}`);
}

function started(name: string, program: string, folder: string, port: number, upstream: number): ChildProcess {
  const site = join(folder, `${name}-site.conf`);
  const main = join(folder, `${name}.conf`);
  writeFileSync(site, snippet(name, folder, port, upstream));
  const modules = ['mpm_event', 'authz_core', 'ssl', 'socache_shmcb', 'proxy', 'proxy_http', 'headers'];
  const apache = [
    ...modules.map((module) => `LoadModule ${module}_module ${MODULES}/mod_${module}.so`),
    `ServerName localhost\nServerRoot ${folder}\nPidFile ${folder}/apache.pid\nErrorLog ${folder}/apache.log`,
    `DefaultRuntimeDir ${folder}\nMutex file:${folder}\nUser www-data\nGroup www-data\nListen 127.0.0.1:${port}`,
    `Include ${site}\n`,
  ];
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const nginx = [
    `pid ${folder}/nginx.pid;\nerror_log ${folder}/nginx.log;\nevents {}\nhttp {\naccess_log off;`,
    ...temporary.map((each) => `${each}_temp_path ${folder}/${each};`),
    `include ${site};\n}\n`,
  ];
  writeFileSync(main, (name === 'nginx' ? nginx : apache).join('\n'));
  const words = name === 'nginx' ? ['-c', main, '-p', folder, '-g', 'daemon off;'] : ['-f', main, '-DFOREGROUND'];
  return spawn(program, words, { stdio: 'ignore' });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
