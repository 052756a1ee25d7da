/** The other rooms' arrows, put together for one launch: repository, plan, image, SIF, store. */
import { rmSync } from 'node:fs';
import { hpcYmlOf } from '../buildpacks/index.ts';
import { APP_WORDS } from '../core/apps.ts';
import type { LaunchArrows } from '../core/arrows.ts';
import type { RepoRef } from '../core/artifacts.ts';
import type { Cluster } from '../core/cluster.ts';
import type { Config } from '../core/config.ts';
import type { OnProgress } from '../core/progress.ts';
import { size } from '../core/units.ts';
import type { Poller } from '../jobs/poller.ts';
import type { GitAccess } from '../repos/git.ts';
import { parseRepo } from '../repos/parse.ts';
import type { CredentialsFor } from '../repos/resolve.ts';
import { sendContent } from '../sessions/work/send.ts';
import { buildHere, placeOf } from './build-here.ts';
import { cachedCheckout } from './checkouts.ts';
import { claimImage } from './claim.ts';
import { buildOnCluster } from './cluster-build.ts';
import { type Choice, connectCluster } from './connect.ts';
import { convertTo } from './convert.ts';
import type { Options } from './flags.ts';
import { imageStoreOf, TELL_ABOVE_BYTES } from './store.ts';
import { confirm, isTerminal, prompter } from './terminal.ts';
import { Tools } from './tools.ts';

export type Arrows = LaunchArrows & { readonly ref: RepoRef | undefined };

/** `endpoint`: nobody sits here, and the way to the cluster is another one than the user's own. */
export function makeArrows(
  choice: Choice,
  options: Options,
  config: Config,
  endpoint?: {
    connect(signal: AbortSignal): Promise<Cluster>;
    /** the cluster's: it asks for build jobs too */
    poller: Poller;
    git: Pick<GitAccess, 'guard' | 'allowHttp'> & { credentialsFor?: CredentialsFor };
  },
): Arrows {
  const ref =
    options.repo === undefined
      ? undefined
      : parseRepo(options.repo, {
          ...(options.ref ? { ref: options.ref } : {}),
          local: options.local,
          allowHttp: endpoint?.git.allowHttp === true,
        });
  const tools = new Tools(config, options.builder ?? choice.entry.builder ?? config.builder);
  const git = { interactive: isTerminal && endpoint === undefined, ...endpoint?.git };

  return {
    ref,
    async connect(on, signal) {
      if (endpoint) return endpoint.connect(signal);
      const connecting = connectCluster(choice, prompter(), { allowance: 'known' });
      void ahead(tools, { engine: ref !== undefined && options.buildOn !== 'cluster' });
      const cluster = await connecting;
      for (const text of cluster.notes ?? []) on({ type: 'note', text });
      return cluster;
    },
    async resolve(on, signal) {
      const { resolveLinked, resolveRepo } = await import('../repos/resolve.ts');
      const tell = (text: string) => on({ type: 'note', text });
      return endpoint
        ? resolveLinked(ref as RepoRef, { ...git, signal }, tell)
        : resolveRepo(ref as RepoRef, { ...git, signal });
    },
    checkout: (repo, on, signal) => cachedCheckout(repo, { ...git, on, signal }),
    wishes: (checkout) => hpcYmlOf(checkout.files),
    plan: (checkout, cluster, platform, on, signal) =>
      tools.plan(checkout, {
        platform,
        here: options.buildOn !== 'cluster',
        profile: cluster.profile,
        on: (text) => on({ type: 'update', phase: 'plan', text }),
        signal,
      }),
    stored: (cluster, key, on, signal) =>
      imageStoreOf(cluster).has(key, {
        on: (moved) => on({ type: 'update', phase: 'build', text: 'reading the stored image again', ...moved }),
        onDamaged: (why) =>
          on({ type: 'warning', text: `the image ${key} on ${cluster.profile.host} ${why}: it is made again` }),
        signal,
      }),
    claim: claimImage,
    buildPlace: (planned, cluster) => placeOf(planned, cluster, options.buildOn, tools),
    build: (planned, checkout, on, signal) =>
      buildHere(planned, checkout, tools, { on: (line) => on({ type: 'log', phase: 'build', line }), signal }),
    async check(image, planned, app, signal) {
      const { checkImage } = await import('../converters/check-image.ts');
      const start = new Map(planned.plan.env).get('R2D_ENTRYPOINT');
      const version = await checkImage(await tools.needEngine(), image.id, {
        app,
        signal,
        ...(start ? { start } : {}),
      });
      return `${APP_WORDS[app]} ${version} answers`;
    },
    async glibc(image, signal) {
      const how = { entrypoint: ['getconf'], command: ['GNU_LIBC_VERSION'], network: 'none', signal } as const;
      const answer = await (await tools.needEngine()).run(image.id, how).catch(() => undefined);
      signal.throwIfAborted();
      return /^glibc ([0-9]+\.[0-9]+)/.exec(answer?.stdout ?? '')?.[1];
    },
    convert: async (cluster, image, planned, on, signal) =>
      convertTo(
        options.converter ?? choice.entry.converter ?? config.converter ?? 'hpcbinder',
        await tools.needEngine(),
        image,
        planned,
        cluster.profile.compression,
        on,
        signal,
      ),
    async upload(cluster, sif, receipt, claim, on, signal) {
      const stored = await imageStoreOf(cluster).put(sif, receipt, {
        tookOver: claim.tookOver,
        onStored: (bytes) => tellSize(bytes, choice, config, on),
        on: (moved) => on({ type: 'update', phase: 'upload', ...moved }),
        tell: on,
        signal,
      });
      // the cluster has it now; what a broken upload left stays for the next try
      rmSync(sif.path, { force: true });
      return stored;
    },
    buildOnCluster: async (cluster, planned, checkout, receipt, claim, on, signal) =>
      buildOnCluster(
        {
          cluster,
          planned,
          checkout,
          receipt,
          claim,
          options,
          settings: await tools.settings(),
          entry: choice.entry,
          ...(endpoint ? { poller: endpoint.poller } : {}),
        },
        on,
        signal,
      ),
    async content(cluster, checkout, _on, signal) {
      const sent = await sendContent(cluster.transport, `${cluster.profile.imageStore}/contents`, checkout, signal);
      return {
        id: sent.id,
        content: sent.content,
        ...(sent.git ? { git: sent.git } : {}),
        bytes: sent.sent,
        reused: sent.sent === 0,
      };
    },
    confirm: (question, flag) => confirm(question, { yes: options.yes, flag }),
  };
}

/** What every launch loads later is loaded while the cluster's answers are awaited. A fault is told by who needs it. */
async function ahead(tools: Tools, wanted: { engine: boolean }): Promise<void> {
  const { loadX509 } = await import('../sessions/certificates.ts');
  await Promise.allSettled([wanted.engine ? tools.engine() : undefined, loadX509(), import('../server/local.ts')]);
}

/** Nothing is removed by itself: a large store is told of where it grows. */
function tellSize(bytes: number, choice: Choice, config: Config, on: OnProgress): void {
  const most = choice.entry.images?.max_size ?? config.images?.max_size;
  if (bytes > (most === undefined ? TELL_ABOVE_BYTES : most * 2 ** 20))
    on({
      type: 'note',
      text: `the images on ${choice.name} take ${size(bytes)}: hpcbinder images gc removes old ones`,
    });
}
