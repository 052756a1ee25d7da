/**
 * What Apptainer reads inside a root file system: `.singularity.d` and two links. Environment and runscript are the OCI
 * image's, as data in shell syntax. Apptainer 1.x and SingularityCE 3.8+ bring their own actions, so none are here.
 */
import type { ImageConfig } from '../core/artifacts.ts';
import { canonical } from '../core/canonical.ts';
import { quote, quoteWords } from '../core/shell.ts';

export type RuntimeFile =
  | { path: string; kind: 'directory' }
  | { path: string; kind: 'file'; mode: number; text: string }
  | { path: string; kind: 'symlink'; target: string };

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

export function runtimeFiles(config: ImageConfig): RuntimeFile[] {
  const script = (path: string, text: string): RuntimeFile => ({ path, kind: 'file', mode: 0o755, text });
  return [
    { path: '.singularity.d', kind: 'directory' },
    { path: '.singularity.d/env', kind: 'directory' },
    { path: '.singularity.d/libs', kind: 'directory' },
    script('.singularity.d/env/10-docker2singularity.sh', environmentScript(config.env)),
    script('.singularity.d/env/90-environment.sh', '#!/bin/sh\n'),
    script('.singularity.d/env/99-base.sh', BASE),
    script('.singularity.d/env/99-runtimevars.sh', RUNTIME_VARS),
    script('.singularity.d/runscript', runscript(config)),
    script('.singularity.d/startscript', '#!/bin/sh\nexec /.singularity.d/runscript "$@"\n'),
    { path: '.singularity.d/labels.json', kind: 'file', mode: 0o644, text: labelsJson(config.labels) },
    { path: 'singularity', kind: 'symlink', target: '.singularity.d/runscript' },
    { path: 'environment', kind: 'symlink', target: '.singularity.d/env/90-environment.sh' },
  ];
}

/**
 * The image's variables. PATH is always the image's; any other yields to one that is already set and not empty, as in
 * Apptainer's own conversion. A name that no shell takes is left out.
 */
export function environmentScript(env: readonly string[]): string {
  const lines = env.flatMap((pair) => {
    const equals = pair.indexOf('=');
    const [name, value] = [pair.slice(0, equals), pair.slice(equals + 1)];
    if (equals < 1 || !NAME.test(name) || value.includes('\0')) return [];
    if (name === 'PATH') return [`export PATH=${quote(value)}`];
    return [`if [ -z "\${${name}:-}" ]; then ${name}=${quote(value)}; fi; export ${name}`];
  });
  return `#!/bin/sh\n${lines.map((line) => `${line}\n`).join('')}`;
}

/** OCI's rule: the entrypoint always, then the arguments, or Cmd where there are none. */
export function runscript({
  entrypoint,
  cmd,
  workingDir,
}: Pick<ImageConfig, 'entrypoint' | 'cmd' | 'workingDir'>): string {
  const fallback = entrypoint.length === 0 && cmd.length === 0 ? ['/bin/sh'] : cmd;
  return [
    '#!/bin/sh',
    ...(workingDir === '' || workingDir === '/' ? [] : [`cd -- ${quote(workingDir)} || exit 1`]),
    ...(fallback.length === 0 ? [] : [`[ $# -gt 0 ] || set -- ${quoteWords(fallback)}`]),
    `exec ${quoteWords(entrypoint)}${entrypoint.length === 0 ? '' : ' '}"$@"`,
    '',
  ].join('\n');
}

export function labelsJson(labels: Readonly<Record<string, string>>): string {
  return `${canonical(labels)}\n`;
}

/**
 * Its name is the contract: right after sourcing 99-base.sh Apptainer applies APPTAINERENV_* and --env
 * (internal/pkg/util/fs/files/action_scripts.go). The libraries are those of --nv and --rocm.
 */
const BASE = `#!/bin/sh
LD_LIBRARY_PATH="\${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}/.singularity.d/libs"
export LD_LIBRARY_PATH
`;

/** PATH as APPTAINERENV_PREPEND_PATH and its kin ask for it. */
const RUNTIME_VARS = `#!/bin/sh
if [ -n "\${SING_USER_DEFINED_PREPEND_PATH:-}" ]; then PATH="$SING_USER_DEFINED_PREPEND_PATH:$PATH"; fi
if [ -n "\${SING_USER_DEFINED_APPEND_PATH:-}" ]; then PATH="$PATH:$SING_USER_DEFINED_APPEND_PATH"; fi
if [ -n "\${SING_USER_DEFINED_PATH:-}" ]; then PATH="$SING_USER_DEFINED_PATH"; fi
unset SING_USER_DEFINED_PREPEND_PATH SING_USER_DEFINED_APPEND_PATH SING_USER_DEFINED_PATH
export PATH
`;
