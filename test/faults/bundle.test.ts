/**
 * docs/zero-to-hpcbinder.md, block by block, on a bare login node of the devcluster: the real bundle, systemd, sudo and nginx, an OpenID
 * provider, Chromium from the badge to a notebook on a compute node; an upgrade under it; and all of it gone again.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { parse, stringify } from 'yaml';
import { launchBrowser, newNotebook, withoutNews } from '../browser.mjs';
import { ROOT } from '../e2e/rig.ts';
import { storedImage } from '../e2e/stored.ts';
import { gitServer, sh } from '../repos/git-server.ts';
import { BareNode } from './bare-node.ts';
import { clusterEntry, openIdProvider, SECRET } from './campus.ts';
import { portOf, relay } from './relays.ts';

const MINUTE = 60_000;
const URL_OF_DOC = 'https://binder.hpc.example.edu';
const ISSUER_OF_DOC = 'https://login.example.edu/realms/campus';
const [BUNDLE, ACCOUNT, POLICY, SERVICE, PROXY, UPGRADE, UNINSTALL] = [
  ...readFileSync(join(ROOT, 'docs', 'zero-to-hpcbinder.md'), 'utf8').matchAll(/^```sh run\n(.*?)^```/gms),
].map((match) => match[1] ?? '') as [string, string, string, string, string, string, string];

let node: BareNode;
let browser: Browser;
let page: Page;
let issuer: string;
let repo: string;
let before: string;
let lab: Page;
let run: Awaited<ReturnType<typeof newNotebook>>;
const after: (() => unknown)[] = [];

/**
 * Every file with its kind, mode, owner and content, every account and group, every unit, and what runs. Left out is what changes by
 * itself: logs, the clock's and apt's own notes, and the copies that useradd keeps of the files before.
 */
const TRACES = `
import grp, hashlib, os, pwd, stat, subprocess
SKIP = {"/proc", "/sys", "/dev", "/run", "/tmp", "/home", "/scratch", "/var/log", "/var/cache", "/var/lib/apt", "/var/lib/systemd", "/var/lib/mysql", "/var/tmp"}
for at, folders, files in os.walk("/"):
    folders[:] = sorted(each for each in folders if os.path.join(at, each) not in SKIP)
    for name in sorted(folders + files):
        path = os.path.join(at, name)
        it = os.lstat(path)
        data = open(path, "rb").read() if stat.S_ISREG(it.st_mode) and not path.endswith("-") else b""
        print(path, oct(it.st_mode), it.st_uid, it.st_gid, hashlib.sha256(data).hexdigest()[:12] if data else "")
print(*sorted(each.pw_name for each in pwd.getpwall()))
print(*sorted("%s:%s" % (each.gr_name, ",".join(each.gr_mem)) for each in grp.getgrall()))
for words in (["systemctl", "list-unit-files", "--no-legend", "--no-pager"], ["sudo", "-n", "-l", "-U", "nobody"]):
    print(subprocess.run(words, stdout=subprocess.PIPE).stdout.decode())
print(sorted(line for line in subprocess.run(["ps", "-eo", "user=,args="], stdout=subprocess.PIPE).stdout.decode().split("\\n") if "hpcbinder" in line))
`;
const USED = `pid=$(systemctl show hpcbinder -p MainPID --value)
echo tasks $(systemctl show hpcbinder -p TasksCurrent --value) files $(ls /proc/$pid/fd | wc -l) of $(awk '/open files/ {print $4}' /proc/$pid/limits) MB $(awk '/VmRSS/ {print int($2/1024)}' /proc/$pid/status), $(systemd-analyze security hpcbinder --no-pager 2>/dev/null | tail -1)`;
const traces = () => node.root('python3 -', TRACES);

beforeAll(async () => {
  await storedImage();
  node = await BareNode.started();
  after.push(() => node[Symbol.asyncDispose]());

  const git = await gitServer();
  const folder = join(git.root, 'quickstart.git');
  mkdirSync(folder);
  spawnSync('cp', ['-R', `${join(ROOT, 'examples', 'quickstart')}/.`, folder]);
  sh(folder, 'init', '-q', '-b', 'main');
  sh(folder, 'add', '.');
  sh(folder, 'commit', '-qm', 'the quickstart');
  const gitRelay = await relay(node.gateway, 0, '127.0.0.1', Number(new URL(git.url).port));
  repo = `http://${node.gateway}:${portOf(gitRelay)}/quickstart.git`;
  const provider = await openIdProvider(URL_OF_DOC);
  issuer = provider.issuer;
  // the browser's address of the provider is the service's too: loopback, on both machines
  const providerRelay = await relay(node.gateway, provider.port, '127.0.0.1', provider.port);
  const inside = `import socket, socketserver, threading
class Pipe(socketserver.BaseRequestHandler):
    def handle(self):
        far = socket.create_connection(("${node.gateway}", ${provider.port}))
        def copy(a, b):
            for data in iter(lambda: a.recv(65536), b""):
                b.sendall(data)
            b.shutdown(1)
        threading.Thread(target=copy, args=(far, self.request), daemon=True).start()
        copy(self.request, far)
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
Server(("127.0.0.1", ${provider.port}), Pipe).serve_forever()`;
  await node.root('mkdir -p /run/test; cat > /run/test/relay.py; systemd-run -q python3 /run/test/relay.py', inside);
  after.push(
    () => git.close(),
    () => provider.close(),
    () => gitRelay.close(),
    () => providerRelay.close(),
  );
  await certificate();

  const made = spawnSync(process.execPath, [join(ROOT, 'scripts', 'bundle.mjs'), '--here'], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(made.stderr);
  // the tools themselves leave something behind at their first use
  await node.root(
    'groupadd tmpgroup; useradd -g tmpgroup tmpuser; userdel tmpuser; groupdel tmpgroup 2>/dev/null || true',
  );
  before = await traces();
  const path = made.stdout.trim().split('\n').at(-1) ?? '';
  await node.root('cat > /tmp/hpcbinder-0-linux-x64.tar.gz', readFileSync(path));
  browser = await launchBrowser([`--host-resolver-rules=MAP *.example.edu ${node.address}`]);
  after.push(() => browser.close());
}, 8 * MINUTE);

afterAll(async () => {
  for (const end of after.reverse()) await end();
});

/** With a wildcard, by a CA that nobody knows: the browser is told to take it. */
async function certificate(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'hb-cert-'));
  writeFileSync(join(folder, 'ext'), 'subjectAltName=DNS:binder.hpc.example.edu,DNS:*.binder.hpc.example.edu\n');
  const words = 'req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out chain.pem -subj /CN=test -days 2';
  execFileSync('openssl', words.split(' '), { cwd: folder, stdio: 'ignore' });
  await node.root('mkdir -p /etc/ssl/hpcbinder');
  for (const name of ['key.pem', 'chain.pem'])
    await node.root(`cat > /etc/ssl/hpcbinder/${name}`, readFileSync(join(folder, name)));
  rmSync(folder, { recursive: true });
}

/** What only a devcluster needs, laid over the policy of the guide: a mirror of the base images, a git server without TLS. */
async function laidOver(): Promise<void> {
  const policy = parse(await node.root('cat /etc/hpcbinder/serve.yaml'));
  const { campus } = policy.clusters;
  policy.clusters.campus = { ...clusterEntry(), ...campus };
  policy.repositories = { http: true, private_hosts: [node.gateway] };
  await node.root('cat > /etc/hpcbinder/serve.yaml', stringify(policy));
}

const jobs = async () => (await node.root('squeue -h -o "%j %u %T"')).trim().split('\n').filter(Boolean);

describe('docs/zero-to-hpcbinder.md', () => {
  it(
    'installs without a registry, up to a policy that is fine',
    async () => {
      expect(UNINSTALL).toContain('uninstall.sh');
      await node.root(BUNDLE);
      await node.root(ACCOUNT);
      await node.root(POLICY.replace(ISSUER_OF_DOC, issuer));
      await node.root('cat > /etc/hpcbinder/oidc-secret', SECRET);
      await laidOver();
      expect(await node.root('hpcbinder serve --check --json')).toContain('"ok":true');
      expect(await node.root("su -s /bin/sh hpcbinder -c 'sudo -n -l'")).toContain(
        '/usr/local/libexec/hpcbinder/as-user ""',
      );
      expect(await node.root('find /opt/hpcbinder ! -user root -o ! -type l -perm /022 | head')).toBe('');
    },
    2 * MINUTE,
  );

  it(
    'serves as a unit of systemd, behind nginx',
    async () => {
      await node.root(SERVICE);
      await node.root(PROXY);
      const health = `curl -sk --retry 20 --retry-delay 1 --retry-all-errors --resolve binder.hpc.example.edu:443:127.0.0.1 ${URL_OF_DOC}/health`;
      expect(await node.root(health)).toContain('"ok":true');
      expect(await node.root('systemctl show hpcbinder -p User -p ActiveState --value')).toBe('hpcbinder\nactive\n');
      const log = await node.root('journalctl -u hpcbinder -o cat --no-pager');
      const lines = log.split('\n').filter((line) => line.startsWith('{'));
      expect(lines.map((line) => JSON.parse(line).event)).toContain('listening');
    },
    2 * MINUTE,
  );

  it(
    'shows a badge whose link becomes a notebook on a compute node',
    async () => {
      const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 860 } });
      page = await context.newPage();
      await page.goto(`${URL_OF_DOC}/badge`);
      await page.fill('[name=login]', 'alice@example.edu');
      await page.fill('[name=password]', 'any');
      await page.click('button[type=submit]');
      const consent = page.locator('button[type=submit]', { hasText: 'Continue' });
      if ((await consent.count()) > 0) await consent.click();
      await page.waitForURL(`${URL_OF_DOC}/badge`);
      for (const [name, value] of [
        ['repo', repo],
        ['partition', 'gpu'],
        ['gpus', '1'],
      ] as const)
        await page.fill(`.badge-form [name=${name}]`, value);
      const preview = page.locator('a.preview');
      await preview.locator(`img[src*="badge_logo.svg"]`).waitFor();
      await page.waitForFunction(() => document.querySelector('a.preview')?.getAttribute('href')?.includes('gpus=1'));
      await preview.click();
      await page.waitForURL(`${URL_OF_DOC}/v2/**`);
      await page.click('button:has-text("Launch")');
      const open = page.locator('button:has-text("Open")').first();
      await open.waitFor({ timeout: 4 * MINUTE });
      expect(await jobs()).toEqual([expect.stringMatching(/^hb-[a-z0-9]{10} alice RUNNING$/)]);
      await page.goto(`${URL_OF_DOC}/sessions`);
      const tab = context.waitForEvent('page');
      await page.locator('button:has-text("Open")').first().click();
      lab = await tab;
      await withoutNews(lab);
      await lab.waitForSelector('.jp-LauncherCard', { timeout: 2 * MINUTE });
      run = await newNotebook(lab);
      expect(await run('import socket; print(socket.gethostname())')).toBe('c2');
      // what the guide says of the unit's limits
      const used = await node.root(USED);
      process.stderr.write(`the service with one user and one notebook: ${used}`);
      expect(Number(/tasks (\d+)/.exec(used)?.[1])).toBeLessThan(40);
      expect(Number(/files (\d+)/.exec(used)?.[1])).toBeLessThan(80);
    },
    8 * MINUTE,
  );

  it(
    'is upgraded under an open notebook, which goes on',
    async () => {
      await run('kept = 41');
      await node.root(UPGRADE);
      const dialog = lab.locator('.jp-Dialog button:has-text("Close")');
      await lab.addLocatorHandler(dialog, () => dialog.first().click());
      expect(await run('print(kept + 1)')).toBe('42');
      expect(await node.root('ls /var/lib/hpcbinder')).toContain('before-upgrade.db');
    },
    3 * MINUTE,
  );

  it(
    'keeps a policy that is wrong out, and goes on with what it had',
    async () => {
      await node.root('cp /etc/hpcbinder/serve.yaml /tmp/good; echo "lmits: {}" >> /etc/hpcbinder/serve.yaml');
      expect((await node.run(['systemctl', 'reload', 'hpcbinder'])).code).not.toBe(0);
      expect(await node.root('systemctl is-active hpcbinder')).toBe('active\n');
      await node.root('cat /tmp/good > /etc/hpcbinder/serve.yaml; systemctl reload hpcbinder');
    },
    MINUTE,
  );

  it(
    'uninstalls without a trace',
    async () => {
      await page.goto(`${URL_OF_DOC}/sessions`);
      await page.locator('summary:has-text("Stop")').first().click();
      await page.locator('details[open] button.bad').first().click();
      await page.waitForURL(/done=stopped/, { timeout: 2 * MINUTE });
      await node.root(UNINSTALL);
      // what the guide says is the site's own
      await node.root('rm /etc/nginx/conf.d/hpcbinder.conf; systemctl reload nginx');
      expect((await traces()).split('\n')).toEqual(before.split('\n'));
    },
    3 * MINUTE,
  );
});
