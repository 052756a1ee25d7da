/** A container engine of this machine, as images/ offers it and converters/ uses it. */
import type { Readable } from 'node:stream';
import type { ImageConfig, ImageRef, Platform } from './artifacts.ts';

export interface Engine {
  readonly kind: 'docker' | 'podman';
  readonly version: string;
  readonly platform: Platform;
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
}
