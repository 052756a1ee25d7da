/**
 * The host's settings that a build step needs: certificates, package index, mirror, proxy. They define nothing of the
 * environment, so they are in no plan and no key, and the finished image must not hold them (an index URL can carry a password).
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildSettings, PipDefinition } from '../core/artifacts.ts';
import { SETTINGS_DIR } from '../core/build-context.ts';
import { sha256 } from '../core/canonical.ts';
import { HpcbinderError } from '../core/errors.ts';
import { quote } from '../core/shell.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** What the config says; it wins over environment and pip.conf. Paths are of this machine. */
export type SettingsConfig = {
  caBundle?: string;
  aptMirror?: string;
  pip?: { indexUrl?: string; extraIndexUrls?: readonly string[]; constraints?: string };
};

const PROXIES = ['http_proxy', 'https_proxy', 'no_proxy'] as const;

/** Reads what pip and curl would read on this host. E-CONFIG names a file that is set and not readable. */
export async function hostBuildSettings(env: Env, home: string, config: SettingsConfig = {}): Promise<BuildSettings> {
  const conf = await pipConf(env, home);
  const caFile =
    config.caBundle ?? env.PIP_CERT ?? conf.get('cert') ?? env.REQUESTS_CA_BUNDLE ?? env.SSL_CERT_FILE ?? undefined;
  const constraints = config.pip?.constraints ?? env.PIP_CONSTRAINT ?? conf.get('constraint');
  const extra = env.PIP_EXTRA_INDEX_URL ?? conf.get('extra-index-url');
  const indexUrl = config.pip?.indexUrl ?? env.PIP_INDEX_URL ?? conf.get('index-url');
  const extraIndexUrls = config.pip?.extraIndexUrls ?? extra?.split(/\s+/).filter((url) => url !== '');
  const timeout = Number(env.PIP_DEFAULT_TIMEOUT ?? conf.get('timeout'));
  const proxy = PROXIES.flatMap((name) => {
    const value = env[name] ?? env[name.toUpperCase()];
    return value === undefined || value === '' ? [] : [[name, value] as const];
  });
  return {
    ...(caFile === undefined || caFile === '' ? {} : { caBundle: await readSetting(caFile, 'certificate bundle') }),
    pip: {
      ...(indexUrl === undefined ? {} : { indexUrl }),
      ...(extraIndexUrls === undefined || extraIndexUrls.length === 0 ? {} : { extraIndexUrls }),
      ...(constraints === undefined ? {} : { constraints: await readSetting(constraints, 'constraints file') }),
      ...(Number.isFinite(timeout) && timeout > 0 ? { timeoutSeconds: timeout } : {}),
    },
    ...(config.aptMirror === undefined ? {} : { aptMirror: config.aptMirror }),
    ...(proxy.length === 0 ? {} : { proxy: Object.fromEntries(proxy) }),
  };
}

/**
 * Index, mirror or proxy that listens on this machine's loopback: a build reaches it only with this machine's own network, and
 * whatever else listens there with it (SECURITY BLD-01). Without user information.
 */
export function onLoopback({ pip, aptMirror, proxy }: BuildSettings): string | undefined {
  const { no_proxy: _, ...proxies } = proxy ?? {};
  const addresses = [pip.indexUrl, ...(pip.extraIndexUrls ?? []), aptMirror, ...Object.values(proxies)];
  return addresses.flatMap((text) => {
    // a proxy is also written without a scheme
    const full = text === undefined || text.includes('://') ? (text ?? '') : `http://${text}`;
    const host = URL.canParse(full) ? new URL(full).host : '';
    return /^(localhost|[^:]+\.localhost|127\.[0-9.]+|\[::1\])(:[0-9]+)?$/.test(host) ? [host] : [];
  })[0];
}

/** The part of the settings that defines an environment, for the plan; undefined where there is none. */
export function pipDefinition({ pip }: BuildSettings): PipDefinition | undefined {
  const indexes = [pip.indexUrl, ...(pip.extraIndexUrls ?? [])].flatMap((text) => {
    if (text === undefined || !URL.canParse(text)) return text === undefined ? [] : [text];
    const url = new URL(text);
    url.username = '';
    url.password = '';
    return [url.href];
  });
  if (pip.constraints === undefined && indexes.length === 0) return undefined;
  return {
    ...(pip.constraints === undefined ? {} : { constraints: sha256(pip.constraints) }),
    ...(indexes.length === 0 ? {} : { indexes }),
  };
}

/**
 * The settings as files: name → text. `env` is sourced by every step; where there is nothing to set it is empty.
 * `dir`: where they will lie.
 */
export function settingsFiles(settings: BuildSettings, dir = SETTINGS_DIR): Map<string, string> {
  const files = new Map<string, string>();
  const lines: string[] = [];
  const set = (name: string, value: string | undefined) => {
    if (value !== undefined) lines.push(`export ${name}=${quote(value)}`);
  };
  const { pip } = settings;
  set('PIP_INDEX_URL', pip.indexUrl);
  set('PIP_EXTRA_INDEX_URL', pip.extraIndexUrls?.join(' '));
  set('PIP_DEFAULT_TIMEOUT', pip.timeoutSeconds?.toString());
  if (pip.constraints !== undefined) {
    files.set('constraints.txt', pip.constraints);
    set('PIP_CONSTRAINT', `${dir}/constraints.txt`);
  }
  if (settings.caBundle !== undefined) {
    files.set('site-ca.pem', `${settings.caBundle.trimEnd()}\n`);
    for (const name of ['PIP_CERT', 'REQUESTS_CA_BUNDLE', 'SSL_CERT_FILE', 'CURL_CA_BUNDLE', 'GIT_SSL_CAINFO']) {
      set(name, `${dir}/bundle.pem`);
    }
    set('NODE_EXTRA_CA_CERTS', `${dir}/site-ca.pem`);
  }
  for (const [name, value] of Object.entries(settings.proxy ?? {})) {
    set(name, value);
    set(name.toUpperCase(), value);
  }
  const apt: string[] = [];
  if (settings.caBundle !== undefined) apt.push(`Acquire::https::CaInfo "${dir}/bundle.pem";`);
  if (settings.aptMirror !== undefined) {
    if (!/^https?:\/\/[A-Za-z0-9._~:/@%-]+$/.test(settings.aptMirror)) {
      throw new HpcbinderError('E-CONFIG', { message: `apt_mirror: "${settings.aptMirror}" is no http address` });
    }
    files.set('apt-mirror', `${settings.aptMirror.replace(/\/$/, '')}\n`);
    apt.push('Dir::Etc::sourcelist "/dev/null";', `Dir::Etc::sourceparts "${dir}/sources.d";`);
  }
  if (apt.length > 0) {
    files.set('apt.conf', `${apt.join('\n')}\n`);
    set('APT_CONFIG', `${dir}/apt.conf`);
  }
  files.set('env', lines.map((line) => `${line}\n`).join(''));
  return files;
}

/** [global] and [install] of the files that pip reads, the later winning: /etc, then the user's. */
async function pipConf(env: Env, home: string): Promise<Map<string, string>> {
  const files =
    env.PIP_CONFIG_FILE === undefined
      ? [
          '/etc/pip.conf',
          join(home, '.pip/pip.conf'),
          join(env.XDG_CONFIG_HOME ?? join(home, '.config'), 'pip/pip.conf'),
        ]
      : [env.PIP_CONFIG_FILE];
  const found = new Map<string, string>();
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => '');
    for (const [key, value] of parsePipConf(text)) found.set(key, value);
  }
  return found;
}

/** INI as Python's configparser has it: indented lines continue a value. */
export function parsePipConf(text: string): Map<string, string> {
  const found = new Map<string, string>();
  let ours = false;
  let last: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*([#;]|$)/.test(line)) continue;
    const section = /^\[([^\]]+)\]/.exec(line);
    const pair = /^([A-Za-z_-]+)\s*[=:]\s*(.*)$/.exec(line);
    if (section) {
      ours = section[1] === 'global' || section[1] === 'install';
      last = undefined;
    } else if (ours && pair?.[1] !== undefined) {
      last = pair[1].replaceAll('_', '-').toLowerCase();
      found.set(last, (pair[2] ?? '').trim());
    } else if (ours && last !== undefined && /^\s/.test(line)) {
      found.set(last, `${found.get(last) ?? ''} ${line.trim()}`.trim());
    }
  }
  return found;
}

async function readSetting(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new HpcbinderError('E-CONFIG', {
      message: `the ${what} ${path} cannot be read`,
      hint: 'It is named by the config, by the environment (PIP_CERT, REQUESTS_CA_BUNDLE, SSL_CERT_FILE, PIP_CONSTRAINT) or by pip.conf.',
      cause,
    });
  }
}
