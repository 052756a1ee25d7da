/** What is tried against the campus endpoint: a repository that attacks its user, code in a cell's output, and a forged state. */
import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { at, root } from '../../faults/as-user-rig.ts';
import { makeRepo } from '../../repos/git-server.ts';

export const VICTIM = ['.ssh/authorized_keys', '.netrc', '.bashrc', '.aws/credentials'];
export const STATE = '/var/lib/hpcbinder/state';

const reached = (what: string, script: string) => `tell ${what} "$(python3 - <<'END' 2>&1 | tail -1
${script}
END
)"`;
/** What the endpoint answers to code in a build or a session. */
export const asks = (
  inside: { host: string; port: number },
  name: string,
  header: string,
  value: string,
) => `import urllib.request, urllib.error
ask = urllib.request.Request("http://${inside.host}:${inside.port}/api/v1/me", headers={"Host": "${name}", "${header}": "${value}"})
try: print(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(ask, timeout=10).status)
except urllib.error.HTTPError as error: print(error.code)`;

/** Each try is one line: `tried what=how it went`. */
const ATTACK = `tell() { printf 'tried %s=%s\\n' "$1" "$(printf %s "$2" | tr '\\n' ' ' | cut -c1-500)"; }
for f in ${VICTIM.map((name) => `/home/alice/${name}`).join(' ')}; do
  if (echo evil >>$f) 2>/dev/null; then tell "write $f" yes; fi
  if cat $f >/dev/null 2>&1; then tell "read $f" yes; fi
done
tell host "$(uname -n)"
tell service "$(cat ${STATE}/* /etc/hpcbinder/* 2>/dev/null)"
tell processes "$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ')"
`;

/** What the build said, of an event stream. */
export const linesOf = (stream: string) =>
  stream
    .split('\n')
    .flatMap((text) => (text.startsWith('data: ') ? [JSON.parse(text.slice(6)) as { line?: string }] : []))
    .flatMap(({ line }) => line ?? [])
    .join('\n');
export const tried = (text: string) =>
  new Map([...text.matchAll(/tried ([^=\n]+)=([^\n]*)/g)].map(([, what = '', how = '']) => [what, how.trim()]));

/** Its build and its start attack; `asking`: Python that asks the endpoint. */
export function hostileRepository(repo: string, asking: string): void {
  makeRepo(repo, {
    'requirements.txt': '',
    'hpc.yml': 'cpus: 1\n',
    '.hpcbinder.yml': 'binds: [/]\ntrust: true\n',
    postBuild: `#!/bin/bash\n${ATTACK}${reached('endpoint', asking)}\n`,
    start: `#!/bin/bash\n(${ATTACK}) >/srv/repo/tried 2>&1\nexec "$@"\n`,
  });
  for (const name of ['postBuild', 'start']) chmodSync(join(repo, name), 0o755);
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@e', 'commit', '-qam', 'x'], { cwd: repo });
}

/** What a page of the session asks of the endpoint `to` in the user's browser; `told` and `over` of its window say how it went. */
export function scriptOfOutput(to: string, id: string): string {
  const body = JSON.stringify({ provider: 'gh', spec: 'org/repo/HEAD' });
  return `window.told = []; (async () => {
      const said = async (what, ask) => told.push([what, await ask().then((r) => r.type + ' ' + r.status, (e) => 'error')]);
      const to = ${JSON.stringify(to)};
      for (const mode of ['cors', 'no-cors']) {
        await said(mode + ' me', () => fetch(to + '/api/v1/me', {credentials: 'include', mode}));
        await said(mode + ' sessions', () => fetch(to + '/api/v1/sessions', {credentials: 'include', mode}));
        await said(mode + ' launch', () => fetch(to + '/api/v1/launches', {method: 'POST', credentials: 'include', mode, headers: {'Content-Type': 'text/plain'}, body: ${JSON.stringify(body)}}));
        await said(mode + ' stop', () => fetch(to + '/sessions/${id}/stop', {method: 'POST', credentials: 'include', mode, body: new URLSearchParams({_xsrf: 'x'})}));
        await said(mode + ' token', () => fetch(to + '/api/v1/tokens', {method: 'POST', credentials: 'include', mode, body: '{}'}));
      }
      await said('json launch', () => fetch(to + '/api/v1/launches', {method: 'POST', credentials: 'include', headers: {'Content-Type': 'application/json', 'X-Xsrftoken': 'x'}, body: ${JSON.stringify(body)}}));
      const frame = document.createElement('iframe'); frame.src = to + '/sessions'; document.body.append(frame);
      await new Promise((done) => { frame.onload = done; setTimeout(done, 5000); });
      let inner = 'closed'; try { inner = frame.contentDocument ? frame.contentDocument.body.innerText : 'closed'; } catch (e) {}
      told.push(['frame', inner]);
      await new Promise((done) => { const s = new EventSource(to + '/build/gh/org/repo/HEAD', {withCredentials: true}); s.onmessage = (e) => { told.push(['stream', e.data]); s.close(); done(); }; s.onerror = () => { told.push(['stream', 'error']); s.close(); done(); }; });
      window.over = true;
    })();`;
}

/** One SQL statement on the service's file, as the service's account; the endpoint need not run. */
export async function sql(statement: string, ...values: string[]): Promise<string[][]> {
  const program = `import json, sqlite3, sys
file = sqlite3.connect("${STATE}/hpcbinder.db", timeout=20)
rows = file.execute(sys.argv[1], sys.argv[2:]).fetchall()
file.commit()
print(json.dumps(rows))`;
  const { code, stdout, stderr } = await at('hpcbinder', ['python3', '-I', '-c', program, statement, ...values]);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as string[][];
}

/** Running ones: number and name. */
export const jobs = async (user: string) =>
  (await root(`squeue -h -u ${user} -t R -o '%i %j'`)).trim().split('\n').filter(Boolean);

/** As she: the secrets in her own 0600 files. */
export const HER_FILES = `
import glob, json, os, re, sys
directory = json.load(sys.stdin)["directory"]
secrets = {}
def take(name, value):
    if isinstance(value, dict):
        for key in value: take(name + "." + key, value[key])
    elif isinstance(value, str) and "PRIVATE KEY" in value: secrets[name] = value.split("\\n")[2]
    elif isinstance(value, str) and re.search("(token|key)$", name, re.I) and len(value) >= 32: secrets[name] = value
job = json.load(open(directory + "/job.json"))
for part in ("tls", "app"): take(part, job[part])
node = json.load(open(directory + "/lock/app.json"))["node"]
for path in glob.glob(node + "/run/runtime/*.json"):
    read = json.load(open(path))
    take(os.path.basename(path), {key: read[key] for key in read if key in ("key", "token")})
json.dump(secrets, sys.stdout)
`;
/** Names of the files of a folder that hold a word. */
export const FILES_WITH = `
import json, os, sys
p = json.load(sys.stdin)
found = []
for at, _, names in os.walk(p["folder"]):
    for name in names:
        if p["word"].encode() in open(os.path.join(at, name), "rb").read(): found.append(name)
json.dump(found, sys.stdout)
`;

/** What the service answers to each path with each set of headers: status and body. */
export const ASKS = `
import http.client, json, sys
p = json.load(sys.stdin)
answers = []
for path in p["paths"]:
    for more in p["said"]:
        asking = http.client.HTTPConnection(p["host"], p["port"], timeout=10)
        asking.request("GET", path, headers=dict(more, Host=p["name"]))
        answer = asking.getresponse()
        answers.append([answer.status, answer.read().decode()])
json.dump(answers, sys.stdout)
`;
