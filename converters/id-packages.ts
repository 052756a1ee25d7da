/**
 * Debian packages that cannot be installed by one id alone: their files or their maintainer scripts give something to
 * another user or group (dpkg-statoverride, adduser, chown, a setgid program). Each was installed on trixie without
 * recommended packages, in a user namespace of one id, and failed (2026-11-23), but for those said to be of the manual.
 * A list of names is no proof: a package that needs one of these as a dependency is found out by the build only.
 */
import type { BuildPlan } from '../core/artifacts.ts';

const NEEDS_IDS: ReadonlySet<string> = new Set([
  'openssh-client',
  'ssh',
  'openssh-server',
  'dbus',
  'dbus-user-session',
  'man-db',
  'cron',
  'postfix',
  'xterm',
  'screen',
  'polkitd',
  'ssl-cert',
  'exim4-daemon-light',
  'nginx',
  'nginx-light',
  'redis-server',
  'postgresql-common',
  'postgresql',
  'mariadb-server',
  'munge',
  'at',
  'plocate',
  'avahi-daemon',
  'cups-daemon',
  'apache2',
  'rabbitmq-server',
  'slurm-client',
  'nethack-console',
]);

/** Those of the plan's apt packages that need other ids; pure. */
export function needsOtherIds(plan: BuildPlan): string[] {
  const words = plan.steps.flatMap((step) =>
    step.kind === 'run' && step.shell.includes('apt-get') ? step.shell.split(/\s+/) : [],
  );
  // name[:architecture][=version] or name/suite
  const names = words.map((word) => word.replace(/[:=/].*$/, ''));
  return [...new Set(names.filter((name) => NEEDS_IDS.has(name)))].sort();
}
