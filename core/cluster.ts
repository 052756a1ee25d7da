/** A cluster as a launch meets it: what was found there once, and what it offers now. */
import type { Allowance } from './allowance.ts';
import type { Platform } from './artifacts.ts';
import type { Bind, ClusterEntry, Compression } from './config.ts';
import type { Partition, Scheduler } from './scheduler.ts';
import type { Session } from './session.ts';
import type { SiteFile } from './site.ts';
import type { Transport } from './transport.ts';

export type ContainerCommand = { command: string; flavor: 'apptainer' | 'singularity'; version: string };

/** Everything absolute. Found by one question at the first contact, kept in the cluster's entry. */
export type ClusterProfile = {
  /** of the config, or `user@host` */
  name: string;
  /** the host as the user typed it: for messages and for the line to copy */
  host: string;
  user: string;
  uid: number;
  home: string;
  container: ContainerCommand;
  python: string;
  /** session records and scripts; small; on storage that is kept */
  stateDir: string;
  /** images and content that can be made again: on scratch where there is one */
  imageStore: string;
  workDir: string;
  /** of the login node, taken for the nodes' where the scheduler names none */
  platform: Platform;
  /** shell text of the user's or site's own config, run in the job before the agent */
  prologue: string;
  /** the same, run in the job when the agent has ended */
  epilogue: string;
  /** do the nodes reach it? absent: nobody said */
  internet?: boolean;
  /** of the entry, as written: `~/` still in front */
  binds: readonly Bind[];
  /** `host/org/repo` of repositories that also get home and scratch */
  trust: readonly string[];
  scratch?: string;
  ports: readonly number[];
  bases: NonNullable<ClusterEntry['bases']>;
  /** of the images that are made for it */
  compression: Compression;
};

export type Cluster = {
  profile: ClusterProfile;
  transport: Transport;
  scheduler: Scheduler;
  partitions: readonly Partition[];
  /** asked at most once a day, for it seldom changes; absent where nobody asked */
  allowance?: Allowance;
  /** what its admins published, if they did */
  site?: SiteFile;
  /** throws where a session's address is on no node of its job; an endpoint asks before it connects (SECURITY NET-08) */
  vouch?(session: Pick<Session, 'id' | 'cluster' | 'jobId' | 'job' | 'address'>): Promise<void>;
  /** of the connection: why the site's file is not read */
  notes?: readonly string[];
};
