/** Real sshd's of a site: further ones in the devcluster's login container, each with its own port, rules and PAM stack. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { on } from '../e2e/rig.ts';
import type { Terminal } from '../e2e/terminal.ts';
import type { OwnWorld } from '../e2e/worlds.ts';

const SECRET = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
export const PASSWORD = 'correct horse';

export const ASK_PASSWORD = 'auth required pam_unix.so';
export const ASK_CODE = 'auth required pam_google_authenticator.so secret=/etc/hb-totp user=root';
/** as a site's push to a phone: it says so, and waits for a while */
export const PUSH = (seconds: number) => `auth required pam_exec.so quiet stdout /usr/local/sbin/hb-push ${seconds}`;

export async function root(command: string): Promise<string> {
  const { code, stdout, stderr } = await on('login', 'root', command);
  if (code !== 0) throw new Error(`${command}: ${stderr}`);
  return stdout;
}

/** Debian's TOTP module and generator, and shells; alice has a password until it is disposed of. */
export async function people(): Promise<AsyncDisposable> {
  const packages = 'libpam-google-authenticator oathtool tcsh fish zsh';
  await root(
    `dpkg -s ${packages} >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y --no-install-recommends ${packages}; } >/dev/null
     printf '%s\\n" RATE_LIMIT 100 30\\n" WINDOW_SIZE 5\\n" TOTP_AUTH\\n' ${SECRET} >/etc/hb-totp; chmod 400 /etc/hb-totp
     printf '#!/bin/sh\\necho "Pushed a login request to your phone"\\nsleep "$1"\\n' >/usr/local/sbin/hb-push; chmod 755 /usr/local/sbin/hb-push
     echo 'alice:${PASSWORD}' | chpasswd`,
  );
  return { [Symbol.asyncDispose]: async () => void (await root("usermod -p '*' alice; rm -f /etc/hb-totp")) };
}

export const code = () => root(`oathtool --totp -b ${SECRET}`);

export class Sshd implements AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** its host key, as in a line of known_hosts: type and blob */
  readonly key: string;
  readonly #dir: string;

  private constructor(host: string, port: number, key: string, dir: string) {
    this.host = host;
    this.port = port;
    this.key = key;
    this.#dir = dir;
  }

  /**
   * `lines` of sshd_config come first, so they win. With `pam` a login goes through that stack. `prepare` runs when the
   * folder `$dir` with its host key is there.
   */
  static async start(
    port: number,
    how: { lines?: readonly string[]; pam?: readonly string[]; prepare?: string } = {},
  ): Promise<Sshd> {
    const dir = `/run/hb-ssh-${port}`;
    const pam = [...(how.pam ?? []), 'account required pam_permit.so', 'session required pam_permit.so'];
    const own = how.pam
      ? ['UsePAM yes', `PAMServiceName hb-ssh-${port}`, 'AuthenticationMethods keyboard-interactive']
      : ['UsePAM no', 'KbdInteractiveAuthentication no'];
    const config = [
      ...(how.lines ?? []),
      ...own,
      `Port ${port}`,
      `HostKey ${dir}/key`,
      `PidFile ${dir}/pid`,
      'PasswordAuthentication no',
      'PermitRootLogin no',
      'LogLevel VERBOSE',
      'UseDNS no',
    ];
    const text = (lines: readonly string[]) => lines.map((line) => `'${line}'`).join(' ');
    const said = await root(
      `dir=${dir}; mkdir -p $dir; if [ -f $dir/pid ]; then kill $(cat $dir/pid); sleep 0.3; fi; rm -f $dir/*; ssh-keygen -q -t ed25519 -N '' -f $dir/key; ${how.prepare ?? ':'} >&2
       printf '%s\\n' ${text(config)} >${dir}/config; printf '%s\\n' ${text(pam)} >/etc/pam.d/hb-ssh-${port}
       /usr/sbin/sshd -f ${dir}/config -E ${dir}/log; cut -d ' ' -f 1,2 ${dir}/key.pub; hostname -i`,
    );
    const [key = '', addresses = ''] = said.split('\n').slice(-2);
    return new Sshd(addresses.split(' ').at(-1) ?? '', port, key, dir);
  }

  get known(): string {
    return `[${this.host}]:${this.port} ${this.key}\n`;
  }

  /** What the world's cluster is from now on; nothing of the person's own ssh is used. */
  become(world: OwnWorld, more: Record<string, unknown> = {}): void {
    Object.assign(world.entry, { host: this.host, port: this.port, known_hosts: join(world.dir, 'known') }, more);
    writeFileSync(join(world.dir, 'known'), this.known);
    world.write();
  }

  log(): Promise<string> {
    return root(`cat ${this.#dir}/log`);
  }

  /** lines of its log that fit, since it was started */
  async count(pattern: RegExp): Promise<number> {
    return (await this.log()).split('\n').filter((line) => pattern.test(line)).length;
  }

  /** connections that are open now */
  async open(): Promise<number> {
    return Number(await root(`pgrep -c -P $(cat ${this.#dir}/pid) || true`));
  }

  /** all its connections, as a network that breaks */
  async cut(): Promise<void> {
    await root(`pkill -P $(cat ${this.#dir}/pid) || true`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await root(`kill $(cat ${this.#dir}/pid) || true; rm -rf ${this.#dir} /etc/pam.d/hb-ssh-${this.port}`);
  }
}

/** Answers one prompt after another, as a person who reads what is asked; `undefined` stands for a fresh code. */
export async function answer(terminal: Terminal, prompts: readonly (readonly [RegExp, string | undefined])[]) {
  let seen = 0;
  for (const [prompt, text] of prompts) {
    const at = seen;
    await terminal.until(new RegExp(`^[\\s\\S]{${at},}?(?:${prompt.source})$`), 60_000);
    seen = terminal.text.length;
    terminal.type(`${text ?? (await code())}\r`);
  }
}
