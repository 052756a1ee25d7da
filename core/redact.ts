/**
 * Secrets out of text that leaves this machine or is shown where it may be copied from (SECURITY TOK-07, TOK-08): those that
 * are known, wherever and however they stand, and those that only their shape gives away. Pure; applied twice it changes
 * nothing more. It errs on the side of hiding.
 */

/** No character of it may belong to a value below. */
export const HIDDEN = '<hidden>';
/** Shorter ones are words of the language. */
const LEAST_KNOWN = 8;

/** Bounded, like all that is repeated here: a hostile log must not cost time. */
const KEY =
  '(?:token|secret|passwor[dt]|passwd|passphrase|\\bpwd|api[_-]?key|access[_-]?key|private[_-]?key|client[_-]?key|cookie|credential|signature|_auth)[\\w.-]{0,64}';
const QUOTED = '"(?:[^"\\\\]|\\\\[^]){0,4096}"|\\\\"[^"\\\\]*\\\\"|\'[^\'\\n]*\'';
const HEADERS = '(?:proxy-)?authorization|(?:set-)?cookie2?|x-[\\w-]{0,40}(?:token|key|auth)[\\w-]{0,40}';

/** Also as JSON writes it; a block that was cut off ends with its base64. */
const PEM = /-----BEGIN [A-Z0-9 ]+-----(?:[A-Za-z0-9+/=\s]|\\[nr])*(?:-----END [A-Z0-9 ]+-----)?/g;

/** In this order: a header's whole line goes before a part of it looks like something else. */
const SHAPES: readonly (readonly [RegExp, string])[] = [
  [
    new RegExp(`(\\b(?:${HEADERS})\\\\?["']?\\s{0,8}[:=]\\s{0,8})(?:${QUOTED}|(?!<hidden>)\\S[^\\r\\n]*)`, 'gi'),
    `$1${HIDDEN}`,
  ],
  // user information of a URL: any over http, for tokens stand there alone; elsewhere only with a password
  [/\b(https?:\/\/)[^\s/?#"'<>]+@/gi, `$1${HIDDEN}@`],
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#"'<>@:]*:[^\s/?#"'<>]*@/gi, `$1${HIDDEN}@`],
  [/\b(bearer\s+)[^\s"'<>]{6,}/gi, `$1${HIDDEN}`],
  [/\b(basic\s+)(?=\S*[A-Z0-9=])[A-Za-z0-9+/]{8,}={0,2}/gi, `$1${HIDDEN}`],
  [/\beyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)*/g, HIDDEN],
  [new RegExp(`(${KEY}\\\\?["']?\\s{0,8}[=:]\\s{0,8})(?:${QUOTED}|[^\\s"'&<>]+)`, 'gi'), `$1${HIDDEN}`],
  // our own: the code in a link, which works once, and the cookie that it is swapped for
  [/([?&]c=)[\w-]{6,}/g, `$1${HIDDEN}`],
  [/\b(hb_[a-z0-9]{10}_[0-9a-f]{8}=|_xsrf=)[^\s;"'<>]+/g, `$1${HIDDEN}`],
  // not what follows the name of a package: `hpcbinder==1.0`
  [/\b(hpcbinder(?:-sign-in-[\w-]{0,8})?=)(?=[\w-]{20})[^\s;"'<>]+/g, `$1${HIDDEN}`],
  [
    /\b(?:gh[pousr]_\w{20,}|hpct_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{15,}|hf_\w{20,}|xox[a-z]-[\w-]{10,}|AKIA[0-9A-Z]{12,}|sk-[\w-]{20,}|npm_\w{20,}|pypi-[\w-]{20,})/g,
    HIDDEN,
  ],
  // 32 bytes as hexadecimal or base64url; digests, fingerprints and public keys of hosts are named as such
  [/(?<!sha256\W{1,4})(?<![0-9a-f])[0-9a-f]{64,}/gi, HIDDEN],
  [
    /(?<!SHA256:)(?<!(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp\d{3}) (?=AAAA))(?<![\w+/-])(?=[\w-]*[A-Z])(?=[\w-]*[a-z])(?=[\w-]*[0-9])[\w-]{43,}/g,
    HIDDEN,
  ],
];

/** The end of a PEM block whose beginning was cut off. Walked by lines, for a pattern would go back over them all. */
function withoutTails(text: string): string {
  if (!text.includes('-----END ')) return text;
  const kept: string[] = [];
  for (const line of text.split('\n')) {
    if (!/-----END [A-Z0-9 ]+-----/.test(line)) {
      kept.push(line);
      continue;
    }
    // the last line of the block is short
    for (let body = /^[A-Za-z0-9+/=]+\r?$/; body.test(kept.at(-1) ?? ''); body = /^[A-Za-z0-9+/=]{40,}\r?$/) kept.pop();
    kept.push(HIDDEN);
  }
  return kept.join('\n');
}

/** @param secrets values that are known: of a session's record, of variables whose names say so */
export function redact(text: string, secrets: Iterable<string> = []): string {
  let result = text;
  for (const form of forms(secrets)) result = result.replaceAll(form, HIDDEN);
  result = withoutTails(result.replace(PEM, HIDDEN));
  for (const [shape, instead] of SHAPES) result = result.replace(shape, instead);
  return result;
}

/** As it is, as JSON and URLs write it, as base64, and its long lines alone; the longest first, for one may hold another. */
function forms(secrets: Iterable<string>): string[] {
  const found = new Set<string>();
  for (const secret of secrets) {
    if (secret.length < LEAST_KNOWN) continue;
    const lines = secret.split(/\r?\n/).filter((line) => line.length >= 32 && !line.startsWith('-----'));
    for (const each of [secret, ...lines]) {
      found.add(each);
      found.add(JSON.stringify(each).slice(1, -1));
      found.add(encodeURIComponent(each.replace(/\p{Surrogate}/gu, '\ufffd')));
    }
    found.add(Buffer.from(secret).toString('base64'));
    found.add(Buffer.from(secret).toString('base64url'));
  }
  return [...found].sort((a, b) => b.length - a.length);
}

const TELLING = /token|secret|passw|credential|api_?key|access_?key|private_?key|_auth$/i;

/** Values of variables whose names say that they are secret; a path is only where one lies. */
export function secretVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && TELLING.test(name) && !value.startsWith('/') ? [value] : [],
  );
}
