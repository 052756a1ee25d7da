/** What a fake endpoint answers: a launch under way, sessions of every kind, figures of an hour. Names are invented. */
import type {
  AdminView,
  Choices,
  Figures,
  Forecast,
  LaunchEvent,
  LaunchView,
  SessionView,
  SoonerView,
  TokenView,
  User,
} from '../../../core/endpoint.ts';
import type { Partition } from '../../../core/scheduler.ts';

export const ALICE: User = { account: 'alice', shown: 'Alice Ångström', roles: ['user', 'admin'] };
export const BOB: User = { account: 'bob', shown: 'bob', roles: ['user'] };

const now = () => Math.round(Date.now() / 1000);
export const iso = (secondsAgo: number) => new Date((now() - secondsAgo) * 1000).toISOString();

const partition = (name: string, more: Partial<Partition>): Partition => ({
  name,
  isDefault: false,
  up: true,
  nodes: 40,
  cpusPerNode: 64,
  memoryMbPerNode: 262144,
  maxSeconds: 86400,
  gpusPerNode: {},
  allNodesHaveGpus: false,
  architectures: ['x86_64'],
  idleNodes: 3,
  free: { cpus: 412, memoryMb: 1 << 21, gpus: {} },
  ...more,
});

export function choices(cluster = 'campus'): Choices {
  return {
    clusters: ['campus', 'teaching'],
    cluster,
    apps: ['lab', 'notebook'],
    data: [{ name: 'era5', path: '/data/era5' }],
    offers: {
      cluster,
      askedAt: Date.now() - 90_000,
      partitions:
        cluster === 'campus'
          ? [
              partition('cpu', { isDefault: true }),
              partition('gpu', {
                nodes: 8,
                cpusPerNode: 48,
                gpusPerNode: { a100: 4 },
                allNodesHaveGpus: true,
                free: { cpus: 90, memoryMb: 1 << 19, gpus: { a100: 7 } },
              }),
              partition('debug', { nodes: 2, maxSeconds: 1800 }),
            ]
          : [partition('lessons', { isDefault: true, nodes: 4, maxSeconds: 7200 })],
    },
    defaults: { seconds: 7200, cpus: 2, memoryMb: 8192, gpus: 0 },
  };
}

export const session = (id: string, more: Partial<SessionView> = {}): SessionView => ({
  id,
  account: 'alice',
  cluster: 'campus',
  repo: {
    shown: 'org/climate-notebooks',
    url: 'https://github.com/org/climate-notebooks',
    commit: '4f1c2ab'.padEnd(40, '0'),
  },
  phase: 'ready',
  app: 'lab',
  request: { partition: 'gpu', cpus: 8, memoryMb: 32768, seconds: 7200, gpus: 1, gpuType: 'a100', extra: [] },
  node: 'g07',
  jobId: '48213',
  createdAt: iso(5000),
  startedAt: now() - 4680,
  endsAt: now() + 2520,
  idleSeconds: 3600,
  workDirectory: '/home/alice/hpcbinder/github.com/org/climate-notebooks',
  ...more,
});

export const SESSIONS: readonly SessionView[] = [
  session('hb-k3f9q2x7ma', { gpuIdleSince: now() - 1210 }),
  session('hb-p2c0aaaaaa', {
    repo: { shown: 'lab/lesson-3' },
    endsAt: now() + 600,
    idleSince: now() - 2400,
    culledAt: now() + 420,
    request: { cpus: 2, memoryMb: 8192, seconds: 7200, gpus: 0, extra: [] },
    node: 'c12',
  }),
  session('hb-9abaaaaaaa', {
    repo: { shown: 'lab/queued' },
    phase: 'queued',
    node: undefined,
    waiting: 'jobs of higher priority are ahead',
    likelyStart: now() + 3000,
  }),
  session('hb-8xraaaaaaa', {
    repo: { shown: 'org/typo' },
    phase: 'ended',
    node: undefined,
    ended: { why: 'failed', at: iso(7200), detail: 'E-BUILD-PIP: requirements.txt:4', words: 'failed: the build' },
  }),
  session('hb-0ldaaaaaaa', {
    phase: 'ended',
    ended: { why: 'timeout', at: iso(90_000), words: 'ended: walltime over' },
  }),
];

/** One each minute for an hour: the CPU busy at first, the GPU never. */
export function figures(): readonly Figures[] {
  return Array.from({ length: 60 }, (_, minute) => ({
    at: (now() - (59 - minute) * 60) * 1000,
    cpu: { used: 4 + 3.5 * Math.sin(minute / 6) * (minute < 40 ? 1 : 0.1), asked: 8 },
    memory: { usedMb: 9000 + minute * 180, askedMb: 32768 },
    gpus: [{ index: 0, busy: 0, usedMb: 420, totalMb: 40960 }],
  }));
}

export const LAUNCH: LaunchView = {
  id: 'la-aaaaaaaaaaaaaaaa',
  account: 'alice',
  wanted: { provider: 'gh', spec: 'org/climate-notebooks/main', partition: 'gpu', gpus: 1, seconds: 7200 },
  startedAt: iso(80),
  state: 'running',
};

/** It came to no session. */
export const FAILED: LaunchView = {
  id: 'la-cccccccccccccccc',
  account: 'alice',
  wanted: { provider: 'gh', spec: 'org/typo/HEAD' },
  startedAt: iso(4000),
  endedAt: iso(3600),
  state: 'failed',
  error: { code: 'E-BUILD-PIP', message: 'pip could not install nunpy', hint: 'requirements.txt, line 4' },
};

export const EVENTS: readonly LaunchEvent[] = [
  { type: 'launch', launch: LAUNCH },
  { type: 'start', phase: 'repo', text: 'looking up org/climate-notebooks' },
  { type: 'done', phase: 'repo', text: 'org/climate-notebooks @ 4f1c2ab  main, 3 hours ago', seconds: 1 },
  { type: 'done', phase: 'plan', text: 'Python 3.12 · requirements.txt (14 packages) · apt.txt (2)', seconds: 0.2 },
  { type: 'start', phase: 'build', text: 'image for x86_64' },
  { type: 'log', phase: 'build', line: 'Collecting \u001b[1mnumpy\u001b[0m' },
  { type: 'log', phase: 'build', line: '10 %\r50 %\r\u001b[32m100 % done\u001b[0m' },
  {
    type: 'log',
    phase: 'build',
    line: '\u001b[31mERROR\u001b[0m: <img src=x onerror=alert(1)> \u001b]8;;javascript:alert(1)\u0007link\u001b]8;;\u0007',
  },
  { type: 'done', phase: 'build', text: 'image for x86_64, 14 steps, none cached', seconds: 52 },
  { type: 'note', text: 'requirements.txt names no versions: the ones of today are taken and recorded' },
  { type: 'done', phase: 'convert', text: '1.2 GB image → 410 MB SIF', seconds: 19 },
  { type: 'done', phase: 'upload', text: '410 MB to scratch, 48 MB/s', seconds: 9 },
  { type: 'done', phase: 'submit', text: 'job 48213 · partition gpu · 1 GPU · 2 cores · 8 GB · 2 h', seconds: 1 },
  {
    type: 'update',
    phase: 'queue',
    text: 'waiting: jobs of higher priority are ahead',
    waiting: {
      means: 'jobs of higher priority are ahead',
      mends: 'nobody',
      starts: 'yes',
      change: 'ask for less time',
    },
    startsAt: now() + 3000,
  },
];

export const FORECAST: Forecast = {
  notes: ['24 h instead of 72 h: the limit of this endpoint'],
  start: { by: 'scheduler', at: now() + 5 },
  image: { state: 'ready', builtAt: iso(200_000), bytes: 410e6, buildSeconds: 190 },
};

const shape = { partition: 'gpu', seconds: 7200, cpus: 8, memoryMb: 32768, gpus: 1 };
export const SOONER: SoonerView = {
  askedAt: now() - 20,
  own: { by: 'scheduler', at: now() + 3 * 3600, words: '2 h on gpu', shape },
  others: [
    { by: 'scheduler', at: now(), words: '1 h on gpu', shape: { ...shape, seconds: 3600 } },
    { by: 'scheduler', at: now() + 600, words: '2 h on gpu-short', shape: { ...shape, partition: 'gpu-short' } },
  ],
  asked: 6,
  canChange: true,
};

export const TOKENS: readonly TokenView[] = [
  {
    id: 't1',
    name: 'nightly figures',
    scopes: ['read', 'launch'],
    createdAt: iso(300_000),
    expires: iso(-2_000_000),
    usedAt: iso(4000),
  },
];

export const ADMIN: AdminView = {
  sessions: SESSIONS,
  launches: [
    LAUNCH,
    {
      ...LAUNCH,
      id: 'la-bbbbbbbbbbbbbbbb',
      account: 'bob',
      state: 'failed',
      error: { code: 'E-BUILD-PIP', message: 'pip could not install nunpy' },
    },
  ],
  users: [
    {
      account: 'alice',
      shown: 'alice@example.edu',
      roles: ['user', 'admin'],
      firstAt: iso(900_000),
      lastAt: iso(3700),
      live: 2,
      sessions: 9,
      logins: 1,
    },
    {
      account: 'bob',
      shown: 'bob@example.edu',
      roles: ['user'],
      firstAt: iso(90_000),
      lastAt: iso(90_000),
      live: 0,
      sessions: 1,
      logins: 0,
    },
  ],
  audit: [
    { at: iso(60), account: 'alice', action: 'launch', launch: LAUNCH.id },
    { at: iso(4000), account: 'alice', action: 'open', session: 'hb-k3f9q2x7ma' },
  ],
  builds: [
    {
      session: 'hb-7qdaaaaaaa',
      account: 'bob',
      cluster: 'campus',
      repository: 'https://github.com/org/typo',
      state: 'builds',
      askedAt: iso(200),
      begunAt: iso(150),
    },
    {
      session: 'hb-8qdaaaaaaa',
      account: 'alice',
      cluster: 'campus',
      repository: 'https://github.com/org/other',
      state: 'waits',
      askedAt: iso(40),
    },
  ],
  images: [
    {
      account: 'alice',
      cluster: 'campus',
      repository: 'https://github.com/org/climate-notebooks',
      commit: '4f1c2ab'.padEnd(40, '0'),
      platform: 'linux/amd64',
      key: '0123456789abcdef'.repeat(2),
      bytes: 410e6,
      builtAt: iso(200_000),
      usedAt: iso(4000),
    },
  ],
  policy: {
    file: '/etc/hpcbinder/serve.yaml',
    loadedAt: iso(86_000),
    lines: [
      { key: 'limits.per_user', value: '3', line: 21 },
      { key: 'retention_days', value: '180' },
    ],
  },
};
