/** The arrows of the other rooms, as a launch needs them (DESIGN section 1); put together in cli/. */
import type { AppName } from './apps.ts';
import type {
  BuildPlan,
  Checkout,
  EnvironmentKey,
  ImageRef,
  Platform,
  ResolvedRepo,
  SifFile,
  SifReceipt,
} from './artifacts.ts';
import type { Cluster } from './cluster.ts';
import type { HpcbinderError } from './errors.ts';
import type { OnProgress } from './progress.ts';

/** What hpc.yml asks for; nothing else can come from a repository (DESIGN 18). */
export type RepositoryWishes = {
  cpus?: number;
  memoryMb?: number;
  gpus?: number;
  gpuType?: string;
  seconds?: number;
  app?: AppName;
};

export type Planned = {
  plan: BuildPlan;
  key: EnvironmentKey;
  /** `Python 3.13 · requirements.txt (14 packages)` */
  words: string;
  notes: readonly string[];
};

/** A SIF on the cluster. `seal`: sha256, size, inode, mtime and ctime when it was last read; absent for a given image. */
export type StoredSif = { path: string; receipt: SifReceipt; seal?: string };

/** The repository's content on the cluster, by id. */
export type StoredContent = { id: string; content: string; git?: string; bytes: number; reused: boolean };

/** How a SIF will be made, decided before anything is built. `why` is told. */
export type BuildPlace = { where: 'here' | 'cluster'; why?: string };

/** How the making of an image ended, for another launch that waited for it. `where`: where it was made. */
export type FailedBuild = { where: BuildPlace['where']; error: HpcbinderError };

/** One launch at a time makes the image of a key; the others see what it does, and go on where it ended. */
export interface ImageClaim extends AsyncDisposable {
  /** fires when another one took over, after we were silent for too long */
  readonly lost: AbortSignal;
  /** taken from one that had died */
  readonly tookOver: boolean;
  /** how it ended for the one that we waited for; absent: it made the image, gave up or died, or nobody was waited for */
  readonly failed: FailedBuild | undefined;
  /** told to those who wait; nothing where none does */
  fail(failed: FailedBuild): Promise<void>;
  /** one line, for those who wait */
  say(doing: string): void;
  /** does another launch wait for this image right now? */
  awaited(): Promise<boolean>;
}

export interface LaunchArrows {
  connect(on: OnProgress, signal: AbortSignal): Promise<Cluster>;
  resolve(on: OnProgress, signal: AbortSignal): Promise<ResolvedRepo>;
  checkout(repo: ResolvedRepo, on: OnProgress, signal: AbortSignal): Promise<Checkout>;
  wishes(checkout: Checkout): RepositoryWishes;
  plan(checkout: Checkout, cluster: Cluster, platform: Platform, on: OnProgress, signal: AbortSignal): Promise<Planned>;
  /** sound, or absent: a damaged one is told of and set aside */
  stored(cluster: Cluster, key: EnvironmentKey, on: OnProgress, signal: AbortSignal): Promise<StoredSif | undefined>;
  /** waits while another launch makes the image of this key, here or on another machine; shows what it does */
  claim(cluster: Cluster, key: EnvironmentKey, on: OnProgress, signal: AbortSignal): Promise<ImageClaim>;
  buildPlace(planned: Planned, cluster: Cluster): Promise<BuildPlace>;
  build(planned: Planned, checkout: Checkout, on: OnProgress, signal: AbortSignal): Promise<ImageRef>;
  /** the image is started once: the app answers, `start` is executable */
  check(image: ImageRef, planned: Planned, app: AppName, signal: AbortSignal): Promise<string>;
  /** version of its C library, which the GPU driver's libraries meet inside; undefined: it does not say */
  glibc(image: ImageRef, signal: AbortSignal): Promise<string | undefined>;
  convert(cluster: Cluster, image: ImageRef, planned: Planned, on: OnProgress, signal: AbortSignal): Promise<SifFile>;
  upload(
    cluster: Cluster,
    sif: SifFile,
    receipt: SifReceipt,
    claim: ImageClaim,
    on: OnProgress,
    signal: AbortSignal,
  ): Promise<StoredSif>;
  buildOnCluster(
    cluster: Cluster,
    planned: Planned,
    checkout: Checkout,
    receipt: Omit<SifReceipt, 'bytes' | 'sha256'>,
    claim: ImageClaim,
    on: OnProgress,
    signal: AbortSignal,
  ): Promise<StoredSif>;
  content(cluster: Cluster, checkout: Checkout, on: OnProgress, signal: AbortSignal): Promise<StoredContent>;
  /** asks the person; without a terminal E-CONFIRM unless --yes */
  confirm(question: string, flag: string): Promise<void>;
}
