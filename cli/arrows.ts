/** The other rooms' arrows, put together for one launch: repository, plan, image, SIF, store. */
import { mkdirSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { detect, environmentKey, hpcYmlOf, inWords, plan as planOf } from '../buildpacks/index.ts';
import type { LaunchArrows, Planned } from '../core/arrows.ts';
import type { BuildSettings, Checkout, RepoRef } from '../core/artifacts.ts';
import type { Config } from '../core/config.ts';
import type { Engine } from '../core/engine.ts';
import { HpcbinderError } from '../core/errors.ts';
import { parseRepo } from '../repos/parse.ts';
import { sendContent } from '../sessions/work/send.ts';
import { resolveBaseFor } from './bases.ts';
import { cachedCheckout } from './checkouts.ts';
import { buildOnCluster } from './cluster-build.ts';
import { type Choice, connectCluster } from './connect.ts';
import type { Options } from './flags.ts';
import { cacheDir, ownPath } from './paths.ts';
import { imageStoreOf, storeLock } from './store.ts';
import { confirm, isTerminal, prompter } from './terminal.ts';
import { PRODUCT } from './version.ts';

export type Arrows = LaunchArrows & { readonly ref: RepoRef | undefined };

export function makeArrows(choice: Choice, options: Options, config: Config): Arrows {
  const ref =
    options.repo === undefined
      ? undefined
      : parseRepo(options.repo, { ...(options.ref ? { ref: options.ref } : {}), local: options.local });
  const tools = new Tools(config);
  const git = { interactive: isTerminal };

  return {
    ref,
    connect() {
      const cluster = connectCluster(choice, prompter());
      void ahead(tools, { engine: ref !== undefined && options.buildOn !== 'cluster' });
      return cluster;
    },
    async resolve(_on, signal) {
      const { resolveRepo } = await import('../repos/resolve.ts');
      return resolveRepo(ref as RepoRef, { ...git, signal });
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
    stored: (cluster, key) => imageStoreOf(cluster).has(key),
    async buildPlace(planned, cluster) {
      if (options.buildOn !== 'auto') return { where: options.buildOn };
      const engine = await tools.engine();
      if (engine instanceof HpcbinderError) {
        if (planned.plan.builder === 'dockerfile') throw engine;
        return {
          where: 'cluster',
          why: `${engine.message}: a batch job on ${cluster.profile.host} builds the image (--build-on here insists)`,
        };
      }
      if (engine.platform === planned.plan.platform) return { where: 'here' };
      const why = `the engine here builds for ${engine.platform}, the partition is ${planned.plan.platform}: a batch job builds the image`;
      return { where: 'cluster', why };
    },
    async build(planned, checkout, on, signal) {
      const { buildImage, findImage } = await import('../images/build.ts');
      const engine = await tools.needEngine();
      const found = await findImage(engine, planned.plan, planned.key);
      if (found) return found;
      return buildImage(engine, planned.plan, checkout, await tools.settings(), {
        key: planned.key,
        on: (line) => on({ type: 'log', phase: 'build', line }),
        signal,
      });
    },
    async check(image, planned, signal) {
      const { checkImage } = await import('../converters/check-image.ts');
      const app = options.app ?? 'lab';
      const start = new Map(planned.plan.env).get('R2D_ENTRYPOINT');
      const version = await checkImage(await tools.needEngine(), image.id, {
        app,
        signal,
        ...(start ? { start } : {}),
      });
      return `${app === 'lab' ? 'JupyterLab' : 'Jupyter Notebook'} ${version} answers`;
    },
    async convert(image, planned, on, signal) {
      const { docker2singularity } = await import('../converters/docker2singularity.ts');
      const dir = join(cacheDir(), 'sifs');
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      return docker2singularity(await tools.needEngine(), image.id, join(dir, `${planned.key}.sif`), {
        on: (moved) => on({ type: 'update', phase: 'convert', ...moved }),
        toolsBase: planned.plan.base?.digest ?? image.id,
        signal,
      });
    },
    async upload(cluster, sif, receipt, on, signal) {
      const onWait = (holder: string) => on({ type: 'update', phase: 'upload', text: `waiting for ${holder}` });
      const stored = await imageStoreOf(cluster).put(sif, receipt, {
        lock: storeLock(cluster, onWait, signal),
        on: (moved) => on({ type: 'update', phase: 'upload', ...moved }),
        signal,
      });
      // the cluster has it now; what a broken upload left stays for the next try
      rmSync(sif.path, { force: true });
      return stored;
    },
    buildOnCluster: async (cluster, planned, checkout, receipt, on, signal) =>
      buildOnCluster(
        { cluster, planned, checkout, receipt, settings: await tools.settings(), options, entry: choice.entry },
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

/** What is looked for once per launch: the engine and the host's build settings. */
class Tools {
  readonly #config: Config;
  #engine: Promise<Engine | HpcbinderError> | undefined;
  #settings: Promise<BuildSettings> | undefined;

  constructor(config: Config) {
    this.#config = config;
  }

  engine(): Promise<Engine | HpcbinderError> {
    this.#engine ??= this.#find();
    return this.#engine;
  }

  async #find(): Promise<Engine | HpcbinderError> {
    const { findEngine } = await import('../images/find.ts');
    return findEngine(this.#config.engine ? { socket: this.#config.engine } : {}).catch((error: unknown) => {
      if (error instanceof HpcbinderError) return error;
      throw error;
    });
  }

  async needEngine(): Promise<Engine> {
    const engine = await this.engine();
    if (engine instanceof HpcbinderError) throw engine;
    return engine;
  }

  settings(): Promise<BuildSettings> {
    this.#settings ??= this.#read();
    return this.#settings;
  }

  async #read(): Promise<BuildSettings> {
    const { hostBuildSettings } = await import('../images/settings.ts');
    const { pip, ca_bundle, apt_mirror } = this.#config;
    return hostBuildSettings(process.env, homedir(), {
      ...(ca_bundle ? { caBundle: ownPath(ca_bundle) } : {}),
      ...(apt_mirror ? { aptMirror: apt_mirror } : {}),
      ...(pip
        ? {
            pip: {
              ...(pip.index_url ? { indexUrl: pip.index_url } : {}),
              ...(pip.extra_index_urls ? { extraIndexUrls: pip.extra_index_urls } : {}),
              ...(pip.constraints ? { constraints: ownPath(pip.constraints) } : {}),
            },
          }
        : {}),
    });
  }

  async plan(
    checkout: Checkout,
    how: {
      platform: Planned['plan']['platform'];
      /** the engine of this machine may be asked for the base */
      here: boolean;
      profile?: Parameters<typeof resolveBaseFor>[1]['profile'];
      on: (text: string) => void;
      signal: AbortSignal;
    },
  ): Promise<Planned> {
    const { pipDefinition } = await import('../images/settings.ts');
    const { offerOf } = await import('./bases.ts');
    const spec = detect(checkout.files, offerOf(this.#config));
    const engine = await this.engine();
    const usable =
      !how.here || engine instanceof HpcbinderError || engine.platform !== how.platform ? undefined : engine;
    const base = spec.python
      ? await resolveBaseFor(spec.python.version, {
          config: this.#config,
          engine: usable,
          platform: how.platform,
          on: how.on,
          signal: how.signal,
          ...(how.profile ? { profile: how.profile } : {}),
        })
      : undefined;
    const pip = pipDefinition(await this.settings());
    const plan = planOf(spec, checkout.files, {
      platform: how.platform,
      repo: checkout.repo,
      tool: PRODUCT,
      ...(base ? { base } : {}),
      ...(pip ? { pip } : {}),
    });
    return { plan, key: environmentKey(plan), words: inWords(spec, checkout.files), notes: notesOf(spec, plan) };
  }
}

function notesOf(spec: ReturnType<typeof detect>, plan: Planned['plan']): string[] {
  const ignored = spec.ignored.map(({ file, why }) => `${file} is not used: ${why}`);
  const widened = plan.widened ? [`every commit builds a new image, for ${plan.widened.by} ${plan.widened.why}`] : [];
  const standIn = plan.base?.standIn ? [`no registry answers: a Debian root stands in for ${plan.base.name}`] : [];
  return [...spec.notes, ...ignored, ...widened, ...standIn];
}
