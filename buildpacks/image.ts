/** What every image of ours has, whatever the repository asks for (REES section 6). */
import type { PlanStep } from '../core/artifacts.ts';
import { quoteWords } from '../core/shell.ts';

export const REPO_DIR = '/srv/repo';
export const VENV = '/srv/venv';
export const USER = { name: 'jovyan', uid: 1000, home: '/home/jovyan' } as const;

/**
 * Config files that are needed before, or without, the rest of the repository. Not /tmp: Apptainer mounts the host's
 * there during a build, which hides what was copied and would let a clean-up reach the host.
 */
export const STAGING = '/srv/build';

/** 2020-01-01: a constant, so that no commit's or clock's time makes another environment; zip can't tell times before 1980. */
export const SOURCE_DATE_EPOCH = 1577836800;

const BASE_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const PATH = `${USER.home}/.local/bin:${REPO_DIR}/.local/bin:${VENV}/bin:${BASE_PATH}`;

/**
 * REES 6.3 without conda's and npm's, and without USER and HOME: the session runs as somebody else, in a home of its own.
 */
export function imageEnv(start: string | undefined): [string, string][] {
  return [
    ['PATH', PATH],
    ['LC_ALL', 'C.UTF-8'],
    ['LANG', 'C.UTF-8'],
    ['LANGUAGE', 'C.UTF-8'],
    ['SHELL', '/bin/bash'],
    ['APP_BASE', '/srv'],
    ['REPO_DIR', REPO_DIR],
    ['NB_PYTHON_PREFIX', VENV],
    ['KERNEL_PYTHON_PREFIX', VENV],
    ['PYTHONUNBUFFERED', '1'],
    ...(start === undefined ? [] : ([['R2D_ENTRYPOINT', `${REPO_DIR}/${start}`]] satisfies [string, string][])),
  ];
}

export const ENTRYPOINT = '/usr/local/bin/hpcbinder-entrypoint';

/** stdout and stderr stay apart, signals reach the app itself and its exit status is the container's: hence `exec`. */
const ENTRYPOINT_TEXT = `#!/bin/sh
# Runs the app's command; through the repository's \`start\`, where it has one, with the command as its arguments.
PATH="\${HOME:-${USER.home}}/.local/bin:$PATH"
export PATH
[ $# -gt 0 ] || set -- jupyter lab
[ -n "\${R2D_ENTRYPOINT:-}" ] || exec "$@"
if [ ! -f "$R2D_ENTRYPOINT" ]; then
  echo "hpcbinder: $R2D_ENTRYPOINT is not there: the image was built to begin with it. Put it back, or launch with --fresh." >&2
  exit 127
fi
[ -x "$R2D_ENTRYPOINT" ] || chmod u+x "$R2D_ENTRYPOINT" || exit 126
exec "$R2D_ENTRYPOINT" "$@"
`;

/** Debian's /etc/profile sets PATH anew, and Jupyter's terminals are login shells. */
const PROFILE_TEXT = `PATH="$HOME/.local/bin:${PATH}"
export PATH
`;

export function ourTexts(): PlanStep[] {
  return [
    { kind: 'text', path: ENTRYPOINT, mode: 0o755, text: ENTRYPOINT_TEXT },
    { kind: 'text', path: '/etc/profile.d/hpcbinder.sh', mode: 0o644, text: PROFILE_TEXT },
  ];
}

/** Directories for everybody; then, where a build can, the user who owns them. */
export function userSteps(): PlanStep[] {
  const owned = [REPO_DIR, VENV, USER.home];
  const id = String(USER.uid);
  return [
    { kind: 'run', name: 'directories', as: 'root', cwd: '/', shell: `mkdir -p ${quoteWords(owned)}` },
    {
      kind: 'run',
      name: `user ${USER.name}`,
      as: 'root',
      cwd: '/',
      onlyWithIds: true,
      shell: [
        `groupadd --gid ${id} ${USER.name}`,
        `useradd --uid ${id} --gid ${id} --home-dir ${USER.home} --no-create-home --shell /bin/bash ${USER.name}`,
        `chown ${USER.name}:${USER.name} ${quoteWords(owned)}`,
      ].join('\n'),
    },
  ];
}
