/** deploy/grafana.json against the endpoint's real /metrics. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ROOT } from '../../sources.ts';
import { World } from './rig.ts';

const world = new World();
beforeAll(() => world.open(), 30_000);
afterAll(() => world.close());

/** Prometheus's own; all else must be ours. */
const PROMETHEUS = new Set([
  'up',
  'rate',
  'irate',
  'increase',
  'sum',
  'max',
  'by',
  'histogram_quantile',
  'job',
  'le',
  'label_values',
]);

it('every metric that the dashboard names is in /metrics', async () => {
  const dashboard = readFileSync(join(ROOT, 'deploy', 'grafana.json'), 'utf8');
  const texts = [...dashboard.matchAll(/"(?:expr|query)": "((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) => text);
  const names = new Set(
    texts.flatMap((text) => text.replace(/\{[^}]*\}|\[[^\]]*\]|\\"[^"]*"/g, '').match(/[a-z_][a-z0-9_]*/gi) ?? []),
  );
  names.delete('prometheus');
  const { body } = await world.ask('/metrics');
  const there = new Set(body.split('\n').flatMap((line) => /^([a-z_][a-z0-9_]*)[ {]/i.exec(line)?.[1] ?? []));
  expect([...names].filter((name) => !PROMETHEUS.has(name)).length).toBeGreaterThan(5);
  expect([...names].filter((name) => !PROMETHEUS.has(name) && !there.has(name))).toEqual([]);
});
