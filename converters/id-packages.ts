/**
 * Debian packages that cannot be installed by one id alone: their files or their maintainer scripts give something to another
 * user or group (dpkg-statoverride, adduser, chown, a setgid program). A list of names is no proof: what needs one of these
 * as a dependency and is not named here is found out by the build, which then says so.
 */
import type { BuildPlan } from '../core/artifacts.ts';

/** Installed one by one on trixie without recommended packages, in a user namespace of one id: each failed (2026-11-23). */
const SEEN =
  'apache2 at avahi-daemon bind9 bsd-mailx colord cron cron-daemon-common cups-daemon dbus dbus-user-session dnsmasq-base ' +
  'exim4-daemon-light libpam-systemd libutempter0 man-db mariadb-server mosquitto munge nethack-common nethack-console ' +
  'network-manager nginx nginx-common nginx-light nslcd ntpsec openmpi-bin openssh-client openssh-server plocate polkitd ' +
  'postfix postgresql-common rabbitmq-server redis-server redis-tools rtkit samba-common screen slurm-client squid ssl-cert ' +
  'tor vsftpd xterm';

/** These install one of them: dependencies as apt resolved them there, and metapackages. */
const BY_DEPENDENCY =
  'chromium default-jdk default-mysql-server firefox-esr gnuplot inkscape libgtk-3-0 libgtk-3-0t64 openjdk-21-jdk postgresql redis ssh';

const NEEDS_IDS: ReadonlySet<string> = new Set(`${SEEN} ${BY_DEPENDENCY}`.split(' '));

/** Those of the plan's apt packages that need other ids, sorted; pure. */
export function needsOtherIds(plan: BuildPlan): string[] {
  const words = plan.steps.flatMap((step) =>
    step.kind === 'run' && step.shell.includes('apt-get') ? step.shell.split(/\s+/) : [],
  );
  // name[:architecture][=version] or name/suite
  const names = words.map((word) => word.replace(/[:=/].*$/, ''));
  return [...new Set(names.filter((name) => NEEDS_IDS.has(name)))].sort();
}
