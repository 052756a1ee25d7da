/** The repository's plan, and what this machine has for it: container engine, host's build settings. */
import { homedir } from 'node:os';
import { detect, environmentKey, inWords, plan as planOf } from '../buildpacks/index.ts';
import type { Planned } from '../core/arrows.ts';
import type { BuildSettings, Checkout } from '../core/artifacts.ts';
import type { Config } from '../core/config.ts';
import type { Engine } from '../core/engine.ts';
import { HpcbinderError } from '../core/errors.ts';
import { resolveBaseFor } from './bases.ts';
import { ownPath } from './paths.ts';
import { PRODUCT } from './version.ts';

/** Looked for once per launch. */
export class Tools {
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
