/** A container engine of this machine, as images/ offers it and converters/ uses it. */
import type { Readable } from 'node:stream';
import type { ImageConfig, ImageRef, Platform } from './artifacts.ts';

export interface Engine {
  readonly kind: 'docker' | 'podman';
  readonly version: string;
  readonly platform: Platform;
  /** as DOCKER_HOST writes it, for other tools that ask this very engine */
  readonly address: string;
  inspect(image: string): Promise<{ ref: ImageRef; config: ImageConfig } | undefined>;
  /** the merged root file system as one tar stream: of a container that is created, never started, and removed */
  exportRoot(image: string, signal?: AbortSignal): Promise<Readable>;
  /** runs and removes; output collected, at most 1 MiB of each stream */
  run(
    image: string,
    how: {
      command: readonly string[];
      entrypoint?: readonly string[];
      user?: string;
      network?: 'none' | 'default';
      timeoutMs?: number;
      signal?: AbortSignal;
    },
  ): Promise<{ exitCode: number; stdout: string; stderr: string }>;
  /** a filter: stdin → command in a container of `image` → stdout, with one directory mounted */
  filter(
    image: string,
    how: { command: readonly string[]; stdin: Readable; mount: { from: string; to: string }; signal?: AbortSignal },
  ): Promise<{ exitCode: number; stderr: string }>;
  /** a tool of others in a container of its image: its output as lines, as they come; removed afterwards */
  tool(
    image: string,
    how: {
      command: readonly string[];
      /** default: the image's own */
      entrypoint?: readonly string[];
      mounts: readonly { from: string; to: string; readOnly?: boolean }[];
      env?: Readonly<Record<string, string>>;
      /** the engine's own socket, at /var/run/docker.sock: whoever has it is root on the engine's machine */
      socket: true;
      privileged?: boolean;
      on(line: string): void;
      timeoutMs: number;
      signal?: AbortSignal;
    },
  ): Promise<{ exitCode: number }>;
  /** all images that a build of ours left, by their names */
  built(): Promise<readonly { tag: string; created: Date; bytes: number }[]>;
  /** takes the name away; the image stays while another name or image needs it */
  untag(tag: string): Promise<void>;
  /** the image as `docker save` writes it */
  save(image: string, signal?: AbortSignal): Promise<Readable>;
  /** builds and tags; `context` is a tar that holds the Dockerfile. Throws nothing for a failed step: `failed` says it */
  build(
    context: Readable,
    how: {
      dockerfile: string;
      tag: string;
      platform: Platform;
      /** `host` only where a step needs what listens on this machine alone; default: the engine's own */
      network?: 'host';
      buildArgs?: Readonly<Record<string, string>>;
      labels?: Readonly<Record<string, string>>;
      on(line: string): void;
      signal?: AbortSignal;
    },
  ): Promise<{ failed?: string }>;
  /** the digest by which the engine knows the image after a pull; undefined where the registry does not answer */
  pull(name: string, platform: Platform, signal?: AbortSignal): Promise<string | undefined>;
  /** a root file system as an image of one layer */
  importRoot(tag: string, root: Readable, labels: Readonly<Record<string, string>>): Promise<void>;
}
