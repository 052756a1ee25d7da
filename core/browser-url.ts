/** Addresses as a browser shows them: people paste what they look at. */

/**
 * Repository and ref of GitHub's `/org/repo/tree/REF`, GitLab's `/group/.../repo/-/tree/REF` and Gitea's
 * `/org/repo/src/branch/REF`; of `blob` pages too, where the ref is one word. Other paths are a repository's own.
 */
export function browserPath(host: string, segments: readonly string[]): { segments: readonly string[]; ref?: string } {
  const dash = segments.indexOf('-');
  const split = dash > 0 ? dash : 2;
  const repo = segments.slice(0, split);
  const [word, ...rest] = segments.slice(dash > 0 ? dash + 1 : 2);
  const known = dash > 0 || host === 'github.com' || host === 'www.github.com';
  const named = (words: readonly string[]) =>
    words.length === 0 ? { segments: repo } : { segments: repo, ref: words.join('/') };
  if (!known) {
    const gitea = segments[2] === 'src' && ['branch', 'tag', 'commit'].includes(segments[3] ?? '');
    return gitea ? { segments: segments.slice(0, 2), ref: segments.slice(4).join('/') } : { segments };
  }
  if (word === 'tree') return named(rest);
  if (word === 'blob' || word === 'commit') return named(rest.slice(0, 1));
  return { segments: repo };
}
