/** 5,000 slow connections of one address at a real endpoint while a neighbour works (SECURITY WEB-16, L-11). No cluster is needed. */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { World } from '../../server/endpoint/rig.ts';

const SECONDS = 60;
const world = new World();
let headers: Record<string, string>;

beforeAll(async () => {
  // another proxy than this machine, so that the attacker is a client like any other
  await world.open(`trusted_proxies: [127.0.0.9]
rate: {connections: 500, requests: 100000 per 1m}`);
  headers = (await world.token(await world.signIn('alice'), 'read')).headers;
});
afterAll(() => world.close());

const descriptors = () => readdirSync('/proc/self/fd').length;
const agent = new Agent({ keepAlive: true, maxSockets: 4, localAddress: '127.0.0.2' } as never);

/** Milliseconds of one request of the neighbour's, from an address of hers. */
function worked(path: string): Promise<{ ms: number; status: number }> {
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    request(
      { agent, host: '127.0.0.1', port: world.port, path, headers: { Host: world.host, ...headers } },
      (answer) => {
        answer.resume().on('end', () => resolve({ ms: performance.now() - begun, status: answer.statusCode ?? 0 }));
      },
    )
      .on('error', reject)
      .end();
  });
}

/** One request each 50 ms. */
async function work(seconds: number): Promise<{ p50: number; p99: number; wrong: number; count: number }> {
  const all: Promise<{ ms: number; status: number }>[] = [];
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    all.push(worked('/api/v1/sessions'));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const told = await Promise.all(all);
  const sorted = told.map(({ ms }) => ms).sort((a, b) => a - b);
  const at = (part: number) => Math.round(sorted[Math.floor(sorted.length * part)] ?? 0);
  return { p50: at(0.5), p99: at(0.99), wrong: told.filter(({ status }) => status !== 200).length, count: told.length };
}

describe('5,000 connections that drip', () => {
  it(
    'hold no more than their address may, are cut in time, and a neighbour does not notice',
    async () => {
      const alone = await work(5);
      const before = descriptors();
      const words = [join(import.meta.dirname, 'drip.mjs'), String(world.port), '5000', String(SECONDS)];
      const attacker = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'], env: {} });
      let said = '';
      attacker.stdout.on('data', (part) => {
        said += part;
      });
      const ended = new Promise((resolve) => attacker.once('close', resolve));
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      const beside = await work(SECONDS - 15);
      const during = descriptors() - before;
      await ended;
      const { opened, longestMs } = JSON.parse(said) as { opened: number; longestMs: number };
      expect(longestMs).toBeGreaterThan(10_000);
      expect(opened).toBeGreaterThan(5_000);
      expect(beside.wrong).toBe(0);
      // of a machine that does other things as well
      expect(beside.p99).toBeLessThan(Math.max(200, 10 * alone.p99));
      // headers may take 15 s, it is looked each 5 s, and who does not read the refusal has 2 s more
      expect(longestMs).toBeLessThan(25_000);
      expect(during).toBeLessThan(600);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      expect(descriptors() - before).toBeLessThan(20);
    },
    (SECONDS + 60) * 1000,
  );
});
