/**
 * A git repository on the cluster whose image is made in seconds: a Dockerfile over the base that the engine has, and a named
 * fake of Jupyter that answers what the agent asks. What is killed is the launch, not the app.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { on } from '../e2e/rig.ts';
import type { OwnWorld } from '../e2e/worlds.ts';

const JUPYTER = `#!/usr/bin/env python3
"""A fake Jupyter: its version, and the answers of its API that the agent asks for."""
import http.server, json, re, signal, socketserver, sys, os
if "--version" in sys.argv:
    sys.exit(print("0.1.0"))
config = open([word for word in sys.argv if word.startswith("--config=")][0][9:]).read()
token = re.search(r"token = ['\\"]([0-9a-f]+)", config).group(1)
path = re.search(r"\\.sock = ['\\"]([^'\\"]+)", config).group(1)
KNOWN = {"/api/status": {"started": "2026-01-01T00:00:00.0Z"}, "/api": {"version": "0.1.0"}, "/api/kernels": [], "/api/terminals": []}
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def address_string(self): return "socket"
    def do_GET(self):
        known = KNOWN.get(self.path.split("?")[0]) if self.headers.get("Authorization") == "token " + token else None
        data = json.dumps(known).encode()
        self.send_response(403 if known is None else 200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
Server(path, Handler).serve_forever()
`;

type Bases = { bases: Record<string, { name: string; digest: string; standIn?: boolean }> };

export class SmallRepo {
  readonly url: string;
  readonly #dir: string;
  readonly #env: { GIT_SSH_COMMAND: string };
  #commits = 0;

  private constructor(world: OwnWorld, url: string) {
    this.url = url;
    this.#dir = join(world.dir, 'repository');
    const { identity_file, known_hosts } = world.entry;
    this.#env = {
      GIT_SSH_COMMAND: `ssh -F none -oBatchMode=yes -oIdentitiesOnly=yes -i ${identity_file} -oUserKnownHostsFile=${known_hosts}`,
    };
    world.env.GIT_SSH_COMMAND = this.#env.GIT_SSH_COMMAND;
  }

  /** The world's port is the one that it has now: through a relay, where there is one. */
  static async in(world: OwnWorld): Promise<SmallRepo> {
    await on('login', 'alice', `git init -q --bare -b main ${world.home}/small.git`);
    const repo = new SmallRepo(world, `ssh://alice@127.0.0.1:${world.entry.port}${world.home}/small.git`);
    const state = readFileSync(join(process.env.HPCBINDER_STATE ?? '', 'bases.json'), 'utf8');
    const [base] = Object.values((JSON.parse(state) as Bases).bases);
    if (!base) throw new Error('no base image is known: build something first');
    mkdirSync(repo.#dir);
    await repo.#git('init', '-q', '-b', 'main');
    const from = base.standIn ? base.digest : `${base.name}@${base.digest}`;
    // the pause is the middle of a build
    repo.#write('Dockerfile', `FROM ${from}\nCOPY jupyter /usr/local/bin/jupyter\nCOPY nonce /\nRUN sleep 3\n`);
    repo.#write('jupyter', JUPYTER, 0o755);
    await repo.another();
    return repo;
  }

  /** A commit with an environment that nobody has built yet. */
  async another(): Promise<void> {
    this.#write('nonce', `${Date.now()} ${this.#commits++}\n`);
    await this.#git('add', '.');
    await this.#git('commit', '-qm', 'a commit');
    await this.#git('push', '-q', this.url, 'HEAD:refs/heads/main');
  }

  #write(name: string, text: string, mode = 0o644): void {
    writeFileSync(join(this.#dir, name), text, { mode });
  }

  /** Not the synchronous kind: it speaks through a relay of this process. */
  async #git(...args: string[]): Promise<void> {
    const who = ['-c', 'user.name=test', '-c', 'user.email=test@example.org', '-c', 'commit.gpgsign=false'];
    await execa('git', [...who, ...args], { cwd: this.#dir, env: this.#env, timeout: 60_000 });
  }
}
