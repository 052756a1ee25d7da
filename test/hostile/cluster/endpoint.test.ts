/**
 * A session launched through the campus endpoint, of a repository that attacks its user, and bob on all hosts and at the endpoint:
 * what he finds of her secrets, what the session's code can do to the endpoint, and what the endpoint does with a forged state.
 */
import type { Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { HOSTS, type Host } from '../../../devcluster/index.ts';
import { makeCertificates } from '../../../sessions/certificates.ts';
import { launchBrowser, newNotebook, withoutNews } from '../../browser.mjs';
import { squat } from '../../e2e/bob.ts';
import { hunt, python, type Secrets, tap } from '../../e2e/oracles.ts';
import { on } from '../../e2e/rig.ts';
import { at, root } from '../../faults/as-user-rig.ts';
import { type Campus, campus } from '../../faults/campus.ts';
import { acting, type Person, signedIn } from '../../faults/campus-people.ts';
import { portOf, relay } from '../../faults/relays.ts';
import { type GitServer, gitServer } from '../../repos/git-server.ts';
import {
  ASKS,
  asks,
  FILES_WITH,
  HER_FILES,
  hostileRepository,
  jobs,
  linesOf,
  STATE,
  scriptOfOutput,
  sql,
  tried,
  VICTIM,
} from './endpoint-attack.ts';

const MINUTE = 60_000;
const ask = (header: string, value: string) => asks(inside, new URL(site.url).host, header, value);

let site: Campus;
let browser: Browser;
let git: GitServer;
let way: Server | undefined;
/** where the service listens, as a node of the cluster sees it */
let inside: { host: string; port: number };
let alice: Person;
let bob: Person;
let lab: Page;
let run: Awaited<ReturnType<typeof newNotebook>>;
let id: string;
let launch: string;
let node: Host;
let directory: string;
/** everything by which somebody could be her, or get at her session */
let secrets: Secrets;
let address: { host: string; port: number };
let jobId: string;
let events: string;

beforeAll(async () => {
  browser = await launchBrowser();
  site = await campus();
  await root(
    "usermod -aG hpcbinder-users bob; chmod 755 /home/alice; su alice -c 'mkdir -p ~/.aws; echo machine >~/.netrc; echo key >~/.aws/credentials'",
  );
  await on('login', 'alice', `md5sum ${VICTIM.join(' ')} >~/victim.md5`);
  // names that a program could take for granted, made by bob before her (NET-05)
  for (const host of HOSTS)
    await on(host, 'bob', 'mkdir -m 777 /tmp/hpcbinder /tmp/hpcbinder-alice /tmp/hb /tmp/hb-alice');
  const policy = await root('cat /etc/hpcbinder/serve.yaml');
  const [, host = '', port = ''] = /^listen: (.*):([0-9]+)$/m.exec(policy) ?? [];
  inside = { host, port: Number(port) };
  git = await gitServer();
  hostileRepository(join(git.root, 'hostile.git'), ask('X-Remote-User', 'alice'));
  // the git server answers at the host that the policy names, at a port of its own
  const { hostname } = new URL(decodeURIComponent(site.link.split('/')[2] ?? ''));
  way = await relay(hostname, 0, '127.0.0.1', Number(new URL(git.url).port));
  const link = `v2/git/${encodeURIComponent(`http://${hostname}:${portOf(way)}/hostile.git`)}/HEAD`;
  alice = await signedIn(browser, site, 'alice@campus', `${site.url}/${link}?gpus=0&urlpath=lab`);
  bob = await signedIn(browser, site, 'bob@campus', `${site.url}/sessions`);
}, 10 * MINUTE);

afterAll(async () => {
  await browser?.close();
  way?.close();
  await git?.close();
  await on('login', 'bob', 'scancel --me');
  await on('login', 'alice', 'scancel --me; rm -rf ~/.netrc ~/.aws ~/victim.md5');
  for (const host of HOSTS) await on(host, 'bob', 'rm -rf /tmp/hpcbinder /tmp/hpcbinder-alice /tmp/hb /tmp/hb-alice');
  await site?.[Symbol.asyncDispose]();
}, 2 * MINUTE);

describe('a hostile repository', () => {
  it(
    'is built and run by a click, as a job of hers',
    async () => {
      const { page, context } = alice;
      expect(await jobs('alice')).toEqual([]);
      await page.click('button:has-text("Launch")');
      await page.waitForURL(/\/launches\/la-/);
      launch = page.url().replace(/.*(la-[0-9a-f]{16}).*/, '$1');
      await page
        .locator('button:has-text("Open")')
        .first()
        .waitFor({ timeout: 8 * MINUTE });
      events = await (
        await context.request.get(`${site.url}/api/v1/launches/${launch}/events`, { timeout: MINUTE })
      ).text();
      id = (await jobs('alice'))[0]?.split(' ')[1] ?? '';
      expect(id).toMatch(/^hb-[a-z0-9]{10}$/);
      const [[record = '', kept = ''] = []] = await sql('SELECT record, secrets FROM sessions WHERE id = ?', id);
      const read = JSON.parse(record) as { directory: string; jobId: string; address: typeof address };
      ({ directory, jobId, address } = read);
      node = address.host === 'c2' ? 'c2' : 'c1';
      await page.goto(`${site.url}/sessions`);
      const tab = context.waitForEvent('page');
      await page.locator('button:has-text("Open")').first().click();
      lab = await tab;
      await withoutNews(lab);
      await lab.waitForSelector('.jp-LauncherCard', { timeout: 2 * MINUTE });
      run = await newNotebook(lab);
      expect(await run('print(6 * 7)')).toBe('42');
      const { secrets: proxys } = JSON.parse(kept) as { secrets: Record<string, string> };
      const cookies = (await context.cookies()).filter(({ value }) => value.length >= 32);
      const made = await context.request.post(`${site.url}/api/v1/tokens`, {
        headers: await acting(alice, site),
        data: { name: 'of the test', scopes: ['read', 'launch', 'stop'] },
      });
      const theirs = await python<Record<string, string>>(node, 'alice', HER_FILES, { directory });
      secrets = {
        ...theirs,
        clientKey: proxys.clientKey?.split('\n')[2] ?? '',
        appToken: proxys.appToken ?? '',
        cookieKey: proxys.cookieKey ?? '',
        xsrf: (await acting(alice, site))['x-xsrftoken'] ?? '',
        apiToken: ((await made.json()) as { token: string }).token,
        ...Object.fromEntries(cookies.map(({ name, value }) => [`cookie ${name}`, value])),
      };
      // the login's cookie, the session's, and the rest of hers
      expect(Object.keys(secrets).length).toBeGreaterThan(8);
      expect(Object.entries(secrets).filter(([, value]) => value.length < 32)).toEqual([]);
    },
    12 * MINUTE,
  );

  it('reaches in its build no file of hers, no host but the node, nothing of the service, and 401 at the endpoint (BLD-01)', async () => {
    const tries = tried(linesOf(events));
    expect([...tries.keys()].filter((what) => /^(?:read|write)/.test(what))).toEqual([]);
    expect(tries.get('host')).toMatch(/^c[12]/);
    expect(tries.get('endpoint')).toMatch(/^401/);
    expect(tries.get('service')).toBe('');
    expect(tries.get('processes')).not.toMatch(/serve|slurmd/);
    expect(await on('login', 'alice', 'md5sum --quiet -c ~/victim.md5')).toMatchObject({ code: 0, stdout: '' });
  });

  it('reaches no more in its session, whatever mounts it asks for (SIF-03, SIF-04)', async () => {
    const tries = tried(await run("print(open('/srv/repo/tried').read())"));
    expect([...tries.keys()].filter((what) => /^(?:read|write)/.test(what))).toEqual([]);
    expect(tries.get('host')).toBe(node);
    expect(tries.get('service')).toBe('');
    const mounts = await run("print(' '.join(line.split()[4] for line in open('/proc/self/mountinfo')))");
    expect(mounts).toContain('/srv/repo');
    expect(mounts).not.toMatch(/ \/(?:scratch|home\/alice|root|var\/lib\/hpcbinder)/);
    expect(await on('login', 'alice', 'md5sum --quiet -c ~/victim.md5')).toMatchObject({ code: 0, stdout: '' });
  });

  it(
    "has no key but its app's, and that opens nothing of the endpoint (TOK-12)",
    async () => {
      const { appToken = '', ...others } = secrets;
      const grep = `import os, base64
words = [base64.b64decode(word) for word in ${JSON.stringify(
        Object.entries(others)
          .filter(([name]) => /cookie|clientKey|xsrf|apiToken/.test(name))
          .map(([, value]) => Buffer.from(value).toString('base64')),
      )}]
found = []
for top in ('/srv', '/run', '/home', '/tmp', '/dev/shm', '/proc'):
    for at, _, names in os.walk(top):
        for name in names if top != '/proc' else [n for n in names if n in ('environ', 'cmdline')]:
            try: data = open(os.path.join(at, name), 'rb').read(1 << 22)
            except OSError: continue
            found += [at + '/' + name for word in words if word in data]
print(found)`;
      // the words of the question stand in the cell, hence in the notebook, as base64
      expect(await run(grep, 2 * MINUTE)).toBe('[]');
      for (const [header, value] of [
        ['Authorization', `Bearer ${appToken}`],
        ['Authorization', `token ${appToken}`],
        ['Cookie', `hpcbinder=${appToken}`],
        ['X-Remote-User', 'alice'],
      ] as const)
        expect([header, await run(ask(header, value))]).toEqual([header, '401']);
    },
    4 * MINUTE,
  );

  it(
    'gets nothing and does nothing at the endpoint by the script of an output, in her signed-in browser (ABU-05, WEB-01, WEB-05)',
    async () => {
      const before = (await sql('SELECT id FROM launches')).length;
      const script = scriptOfOutput(site.url, id);
      await run(`from IPython.display import HTML, display
display(HTML("<script>" + ${JSON.stringify(script)} + "</script>"))`);
      await lab.waitForFunction('window.over === true', undefined, { timeout: MINUTE });
      const told = new Map((await lab.evaluate('window.told')) as [string, string][]);
      // what no-cors got is opaque: it has neither a status nor a body
      for (const [what, how] of told)
        if (what !== 'frame') expect([what, how]).toEqual([what, expect.stringMatching(/^(?:error|opaque 0)$/)]);
      expect(told.get('frame')).toMatch(/^(?:closed|)$/);
      expect([...told.keys()]).toContain('no-cors launch');
      expect((await sql('SELECT id FROM launches')).length).toBe(before);
      expect(await jobs('alice')).toEqual([expect.stringContaining(id)]);
      // and what another origin's page could not have set is not there for the session's to read
      expect(await lab.evaluate('document.cookie')).not.toMatch(/hpcbinder|hb_/);
    },
    3 * MINUTE,
  );
});

describe('what bob finds while it lives', () => {
  it.each(HOSTS)(
    'is no secret of hers on %s, by processes, the scheduler and all that he can read (TOK-01, 03, 05)',
    async (host) => {
      const { hits, looked } = await hunt(host, 'bob', secrets, jobId);
      expect(hits).toEqual([]);
      expect(looked.processes).toBeGreaterThan(3);
      expect(looked.answers).toEqual(expect.arrayContaining(['ps -eo', 'scontrol -dd', 'squeue --json']));
    },
    2 * MINUTE,
  );

  it(
    'is nothing that logs, spool and accounting could give away, read by root (TOK-02, TOK-07)',
    async () => {
      for (const host of HOSTS) expect([host, (await hunt(host, 'root', secrets, jobId)).hits]).toEqual([host, []]);
    },
    3 * MINUTE,
  );

  it(
    'is no file: state, log and events of the service are its own alone, and the log, the events and the audit have no secret (TOK-05, TOK-07)',
    async () => {
      const audit = await root(
        `su hpcbinder -c '/usr/local/bin/hpcbinder admin audit --config /etc/hpcbinder/serve.yaml --json'`,
      );
      const all = { log: await site.log(), events: await root(`cat ${STATE}/launches.jsonl`), audit, told: events };
      expect(audit).toContain(id);
      for (const [where, text] of Object.entries(all))
        for (const [name, value] of Object.entries(secrets))
          expect([where, name, text.includes(value)]).toEqual([where, name, false]);
      expect(await root(`find ${STATE} -perm /077`)).toBe('');
      expect((await at('bob', ['ls', STATE])).code).not.toBe(0);
      // of logins and tokens there are only hashes, so the file itself opens neither
      const words = Object.entries(secrets).filter(([name]) => /^cookie |^apiToken/.test(name));
      for (const [name, value] of words) {
        const found = await python<string[]>('login', 'root', FILES_WITH, { word: value, folder: STATE });
        expect([name, found]).toEqual([name, []]);
      }
    },
    2 * MINUTE,
  );

  it(
    'is 401 and nothing else at the port of the service, from the login node and a compute node, whatever he says who he is (WEB-11, WEB-23)',
    async () => {
      const paths = ['/api/v1/admin', '/api/v1/sessions', `/api/v1/sessions/${id}/log`, '/api/v1/tokens'];
      const said = [{}, { 'X-Remote-User': 'dave' }, { 'X-Forwarded-User': 'dave', 'X-Forwarded-For': '127.0.0.1' }];
      for (const host of ['login', 'c1'] as const) {
        const input = { ...inside, name: new URL(site.url).host, paths, said };
        const answers = await python<[number, string][]>(host, 'bob', ASKS, input);
        expect(answers).toHaveLength(paths.length * said.length);
        for (const [status, body] of answers) {
          expect(status).toBe(401);
          expect(body).not.toMatch(new RegExp(`${id}|alice`));
        }
      }
    },
    MINUTE,
  );

  it(
    'is nothing on the wire between the endpoint and her node but what is encrypted (NET-06)',
    async () => {
      const heard = await tap(node, { ...secrets, word: 'Set-Cookie', shown: 'a-word-of-her-notebook' });
      expect(await run("print('a-word-of' + '-her-notebook')")).toBe('a-word-of-her-notebook');
      await lab.evaluate("fetch('/api/status')");
      const { hits, bytes } = await heard.stop();
      expect(bytes).toBeGreaterThan(1_000);
      expect(hits).toEqual([]);
    },
    2 * MINUTE,
  );

  it('are names in /tmp that he made before her: nothing was written there (NET-05)', async () => {
    for (const host of HOSTS)
      expect(
        (await on(host, 'bob', 'find /tmp/hpcbinder /tmp/hpcbinder-alice /tmp/hb /tmp/hb-alice -mindepth 1')).stdout,
      ).toBe('');
  });
});

describe('her way in', () => {
  const open = async (who: Person) => {
    const answer = await who.context.request.post(`${site.url}/api/v1/sessions/${id}/open`, {
      headers: await acting(who, site),
      data: {},
    });
    return { status: answer.status(), url: answer.ok() ? ((await answer.json()) as { url: string }).url : '' };
  };

  it(
    'is a link that works once, leaves the address, and is not in the log; bob has none (TOK-06)',
    async () => {
      expect((await open(bob)).status).toBe(404);
      const { url } = await open(alice);
      const code = new URL(url).searchParams.get('c') ?? '';
      expect(code.length).toBeGreaterThanOrEqual(32);
      const used = await browser.newContext();
      const page = await used.newPage();
      await page.goto(url);
      expect(page.url()).not.toContain(code);
      expect(page.url()).not.toContain('c=');
      const again = await browser.newContext();
      const second = await (await again.newPage()).goto(url);
      expect(second?.status()).toBe(403);
      expect(second?.headers()['referrer-policy']).toBe('no-referrer');
      expect((await site.log()).includes(code)).toBe(false);
      for (const each of [used, again]) await each.close();
    },
    MINUTE,
  );

  it(
    'ends with the login: an open WebSocket within 5 s, the cookie at once, and a tab that asks on revives nothing (TOK-11, WEB-03)',
    async () => {
      const other = await signedIn(browser, site, 'alice@campus', `${site.url}/sessions`);
      const { url } = await open(other);
      const tab = await other.context.newPage();
      await tab.goto(url);
      const kernels = "fetch('/api/kernels').then((r) => r.json()).then((all) => all[0].id)";
      await tab.evaluate(
        `${kernels}.then((kernel) => { const s = new WebSocket('ws://' + location.host + '/api/kernels/' + kernel + '/channels'); s.onopen = () => { window.opened = true; }; s.onclose = () => { window.closed = Date.now(); }; })`,
      );
      await tab.waitForFunction('window.opened === true');
      const begun = Date.now();
      const out = await other.context.request.post(`${site.url}/sign-out`, {
        headers: await acting(other, site),
        form: { _xsrf: (await acting(other, site))['x-xsrftoken'] ?? '' },
      });
      expect(out.ok()).toBe(true);
      await tab.waitForFunction('window.closed !== undefined', undefined, { timeout: 15_000 });
      expect(((await tab.evaluate('window.closed')) as number) - begun).toBeLessThan(6_000);
      for (let i = 0; i < 3; i++) expect(await tab.evaluate("fetch('/api/status').then((r) => r.status)")).toBe(403);
      expect((await other.context.request.get(`${site.url}/api/v1/me`)).status()).toBe(401);
      // her first login goes on
      expect(await run('print(7 * 6)')).toBe('42');
      await other.context.close();
    },
    3 * MINUTE,
  );
});

describe('an account of the service that was taken over, or its file', () => {
  it(
    'can do as others one thing, and reads nothing that is theirs alone (ABU-10)',
    async () => {
      const rule = await at('hpcbinder', ['sudo', '-n', '-l']);
      const lines = rule.stdout.split('\n').filter((line) => /^\s+\(/.test(line));
      expect(lines.map((line) => line.trim())).toEqual([
        expect.stringMatching(/^\(%hpcbinder-users\) NOPASSWD: \/usr\/local\/libexec\/hpcbinder\/as-user ""$/),
      ]);
      for (const path of [
        `${directory}/job.json`,
        '/home/alice/.ssh/authorized_keys',
        '/etc/shadow',
        '/etc/munge/munge.key',
      ])
        expect([path, (await at('hpcbinder', ['cat', path])).code === 0]).toEqual([path, false]);
      expect((await at('hpcbinder', ['scancel', jobId])).code).not.toBe(0);
      expect(await jobs('alice')).toEqual([expect.stringContaining(id)]);
    },
    MINUTE,
  );
});

describe('the end', () => {
  it(
    'leaves no port to bob: he takes that of her agent, hears nothing, and she gets a page that says so (NET-01, NET-02)',
    async () => {
      const keys = await makeCertificates(id, 3600);
      const taking = await squat(node, address.port, keys.server);
      await on(node, 'root', `pkill -KILL -u alice -f '[a]gent.py'; pkill -KILL -u alice -f '[j]upyter-lab'`);
      const answers: number[] = [];
      for (let i = 0; i < 10; i++) {
        answers.push(
          (await lab.evaluate("fetch('/api/status', {cache: 'no-store'}).then((r) => r.status, () => 0)")) as number,
        );
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      const { heard, taken } = await taking.end();
      expect(heard).toBe('');
      expect({ taken, some: answers.some((status) => status !== 200) }).toEqual({ taken: true, some: true });
      for (const [name, value] of Object.entries(secrets))
        expect([name, (await site.log()).includes(value)]).toEqual([name, false]);
    },
    3 * MINUTE,
  );

  it(
    "with the number of bob's job in the place of hers ends nothing of his by her click (ABU-09)",
    async () => {
      const made = await on(
        'login',
        'bob',
        "sbatch --parsable -p debug --mem=64M -t 20 -o /dev/null --wrap='sleep 1000'",
      );
      const foreign = made.stdout.trim();
      expect(foreign).toMatch(/^[0-9]+$/);
      await site.kill();
      await sql("UPDATE sessions SET record = json_set(record, '$.jobId', ?) WHERE id = ? RETURNING id", foreign, id);
      await site.start();
      const view = await alice.context.request.get(`${site.url}/api/v1/sessions/${id}`);
      expect(view.ok()).toBe(true);
      await alice.context.request
        .post(`${site.url}/api/v1/sessions/${id}/stop`, { headers: await acting(alice, site), timeout: 2 * MINUTE })
        .catch(() => undefined);
      expect(await root(`squeue -h -j ${foreign} -o '%T %u'`)).toMatch(/^(?:RUNNING|PENDING) bob/);
      await on('login', 'bob', `scancel ${foreign}`);
      await restored();
    },
    5 * MINUTE,
  );

  it(
    'leaves her cookie and her link good for nothing, and another session has another name (TOK-11, ABU-04)',
    async () => {
      await alice.context.request
        .post(`${site.url}/api/v1/sessions/${id}/stop`, { headers: await acting(alice, site), timeout: 2 * MINUTE })
        .catch(() => undefined);
      await root('scancel -u alice');
      const ended = async () =>
        ((await (await alice.context.request.get(`${site.url}/api/v1/sessions/${id}`)).json()) as { phase: string })
          .phase;
      for (let left = 60; left > 0 && (await ended()) !== 'ended'; left--)
        await new Promise((resolve) => setTimeout(resolve, 2000));
      expect(await ended()).toBe('ended');
      const status = await lab.evaluate("fetch('/api/status', {cache: 'no-store'}).then((r) => r.status, () => 0)");
      expect([0, 403, 404, 410, 421, 502, 503]).toContain(status);
      // the proxy's keys are gone with it
      const [[kept = ''] = []] = await sql('SELECT secrets FROM sessions WHERE id = ?', id);
      // that of the cookie stays, for the page of the end is shown by it
      expect(JSON.parse(kept)).toMatchObject({ secrets: { ca: '', clientCert: '', clientKey: '', appToken: '' } });
      const again = await alice.context.request.post(`${site.url}/api/v1/sessions/${id}/open`, {
        headers: await acting(alice, site),
        data: {},
      });
      expect(again.status()).toBe(409);
    },
    4 * MINUTE,
  );
});

/** The endpoint with her session as it was before its row was forged. */
async function restored(): Promise<void> {
  await site.kill();
  await sql("UPDATE sessions SET record = json_set(record, '$.jobId', ?) WHERE id = ? RETURNING id", jobId, id);
  await site.start();
}
