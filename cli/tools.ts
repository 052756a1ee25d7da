/** The repository's plan, and what this machine has for it: container engine, host's build settings. */
import { homedir } from 'node:os';
import { detect, environmentKey, inWords, plan as planOf } from '../buildpacks/index.ts';
import type { Planned } from '../core/arrows.ts';
import type { BuildSettings, Checkout } from '../core/artifacts.ts';
import type { Builder, Config } from '../core/config.ts';
import type { Engine } from '../core/engine.ts';
import { HpcbinderError } from '../core/errors.ts';
import type { Repo2docker } from '../images/repo2docker.ts';
import { resolveBaseFor } from './bases.ts';
import { ownPath } from './paths.ts';
import { PRODUCT } from './version.ts';

/** Looked for once per launch. */
export class Tools {
  readonly #config: Config;
  readonly #builder: Builder;
  #repo2docker: Promise<Repo2docker> | undefined;
  #engine: Promise<Engine | HpcbinderError> | undefined;
  #settings: Promise<BuildSettings> | undefined;

  constructor(config: Config, builder: Builder = 'hpcbinder') {
    this.#config = config;
    this.#builder = builder;
  }

  /** The tool of `--builder repo2docker`. E-TOOL-NONE. */
  repo2docker(signal: AbortSignal, on?: (line: string) => void): Promise<Repo2docker> {
    this.#repo2docker ??= this.#findRepo2docker(signal, on);
    return this.#repo2docker;
  }

  async #findRepo2docker(signal: AbortSignal, on?: (line: string) => void): Promise<Repo2docker> {
    const { findRepo2docker } = await import('../images/repo2docker.ts');
    const { command, image } = this.#config.repo2docker ?? {};
    return findRepo2docker({
      ...(command ? { command: ownPath(command) } : {}),
      ...(image ? { image } : {}),
      env: process.env,
      engine: () => this.needEngine(),
      ...(on ? { on } : {}),
      signal,
    });
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

  async #upstream(how: { on: (text: string) => void; signal: AbortSignal }): Promise<Planned['plan']['repo2docker']> {
    const { repo2dockerFact } = await import('../images/repo2docker.ts');
    return repo2dockerFact(await this.repo2docker(how.signal, how.on));
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
    const spec = detect(checkout.files, offerOf(this.#config), this.#builder);
    const upstream = spec.builder === 'repo2docker' ? await this.#upstream(how) : undefined;
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
    // repo2docker takes no index of ours, so that none defines its environment
    const pip = upstream ? undefined : pipDefinition(await this.settings());
    const plan = planOf(spec, checkout.files, {
      platform: how.platform,
      repo: checkout.repo,
      tool: PRODUCT,
      ...(base ? { base } : {}),
      ...(pip ? { pip } : {}),
      ...(upstream ? { repo2docker: upstream } : {}),
    });
    const words = `${upstream ? `repo2docker ${upstream.version} · ` : ''}${inWords(spec, checkout.files)}`;
    return { plan, key: environmentKey(plan), words, notes: notesOf(spec, plan) };
  }
}

function notesOf(spec: ReturnType<typeof detect>, plan: Planned['plan']): string[] {
  const ignored = spec.ignored.map(({ file, why }) => `${file} is not used: ${why}`);
  const widened = plan.widened ? [`every commit builds a new image, for ${plan.widened.by} ${plan.widened.why}`] : [];
  const standIn = plan.base?.standIn ? [`no registry answers: a Debian root stands in for ${plan.base.name}`] : [];
  return [...spec.notes, ...ignored, ...widened, ...standIn];
}
