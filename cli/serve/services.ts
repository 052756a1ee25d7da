/** The endpoint's `Services` (core/endpoint.ts): everything that is done on a cluster is done as the user's own account. */
import type { RepoRef } from '../../core/artifacts.ts';
import type { Cluster } from '../../core/cluster.ts';
import type { Config } from '../../core/config.ts';
import type { KeptSession, LaunchGranted, Offers, Services, User } from '../../core/endpoint.ts';
import { HpcbinderError } from '../../core/errors.ts';
import type { Progress } from '../../core/progress.ts';
import type { GitAccess } from '../../repos/git.ts';
import { parseRepo } from '../../repos/parse.ts';
import { controlRequest } from '../../sessions/control.ts';
import { arriving, launch } from '../../sessions/launch.ts';
import { stopSession } from '../../sessions/stop.ts';
import { siteLogin } from '../../transports/site-login.ts';
import { makeArrows } from '../arrows.ts';
import type { Choice } from '../connect.ts';
import { Ending } from '../ending.ts';
import { extended } from '../extend.ts';
import { launchInput } from '../flags.ts';
import { follow } from '../follow.ts';
import { refreshed } from '../refresh.ts';
import { tellAgent } from '../stop.ts';
import { toAgent } from '../world.ts';
import { endpointArrows } from './arrows.ts';
import type { Builds } from './builds.ts';
import { learned, type Sample } from './figures.ts';
import { wordsOf } from './granted.ts';
import { logOf } from './looking.ts';
import { ClusterOutlook } from './outlook.ts';
import { Reach, type ReachOptions } from './reach.ts';
import type { Tokens } from './repository-tokens.ts';
import { builderChoice, checkNoBuilder, type SharedBuilds, sharedArrows } from './shared-images.ts';
import { reaped, taken } from './taken.ts';
import { launchWorld, watcher } from './world.ts';

/** Between two questions to one agent; its warnings come by themselves. */
const FOLLOW_MS = 30_000;

export type ServicesOptions = ReachOptions & {
  /** of the service: build settings, default requests */
  config: Config;
  clusters: () => readonly string[];
  /** how git may look at what others name (SECURITY GIT-08) */
  git: () => Pick<GitAccess, 'guard' | 'allowHttp'>;
  builds: Builds;
  /** who builds for all on a cluster, and where those images lie; absent: each user for themselves */
  shared?(cluster: string): SharedBuilds | undefined;
  tokens: Tokens;
};

export class ClusterServices implements Services {
  readonly #reach: Reach;
  readonly #config: Config;
  readonly #clusters: () => readonly string[];
  readonly #git: ServicesOptions['git'];
  readonly #builds: Builds;
  readonly #shared: (cluster: string) => SharedBuilds | undefined;
  readonly repositoryTokens: Tokens;
  readonly outlook: ClusterOutlook;
  readonly siteLogin = siteLogin;
  /** of each session's figures the last: a use of cores is a difference of two */
  readonly #samples = new Map<string, Sample>();

  constructor(options: ServicesOptions) {
    this.#reach = new Reach(options);
    this.#config = options.config;
    this.#clusters = options.clusters;
    this.#git = options.git;
    this.#builds = options.builds;
    this.#shared = options.shared ?? (() => undefined);
    this.repositoryTokens = options.tokens;
    this.outlook = new ClusterOutlook({
      config: options.config,
      choice: (name) => this.#reach.choice(name),
      sharedStore: (name) => this.#shared(name)?.store,
      as: (user, name, work) => this.#reach.as(user.account, name, work),
      offers: (user, name, signal) => this.offers(user, name, signal),
    });
  }

  get clusters(): readonly string[] {
    return this.#clusters();
  }

  offers(_user: User, name: string, signal: AbortSignal): Promise<Offers> {
    return this.#reach.offers(name, signal);
  }

  async resolve(user: User, repo: { url: string; ref?: string }, signal: AbortSignal) {
    const { resolveLinked } = await import('../../repos/resolve.ts');
    const git = this.#git();
    return resolveLinked(linked(repo, git), {
      interactive: false,
      signal,
      ...git,
      credentialsFor: this.repositoryTokens.for(user),
    });
  }

  async *launch(
    user: User,
    granted: LaunchGranted,
    how: Parameters<Services['launch']>[2],
  ): AsyncGenerator<Progress, KeptSession> {
    linked(granted.repo, this.#git());
    const shared = this.#shared(granted.cluster);
    if (shared) checkNoBuilder(user.account, shared);
    const poller = await this.#reach.poller(granted.cluster);
    const choice = this.#reach.choice(granted.cluster);
    using lent = await this.#reach.lend(user.account, granted.cluster);
    const { cluster } = lent;
    const reshaped = () => this.outlook.reshaped(how.id);
    const world = launchWorld(cluster, { poller, keep: how.keep, reshaped });
    using _ = { [Symbol.dispose]: () => this.outlook.forget(how.id) };
    if (how.resume) {
      const record = await taken(cluster, how.resume, how.signal);
      how.keep(record);
      if (record.phase === 'ready' || record.phase === 'ended') return record;
      return (yield* arriving(cluster, record, world, how.signal)).session;
    }
    const options = launchInput(granted.repo.url, wordsOf(granted), this.#config, how.id);
    const arrowsOf = (of: Choice, there: Cluster) =>
      makeArrows(of, options, this.#config, {
        connect: async () => there,
        poller,
        git: { ...this.#git(), credentialsFor: this.repositoryTokens.for(user) },
      });
    const theirs = shared && builderChoice(choice, shared);
    using builder = shared && theirs && (await this.#reach.lend(shared.as, granted.cluster, theirs));
    const alone = arrowsOf(choice, cluster);
    const own = builder && theirs ? sharedArrows(alone, arrowsOf(theirs, builder.cluster), builder.cluster) : alone;
    const arrows = endpointArrows(own, this.#builds, user.account, how.news ?? (() => {}));
    const input = { ...options.input(choice), ...(how.base ? { base: how.base } : {}) };
    return (yield* launch(input, { ...world, arrows }, how.signal)).session;
  }

  async follow(
    user: User,
    record: KeptSession,
    how: Parameters<Services['follow']>[2],
    signal: AbortSignal,
  ): Promise<KeptSession> {
    const poller = await this.#reach.poller(record.cluster);
    return this.#reach.as(user.account, record.cluster, async (cluster) => {
      let reachable = true;
      const ending = new Ending(cluster, record, how.pages, {
        later: 'Relaunch in My sessions',
        stays: () => (how.mayTouch() ? 'click "Still needed" in My sessions' : undefined),
        say: how.say,
        note: () => {},
      });
      const world = {
        watchJob: watcher(poller, cluster, () => (reachable ? 'live' : 'usual')),
        everyMs: FOLLOW_MS,
        firstMs: 0,
        onFigures: (told: unknown) => {
          const figures = learned(told, record, this.#samples);
          if (figures) how.figures(figures);
        },
        on(newer: KeptSession, answers: boolean) {
          reachable = answers;
          how.on(newer, answers);
        },
      };
      return follow(cluster, record, ending, world, signal).finally(() => this.#samples.delete(record.id));
    });
  }

  refresh(user: User, record: KeptSession, _signal: AbortSignal): Promise<KeptSession> {
    return this.#reach.as(user.account, record.cluster, (cluster) => refreshed(cluster, record));
  }

  async stop(user: User, record: KeptSession, on: (event: Progress) => void): Promise<KeptSession> {
    const poller = await this.#reach.poller(record.cluster);
    return this.#reach.as(user.account, record.cluster, async (cluster) => {
      const end = await stopSession(cluster, await refreshed(cluster, record), {
        watchJob: watcher(poller, cluster, () => 'ending'),
        tellAgent: (each) => tellAgent(cluster, each, false),
        on: (text) => on({ type: 'update', phase: 'stop', text }),
      });
      return end.record;
    });
  }

  reap(user: User, name: string, sessions: ReadonlySet<string>): Promise<readonly string[]> {
    return this.#reach.as(user.account, name, (cluster) => reaped(cluster, sessions));
  }

  extend(user: User, record: KeptSession, seconds: number): Promise<KeptSession> {
    return this.#reach.as(user.account, record.cluster, async (cluster) =>
      extended(cluster, await refreshed(cluster, record), seconds),
    );
  }

  log(user: User, record: KeptSession, _signal: AbortSignal): Promise<string> {
    return this.#reach.as(user.account, record.cluster, (cluster) => logOf(cluster, record));
  }

  async touch(user: User, record: KeptSession, seconds?: number): Promise<void> {
    const asked = { verb: 'use' as const, ...(seconds === undefined ? {} : { seconds }) };
    await this.#reach.as(user.account, record.cluster, (cluster) =>
      controlRequest(toAgent(cluster, record), record.id, record.secrets, asked),
    );
  }

  connect(record: KeptSession, account: string) {
    return this.#reach.connect(record, account);
  }

  async close(): Promise<void> {
    await this.#reach.close();
  }
}

/**
 * Policy has looked at it already; here once more, for this account may read what the user may not (SECURITY GIT-04).
 * E-LINK for what is no repository of another host.
 */
function linked(repo: { url: string; ref?: string }, { allowHttp }: Pick<GitAccess, 'allowHttp'>): RepoRef {
  const ref = parseRepo(repo.url, {
    ...(repo.ref ? { ref: repo.ref } : {}),
    local: false,
    allowHttp: allowHttp === true,
  });
  if (ref.kind === 'git' && /^https?:\/\//.test(ref.url)) return ref;
  throw new HpcbinderError('E-LINK', {
    message: 'an endpoint launches repositories of other hosts alone, by https',
    hint: 'A directory is launched from the command line: hpcbinder launch ./DIRECTORY',
  });
}
