/**
 * The nouns in the order of the path: RepoRef → ResolvedRepo → checkout → EnvironmentSpec → BuildPlan → image → SIF.
 * The file is the architecture's drawing; no room has a noun of its own that another room needs.
 */

/** What was typed, understood but not yet looked up. */
export type RepoRef =
  | {
      kind: 'git';
      /** what git is given: https://… or ssh://…, without credentials */
      url: string;
      host: string;
      /** `org/repo`, without `.git` */
      path: string;
      ref?: string;
      /** from the URL; handed to git by a credential helper, never in a URL, log or record */
      credentials?: { user: string; password: string };
    }
  | { kind: 'local'; path: string };

/** With the id that everything later uses. */
export type ResolvedRepo =
  | {
      kind: 'git';
      url: string;
      host: string;
      path: string;
      /** branch or tag as asked or found; absent where a commit was asked */
      ref?: string;
      /** 40 or 64 hex */
      commit: string;
      credentials?: { user: string; password: string };
    }
  | {
      kind: 'local';
      path: string;
      /** 64 hex: sha256 over the canonical listing (path, mode, link, content hash) */
      tree: string;
      /** the commit it stands at, where it is a git work tree; for display */
      commit?: string;
      dirty?: boolean;
    };

export type RepoFile = {
  /** relative, `/` as separator, no `.` or `..` parts */
  path: string;
  kind: 'file' | 'symlink' | 'directory' | 'other';
  /** permission bits, as git keeps them: 0o644 or 0o755 for files */
  mode: number;
  size: number;
  /** of a file's content, or of a link's target */
  sha256: string;
  /** a link's target, as written */
  target?: string;
};

/** The only way a buildpack sees a repository. Reads never follow a link out of the checkout. */
export interface RepoFiles {
  list(): readonly RepoFile[];
  get(path: string): RepoFile | undefined;
  /** at most 1 MiB; undefined where there is no such file */
  bytes(path: string): Uint8Array | undefined;
  text(path: string): string | undefined;
}

export type Checkout = {
  repo: ResolvedRepo;
  /** a directory on this machine that holds the content, `.git` (shallow) included for git */
  dir: string;
  files: RepoFiles;
};

export type Platform = 'linux/amd64' | 'linux/arm64';

/** A base image by name and digest, looked up once and kept until `hpcbinder base update`. */
export type BaseImage = {
  /** `docker.io/library/python:3.13-slim-trixie` */
  name: string;
  /** `sha256:…` of the registry's index, or of the stand-in's image id */
  digest: string;
  python: string;
  /** where no registry answers: a Debian root under the same name */
  standIn?: boolean;
};

/** `repo2docker`: the upstream tool itself, for what our own builders do not know. */
export type BuilderName = 'python' | 'dockerfile' | 'repo2docker';

/** What the repository asks for, before base and platform are known. Paths are those of regular files, links followed. */
export type EnvironmentSpec = {
  builder: BuilderName;
  /** active config directory: '', 'binder' or '.binder' (REES section 1.1) */
  configDir: '' | 'binder' | '.binder';
  /** `x.y`; absent for a Dockerfile */
  python?: { version: string; why: string };
  /** sorted, each once */
  apt: readonly string[];
  /** paths of requirements files, in install order */
  requirements: readonly string[];
  /** the repository's root is a Python package */
  package: boolean;
  postBuild?: string;
  start?: string;
  dockerfile?: string;
  /** of repo2docker's own builders the one that will take it, and the file by which: `conda (environment.yml)` */
  upstream?: string;
  /** what can read any file at build time, and so widens the key to the whole tree: the first such file */
  wholeTree?: { by: string; why: string };
  /** files that were seen and are not honoured by this builder: warned of */
  ignored: readonly { file: string; why: string }[];
  notes: readonly string[];
};

/**
 * A step is rendered literally, in this order; nothing is left for the renderer to know about Python, pip or apt.
 * `as: 'user'` runs as BuildPlan.user with HOME at its home; where a build has no other ids, both kinds run as whoever builds.
 */
export type PlanStep =
  | {
      kind: 'run';
      name: string;
      as: 'root' | 'user';
      /** a constant of the buildpack with words quoted by core/shell; for /bin/sh -e */
      shell: string;
      cwd: string;
      /** the repository's file that is to blame when the step fails */
      file?: string;
      /** useradd and chown: left out where a build has no other ids (DESIGN 5) */
      onlyWithIds?: true;
    }
  /** files of the repository, named, to `to/<path>`; owned by the user */
  | { kind: 'files'; paths: readonly string[]; to: string }
  /**
   * The repository to repoDir, owned by the user; for a Dockerfile the build context, and the only step. Without the paths of
   * `exclude` (each with all below it). `.git` goes along exactly where `commit` is given and '.git' is not in `exclude`.
   */
  | { kind: 'tree'; sha256: string; commit?: string; exclude: readonly string[] }
  /** a text of ours at an absolute path, owned by root; its directory may have to be made */
  | { kind: 'text'; path: string; mode: number; text: string };

/** What of the host's pip settings defines an environment: the sha256 of a constraints file, indexes without credentials. */
export type PipDefinition = { constraints?: string; indexes?: readonly string[] };

/** Reproducible: clock, registries' answers and platform are inputs, recorded here (DESIGN 12). */
export type BuildPlan = {
  schema: 1;
  builder: BuilderName;
  platform: Platform;
  /** absent for a Dockerfile */
  base?: BaseImage;
  /** buildArgs: name and value, for `--build-arg` */
  dockerfile?: { path: string; buildArgs: readonly (readonly [string, string])[] };
  /** the tool that builds in our stead; `image`: the id of its container image where it is none of this machine's */
  repo2docker?: { version: string; image?: string };
  pip?: PipDefinition;
  repoDir: '/srv/repo';
  user: { name: 'jovyan'; uid: 1000; home: '/home/jovyan' };
  /** of every step and of the image, in this order; values hold no references to other variables */
  env: readonly (readonly [string, string])[];
  steps: readonly PlanStep[];
  /** program and fixed arguments before the app's command; it runs the repository's `start` by itself (R2D_ENTRYPOINT). Empty for a Dockerfile: its own stays */
  entrypoint: readonly string[];
  /** does the image hold the repository's content? where it does, the key covers the whole tree */
  contentInImage: boolean;
  widened?: { by: string; why: string };
  /** seconds; the install steps export it themselves, a renderer uses it for times of layers and files (DESIGN 12) */
  sourceDateEpoch: number;
  /** not in the key: a label names what was built, it does not define it */
  labels: readonly (readonly [string, string])[];
  /** files of the repository that the plan reads, with the sha256 that enters the key */
  reads: readonly { path: string; mode: number; sha256: string }[];
};

/** The host's settings that a build step needs and that define nothing of the environment: not in plan or key. */
export type BuildSettings = {
  /** PEM bundle of a site CA, or of an inspecting proxy */
  caBundle?: string;
  pip: { indexUrl?: string; extraIndexUrls?: readonly string[]; constraints?: string; timeoutSeconds?: number };
  /** mirror that replaces http://deb.debian.org/debian, and the like */
  aptMirror?: string;
  proxy?: Readonly<Record<string, string>>;
};

/** 32 hex: the first half of sha256 over canonical(plan without labels). The name of the SIF. */
export type EnvironmentKey = string;
/** of an image, in the engine and as a SIF, whichever way it was built */
export const KEY_LABEL = 'org.hpcbinder.key';

/** An image in an engine. */
export type ImageRef = { id: string; tag: string; platform: Platform; created: string; size: number };

/** What an image says of itself: for the runscript, the checks before upload and the labels. */
export type ImageConfig = {
  env: readonly string[];
  entrypoint: readonly string[];
  cmd: readonly string[];
  workingDir: string;
  user: string;
  labels: Readonly<Record<string, string>>;
  architecture: string;
};

/** A SIF on this machine, before it is stored. */
export type SifFile = {
  path: string;
  bytes: number;
  sha256: string;
  /** the tool of others that made it: `apptainer 1.4.5` */
  converter?: string;
};

/** What lies beside `<key>.sif` as `<key>.json`. */
export type SifReceipt = {
  schema: 1;
  key: EnvironmentKey;
  bytes: number;
  sha256: string;
  platform: Platform;
  builtAt: string;
  /** repository and commit of the build, for people: the key, not the commit, names an image */
  repo: string;
  commit?: string;
  tool: string;
  base?: BaseImage;
  /** version of the image's C library, where a launch with GPUs asked for it */
  glibc?: string;
  contentInImage: boolean;
  /** what built and what converted, where it was not hpcbinder itself: `repo2docker 2026.4.0`, `apptainer 1.4.5` */
  builder?: string;
  converter?: string;
  /** of a build on the cluster: how the node let it build, and which node */
  mode?: BuildMode;
  node?: string;
};

/**
 * How a build without privilege has other ids: those of /etc/subuid; one id in a user namespace, alone or with fakeroot(1) to
 * fake the others; fakeroot or proot without a namespace; or it is root already.
 */
export const BUILD_MODES = ['subuid', 'userns', 'userns+fakeroot', 'fakeroot', 'proot', 'root'] as const;
export type BuildMode = (typeof BUILD_MODES)[number];
