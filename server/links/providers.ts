/**
 * `/api/repoproviders`: how a form asks for a repository, in the shape that BinderHub's own page reads. The expressions are
 * JavaScript's; `detect` finds repository and ref in an address that somebody pasted.
 */

export type RepoProvider = {
  id: string;
  displayName: string;
  spec: { validateRegex: string };
  detect?: { regex: string };
  repo: { label: string; placeholder: string; urlEncode?: boolean };
  ref: { enabled: boolean; default?: string };
};

export const PROVIDERS: readonly RepoProvider[] = [
  {
    id: 'gh',
    displayName: 'GitHub',
    spec: { validateRegex: '[^/]+/[^/]+/.+' },
    detect: { regex: '^(?:https?://github\\.com/)?(?<repo>[^/:]+/[^/:]+?)(?:\\.git)?/?$' },
    repo: {
      label: 'GitHub repository name or URL',
      placeholder: 'example: org/repository or https://github.com/org/repository',
    },
    ref: { enabled: true, default: 'HEAD' },
  },
  {
    id: 'gist',
    displayName: 'Gist',
    spec: { validateRegex: '[^/]+/[^/]+(?:/[^/]+)?' },
    detect: { regex: '^(?:https?://gist\\.github\\.com/)?(?<repo>[^/:]+/[0-9a-f]+)/?$' },
    repo: { label: 'Gist ID (user/gistId) or URL', placeholder: 'example: user/81e0bd2a83f5a8e4b4a6e6a9a2b7c0de' },
    ref: { enabled: true, default: 'HEAD' },
  },
  {
    id: 'gl',
    displayName: 'GitLab.com',
    spec: { validateRegex: '[^/]+/.+' },
    detect: { regex: '^(?:https?://gitlab\\.com/)?(?<repo>[^:]+/[^/:]+?)(?:\\.git)?/?$' },
    repo: {
      label: 'GitLab.com repository or URL',
      placeholder: 'example: group/project or https://gitlab.com/group/project',
      urlEncode: true,
    },
    ref: { enabled: true, default: 'HEAD' },
  },
  {
    id: 'git',
    displayName: 'Git repository',
    spec: { validateRegex: '[^/]+/.+' },
    repo: {
      label: 'URL of a git repository',
      placeholder: 'example: https://git.example.org/org/repository',
      urlEncode: true,
    },
    ref: { enabled: true, default: 'HEAD' },
  },
];
