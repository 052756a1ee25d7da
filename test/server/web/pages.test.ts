/** The pages as they are sent, before any script: what they say, what their forms carry, what stands in their headers. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { StaticFiles } from '../../../server/web/static.ts';
import { ALICE, BOB, LAUNCH, SESSIONS, session } from './canned.ts';
import { type FakeEndpoint, fakeEndpoint, transpiled, XSRF } from './rig.ts';

const PAGES = [
  '/',
  '/v2/gh/org/repo/main',
  `/launches/${LAUNCH.id}`,
  `/launches/${LAUNCH.id}/log`,
  '/sessions',
  `/sessions/${SESSIONS[0]?.id}/log`,
  '/badge',
  '/tokens',
  '/repositories',
  '/me',
  '/admin',
];

let fake: FakeEndpoint;
beforeAll(async () => {
  fake = await fakeEndpoint('/hub');
});
afterAll(() => fake.close());
beforeEach(() => {
  Object.assign(fake.world, {
    user: ALICE,
    sessions: SESSIONS,
    announcement: undefined,
    drained: undefined,
    mayTouch: true,
  });
});

type Got = { status: number; headers: Record<string, string>; body: string };

async function ask(path: string, how: RequestInit = {}): Promise<Got> {
  const response = await fetch(`${fake.url}${path}`, { redirect: 'manual', ...how });
  const body = await response.text();
  return { status: response.status, headers: Object.fromEntries(response.headers), body };
}

const get = (path: string) => ask(path, { headers: { Accept: 'text/html' } });
const post = (path: string, fields: Record<string, string>) =>
  ask(path, { method: 'POST', body: new URLSearchParams({ _xsrf: XSRF, ...fields }) });

describe('every page', () => {
  it.each(PAGES)('%s is for those who are signed in, and comes back after the sign-in', async (path) => {
    fake.world.user = undefined;
    const { status, headers, body } = await get(path);
    expect([status, headers.location, body]).toEqual([
      303,
      `/hub/sign-in?next=${encodeURIComponent(`/hub${path}`)}`,
      '',
    ]);
  });

  it.each(PAGES)('%s runs no script and no style but the files of the endpoint (WEB-13, WEB-20)', async (path) => {
    const { status, headers, body } = await get(path);
    expect(status).toBe(200);
    const policy = String(headers['content-security-policy']);
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ]) {
      expect(policy).toContain(part);
    }
    expect(policy).not.toContain('unsafe');
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      'referrer-policy': 'same-origin',
    });
    expect(body).not.toMatch(/<script(?![^>]* src=)|<style|<[a-z][^>]*\s(?:style|on[a-z]+)=/i);
  });

  it.each(PAGES)('%s has the proof of our own page in each form that changes something (WEB-05)', async (path) => {
    const { body } = await get(path);
    const forms = body.match(/<form [^>]*method="post"[\s\S]*?<\/form>/g) ?? [];
    expect(forms.length).toBeGreaterThan(0);
    for (const form of forms) expect(form).toContain(`name="_xsrf" value="${XSRF}"`);
  });

  it('has links below the path of the endpoint only', async () => {
    for (const path of PAGES) {
      const { body } = await get(path);
      const ours = [...body.matchAll(/(?:href|src|action|formaction)="(\/[^"]*)"/g)].map(([, address]) => address);
      expect(ours.filter((address) => !address?.startsWith('/hub/'))).toEqual([]);
    }
  });

  it('shows what the site announces, and that no launch is accepted', async () => {
    Object.assign(fake.world, { announcement: 'Friday: <b>maintenance</b>', drained: 'moving house' });
    const { body } = await get('/');
    expect(body).toContain('Friday: &lt;b>maintenance');
    expect(body).toMatch(/No new launches at present: moving house/);
    expect(body).toMatch(/<button class="go" disabled/);
  });
});

describe('what others wrote', () => {
  it('is text on every page, whatever it looks like (WEB-13)', async () => {
    const evil = '"><img src=x onerror=alert(1)>\u202e</script>';
    fake.world.sessions = [
      session('hb-aaaaaaaaaa', {
        repo: { shown: evil },
        node: evil,
        workDirectory: evil,
        waiting: evil,
        cluster: evil,
      }),
      session('hb-bbbbbbbbbb', {
        phase: 'ended',
        ended: { why: 'failed', at: new Date().toISOString(), words: evil, detail: evil },
      }),
    ];
    const { body } = await get('/sessions');
    expect(body).not.toContain('<img');
    // only the module's own tag is closed
    expect(body.match(/<\/script>/g)).toEqual(['</script>']);
    expect(body.replace(/data-props="[^"]*"/, '')).not.toContain('\u202e');
  });
});

describe('my sessions', () => {
  it('have "Still needed" where one will end for idleness, unless the site lets nobody put that off', async () => {
    const touch = /action="[^"]*\/sessions\/(hb-[0-9a-z]+)\/touch"/g;
    const offered = async () => [...(await get('/sessions')).body.matchAll(touch)].map(([, id]) => id);
    expect(await offered()).toEqual(['hb-p2c0aaaaaa']);
    fake.world.mayTouch = false;
    expect(await offered()).toEqual([]);
    expect((await get('/sessions')).body).toContain('Nobody uses it');
  });

  it('stay a small page after half a year', async () => {
    const ended = Array.from({ length: 300 }, (_, n) =>
      session(`hb-${String(n).padStart(10, '0')}`, {
        phase: 'ended',
        ended: { why: 'idle', at: new Date().toISOString(), words: 'ended: nobody used it' },
      }),
    );
    fake.world.sessions = [...ended, ...SESSIONS.slice(0, 3)];
    const { body } = await get('/sessions');
    expect(body.match(/data-session=/g)?.length).toBe(15);
    expect(body.length).toBeLessThan(50_000);
  });
});

describe('the launch form', () => {
  it('begins with what the link asks for, and names what no link can ask for (WEB-06)', async () => {
    const { body } = await get('/v2/gh/org/climate/main?partition=gpu&gpus=2&time=3h&mem=16G&mount=/home&env=A');
    expect(body).toContain('<h1>org/climate @ main</h1>');
    expect(body).toMatch(/<option value="gpu" selected/);
    for (const [name, value] of [
      ['repo', 'https://github.com/org/climate'],
      ['ref', 'main'],
      ['gpus', '2'],
      ['time', '3h'],
      ['memory', '16G'],
    ]) {
      expect(body).toMatch(new RegExp(`<input[^>]* name="${name}"[^>]* value="${value}"`));
    }
    expect(body).toMatch(/left out: <code>mount<\/code>, <code>env<\/code>/);
    expect(body).toContain('code will run as you (<code>alice</code>) on the cluster');
    expect(fake.posted).toEqual([]);
  });

  it('names each wish that it cannot show, and keeps the number of GPUs for the judge', async () => {
    const { body } = await get('/v2/gh/org/repo/main?partition=night&cluster=nowhere&gpus=h100:2&data=era6');
    expect(body).toContain('Cluster nowhere was asked for, and it is not offered here: this runs on ');
    expect(body).toContain('Partition night was asked for, and it is not offered on ');
    expect(body).toContain('GPU type h100 was asked for, and it is not offered in partition ');
    expect(body).toContain('Data era6 was asked for, and it is not offered here: this launches without it.');
    expect(body).toMatch(/<input[^>]* name="gpus"[^>]* value="2"/);
    expect((await get('/v2/gh/org/repo/main?partition=gpu&gpus=a100:2&data=era5')).body).not.toContain('not offered');
  });

  it('shows GPUs that were asked for also in a partition without', async () => {
    const { body } = await get('/v2/gh/org/repo/main?partition=cpu&gpus=1');
    expect(body).toMatch(/<option value="cpu" selected/);
    const field = body.match(/<input[^>]* name="gpus"[^>]*>/)?.[0];
    expect(field).toContain('value="1"');
    expect(field).not.toContain('max=');
    expect(body).toContain('this partition has none');
  });

  it('is shown again with what was ticked', async () => {
    const { body } = await post('/launch', { repo: 'org/repo', time: 'soon', data: 'era5', fresh: 'on' });
    expect(body).toMatch(/<input[^>]* value="era5"[^>]* checked/);
    expect(body).toMatch(/<input[^>]* name="fresh"[^>]* checked/);
  });

  it('is shown again with what was typed where it was refused', async () => {
    const { status, body } = await post('/launch', { repo: 'org/repo', time: 'soon', partition: 'gpu' });
    expect(status).toBe(400);
    expect(body).toContain('&quot;soon&quot; is no duration');
    expect(body).toMatch(/name="time"[^>]* value="soon"/);
    expect(body).toMatch(/<option value="gpu" selected/);
  });

  it('can be sent though the cluster did not say in time what it offers', async () => {
    fake.world.offers = false;
    const { body } = await get('/v2/gh/org/repo/main?partition=gpu&gpus=h100:2');
    fake.world.offers = true;
    expect(body).toContain('did not say in time what it offers');
    for (const [name, value] of [
      ['partition', 'gpu'],
      ['gpus', '2'],
      ['gpuType', 'h100'],
    ])
      expect(body).toMatch(new RegExp(`<input[^>]* name="${name}"[^>]* value="${value}"`));
  });
});

describe('somebody else’s', () => {
  it.each(['/launches/la-0000000000000000', '/launches/la-0000000000000000/log', '/sessions/hb-0000000000/log'])(
    '%s is as one that does not exist (WEB-02)',
    async (path) => {
      const { status, body } = await get(path);
      expect(status).toBe(404);
      expect(body).toContain('There is nothing here');
    },
  );

  it('admin page is not there for those who are none', async () => {
    fake.world.user = BOB;
    expect((await get('/admin')).status).toBe(404);
    expect((await get('/')).body).not.toContain('/hub/admin');
  });
});

describe('a new token', () => {
  it('is shown by the answer to its making, and by no other page', async () => {
    const made = await post('/tokens', { name: 'x' });
    expect(made.body).toContain('hbt_shown-once');
    expect(made.headers['cache-control']).toBe('no-store');
    expect((await get('/tokens')).body).not.toContain('hbt_shown-once');
  });
});

describe('the files', () => {
  it('are kept for ever under a name that changes with them, and packed', async () => {
    const { body } = await get('/sessions');
    const [path = ''] = /\/static\/sessions-[0-9a-f]{16}\.js/.exec(body) ?? [];
    const whole = await ask(path, { headers: { 'Accept-Encoding': 'identity' } });
    const packed = await ask(path, { headers: { 'Accept-Encoding': 'br, gzip' } });
    expect(whole.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(whole.headers['content-type']).toBe('text/javascript; charset=utf-8');
    expect(packed.headers['content-encoding']).toBe('gzip');
    expect(packed.body).toBe(whole.body);
    expect(Number(packed.headers['content-length'])).toBeLessThan(Number(whole.headers['content-length']) / 2);
  });

  it.each(['..%2f..%2fpackage.json', 'index.js', 'static.js', '__proto__', 'constructor'])(
    'have no %s',
    async (name) => {
      expect((await ask(`/static/${name}`)).status).toBe(404);
    },
  );

  it('change the names of all that import them', () => {
    const other = new StaticFiles((path) => `${transpiled(path)}${path.endsWith('words.js') ? '// other' : ''}`);
    const same = new StaticFiles(transpiled);
    expect(other.named('sessions.js')).not.toBe(same.named('sessions.js'));
    expect(other.named('style.css')).toBe(same.named('style.css'));
  });
});
