/** Why a build on the cluster did not come to its end, in words for the one who launched it. Pure. */
import type { BuildPlan } from '../core/artifacts.ts';
import { HpcbinderError } from '../core/errors.ts';
import { type Known, modeInWords, NO_IDS, NO_MODE, otherIds, type SeenMode } from './build-modes.ts';
import { needsOtherIds } from './id-packages.ts';

/** Where a build happens, as the messages name it. */
export type BuildSite = { host: string; user: string; partition: string; container: string };

const NO_INTERNET = 94;
const NO_ROOM = 95;

/** What to ask of the site, by the commands of usermod(8); 65536 ids are what a container's users need. */
function askAdmin({ user }: BuildSite): string {
  return [
    `The site's admin can give ${user} other ids: usermod --add-subuids 200000-265535 --add-subgids 200000-265535 ${user}`,
    '(with newuidmap on the nodes; ids that nobody else has), or install the package fakeroot on them.',
  ].join('\n');
}

const ELSEWHERE =
  'Or build where Docker or Podman is (--build-on here); once from another machine, hpcbinder build REPO, is enough: launches from here then find that image.';

/** A Dockerfile: `why` there is no engine to build it with. */
export function needsEngine(plan: BuildPlan, why: string): HpcbinderError {
  return new HpcbinderError('E-BUILD-CLUSTER', {
    message: `${plan.dockerfile?.path ?? 'this repository'} is built by a container engine, and ${why}`,
    hint: `Start Docker or Podman here, or install one.\n${ELSEWHERE}\nrequirements.txt, apt.txt and postBuild instead of a Dockerfile need no engine.`,
  });
}

/** Said before the queue. */
export function refuseIds(plan: BuildPlan, known: Known, site: BuildSite): HpcbinderError | undefined {
  const packages = needsOtherIds(plan);
  if (packages.length === 0) return undefined;
  const { ids, tried } = otherIds(known, site.partition, site.container);
  if (ids) return undefined;
  const why = tried
    ? `${modeInWords(tried)} (seen ${tried.at.slice(0, 10)})`
    : `${site.user} has no entry in /etc/subuid and /etc/subgid of ${site.host}, and there is no fakeroot command`;
  return noIds(packages, why, site);
}

function noIds(packages: readonly string[], why: string, site: BuildSite, whose = 'of apt.txt'): HpcbinderError {
  const one = packages.length === 1;
  return new HpcbinderError('E-BUILD-CLUSTER', {
    message: `${packages.join(', ')} ${whose} ${one ? 'belongs' : 'belong'} in part to other users or groups, and so ${one ? 'needs' : 'need'} other ids than yours to be installed; a build on ${site.host} has none: ${why}`,
    hint: `${askAdmin(site)}\n${ELSEWHERE}\nOr drop ${one ? 'the package' : 'these packages'} from apt.txt.`,
  });
}

/** Said before the queue where the entry tells, else by the job in its first seconds. */
export function noInternet({ host }: BuildSite, why: string): HpcbinderError {
  return new HpcbinderError('E-BUILD-CLUSTER', {
    message: `the build needs packages from the internet, and the nodes of ${host} do not reach it: ${why}`,
    hint: `A mirror of the site that the nodes reach: pip.index_url and apt_mirror of your config; a proxy: https_proxy in the entry's prologue.\n${ELSEWHERE}`,
  });
}

/** Of a job that left no result; undefined: an ordinary failure of a step. `lines`: the log from the step that failed. */
export function clusterFault(
  plan: BuildPlan,
  ended: { exitCode: number | undefined; seen: SeenMode | undefined; step: string; lines: readonly string[] },
  site: BuildSite,
): HpcbinderError | undefined {
  const { exitCode, seen, step, lines } = ended;
  if (exitCode === NO_INTERNET)
    return noInternet(
      site,
      `they have no way to ${/ to (\S+)$/.exec(lines.at(-1) ?? '')?.[1] ?? 'the package indexes'}`,
    );
  const evidence = lines.filter((line) => line.trim() !== '').slice(-10);
  if (exitCode === NO_MODE) {
    return new HpcbinderError('E-BUILD-CLUSTER', {
      message: `the nodes of ${site.host} let ${site.user} build nothing: no ids in /etc/subuid, no user namespaces, no fakeroot command that would do`,
      evidence,
      hint: `The site's admin can allow one of them on the nodes: user namespaces (sysctl user.max_user_namespaces and kernel.unprivileged_userns_clone above 0),\nor with Apptainer's setuid part (package apptainer-suid) ids for ${site.user} in /etc/subuid and /etc/subgid.\n${ELSEWHERE}`,
    });
  }
  if (exitCode === NO_IDS) {
    const error = noIds(needsOtherIds(plan), seen ? modeInWords(seen) : 'no way to build there has any', site);
    return new HpcbinderError(error.code, { message: error.message, hint: error.hint ?? '' });
  }
  if (exitCode === NO_ROOM || lines.some((line) => /No space left on device|Disk quota exceeded/.test(line))) {
    return new HpcbinderError('E-DISK-FULL', {
      message:
        exitCode === NO_ROOM
          ? `the build on ${site.host} found no place with 6 GB outside of the home directory`
          : `the disk of the build on ${site.host} is full`,
      evidence,
      hint: "Free some room on scratch, or name another place in the cluster's entry: image_store: /big/disk/hpcbinder.",
    });
  }
  const packages = seen?.ids === false && step.includes('apt') ? failedForIds(lines) : [];
  if (packages.length > 0 && seen) return noIds(packages, modeInWords(seen), site, '(by apt.txt)');
  return undefined;
}

/** As chown, chgrp, dpkg, install and their like say it where the kernel refuses another id: it has no place in the map. */
const REFUSED =
  /(?:changing (?:ownership|group) of|error setting ownership|cannot change owner|err: chown|setegid|setgroups|seteuid)/;

/** Packages whose installation dpkg gave up, where an owner was the reason: often not the one of apt.txt, but one that it needs. */
export function failedForIds(lines: readonly string[]): string[] {
  if (!lines.some((line) => REFUSED.test(line))) return [];
  const names = lines.flatMap((line) => {
    const match =
      /error processing (?:package ([a-z0-9][a-z0-9+.-]*)|archive \S*?(?:[0-9]+-)?([a-z0-9][a-z0-9+.-]*)_)/.exec(line);
    return match?.[1] ?? match?.[2] ?? [];
  });
  return [...new Set(names)];
}
