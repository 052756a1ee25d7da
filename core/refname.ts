/** Names of branches and tags, and commit ids, before git sees any of them. */

/** 40 hex (SHA-1) or 64 (SHA-256), in lower case as git prints them. */
export function isCommitId(text: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}

/**
 * The rules of `git check-ref-format --allow-onelevel`, and no name that begins with a dash: it would be an option
 * (CVE-2021-39159). So no `main~1`, `@{u}` or `a..b` either: those are expressions, and only a clone can answer them.
 */
export function isRefName(text: string): boolean {
  return (
    text.length <= 250 &&
    !/[\u0000-\u0020\u007f~^:?*[\\]/.test(text) &&
    !text.startsWith('-') &&
    !text.includes('..') &&
    !text.includes('@{') &&
    text !== '@' &&
    !text.endsWith('.') &&
    text.split('/').every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'))
  );
}
