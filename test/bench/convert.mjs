// Engine → SIF: ours against `docker save` + `apptainer build docker-archive:`, by its default compressor and by ours.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from './report.mjs';
import { watched } from './watched.mjs';

const ONE = join(dirname(fileURLToPath(import.meta.url)), 'convert-one.mjs');
const LEAST_MB = 500;
// What Apptainer without privileges needs in a container: the devcluster's own list (devcluster/containers.ts).
const MAY = [
  ...['SYS_ADMIN', 'NET_ADMIN', 'SYS_PTRACE', 'DAC_READ_SEARCH', 'SYS_NICE'].flatMap((name) => ['--cap-add', name]),
  ...['seccomp', 'apparmor', 'systempaths'].flatMap((name) => ['--security-opt', `${name}=unconfined`]),
  ...['--device', '/dev/fuse'],
];
const LIKE_OURS = ['--mksquashfs-args', '-comp zstd -Xcompression-level 3'];

export async function convert({ rounds, scratch, cluster, image }) {
  const mb = Number(docker('image', 'inspect', '--format', '{{.Size}}', image)) / 1e6;
  if (mb < LEAST_MB) throw new Error(`the image has ${mb.toFixed(0)} MB; the comparison needs ${LEAST_MB}`);
  const folder = join(scratch, 'convert');
  mkdirSync(folder, { recursive: true });
  const tools = docker('inspect', '--format', '{{.Image}}', `hpcbinder-${cluster}-login`);
  const words = ['run', '-d', '--rm', ...MAY, '-v', `${folder}:/bench`, '--entrypoint', 'sleep', tools, '7200'];
  const container = docker(...words);
  const sif = (name) => join(folder, `${name}.sif`);
  const size = (name) => statSync(sif(name)).size / 1e6;
  const rival = async (name, args) => {
    const archive = join(folder, 'image.tar');
    const saved = await watched('docker', ['save', '-o', archive, image]);
    const build = ['apptainer', 'build', '--force', ...args, `/bench/${name}.sif`, 'docker-archive:/bench/image.tar'];
    const built = await watched('docker', ['exec', container, ...build]);
    rmSync(archive, { force: true });
    return saved.seconds + built.seconds;
  };
  const ours = [];
  const byDefault = [];
  const likeOurs = [];
  try {
    for (let round = 0; round < rounds; round++) {
      ours.push(await watched(process.execPath, [ONE, image, sif('ours')]));
      byDefault.push(await rival('default', []));
      likeOurs.push(await rival('zstd', LIKE_OURS));
      process.stderr.write(
        `  ${round + 1}: ${ours.at(-1).seconds.toFixed(1)} · ${byDefault.at(-1).toFixed(1)} · ${likeOurs.at(-1).toFixed(1)} s\n`,
      );
    }
    const seconds = ours.map((one) => one.seconds);
    const tool = ours.map((one) => one.tool).filter((peak) => peak !== undefined);
    return {
      title: `Engine → SIF, ${mb.toFixed(0)} MB`,
      about:
        "`docker2singularity` (export, filter, mksquashfs, header, sha256) against `docker save` + `apptainer build docker-archive:`, both from the engine's image to a finished SIF.",
      rows: [
        speed('against its default compressor (gzip)', seconds, byDefault, 6),
        speed('against the same compressor (zstd, level 3)', seconds, likeOurs, 3),
        bound('size against the default (MB)', size('ours'), size('default'), 1.1),
        bound('peak memory of Node (MB)', Math.max(...ours.map((one) => one.own)), undefined, 200),
        ...(tool.length > 0 ? [bound('peak memory of mksquashfs (MB)', Math.max(...tool), undefined, 600)] : []),
      ],
      missing: tool.length > 0 ? [] : ['peak memory of mksquashfs: it ran in a container, out of sight'],
    };
  } finally {
    docker('rm', '-f', container);
    rmSync(folder, { recursive: true, force: true });
  }
}

function docker(...args) {
  return execFileSync('docker', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
}

function speed(what, ours, theirs, least) {
  const ratio = median(theirs) / median(ours);
  return { what, ours, theirs, unit: 's', ratio, limit: `at least ${least} × as fast`, met: ratio >= least };
}

/** `theirs` undefined: the limit is a figure of its own, not a ratio. */
function bound(what, ours, theirs, most) {
  const ratio = theirs === undefined ? undefined : ours / theirs;
  const limit = theirs === undefined ? `under ${most}` : `at most ${most} ×`;
  return {
    what,
    ours: [ours],
    theirs: theirs === undefined ? [] : [theirs],
    unit: 'MB',
    ratio,
    limit,
    met: (ratio ?? ours) <= most,
  };
}
