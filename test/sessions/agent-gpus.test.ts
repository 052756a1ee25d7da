/** GPUs by the agent's own functions in Python, and the real agent around a fake nvidia-smi that prints the documented format. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { figuresOf, sampleOf } from '../../cli/serve/figures.ts';
import { agentSource } from '../../sessions/agent.ts';
import { controlRequest } from '../../sessions/control.ts';
import { gpuFiguresOf } from '../../sessions/gpus.ts';
import { type Changes, eventually, SESSION, startSession } from './agent-rig.ts';
import { pythons } from './pythons.ts';

const UUIDS = ['GPU-2ac434d3-1aca-57a0-597d-1d2effdba9f3', 'GPU-cd9ee947-34d2-d0fe-93e0-2195b3f2fd52'] as const;
const ROWS = `0, ${UUIDS[0]}, 37, 1024, 40960\n1, ${UUIDS[1]}, 0, 3, 40960\n`;

describe.each(pythons())('with %s, GPUs', (python) => {
  /** `told` reaches the code under that name; JSON comes back. */
  const call = (code: string, told: unknown = null): unknown => {
    const program = `import sys, json\nspace = {"__name__": "agent"}\ngiven = json.load(sys.stdin)\nexec(given["source"], space)\nglobals().update(space)\ntold = given["told"]\nprint(json.dumps(${code}))`;
    return JSON.parse(
      execFileSync(python, ['-c', program], {
        input: JSON.stringify({ source: agentSource(), told }),
        encoding: 'utf8',
      }),
    );
  };
  const chosen = (visible: string | null, rows = ROWS) =>
    call('[row["index"] for row in job_gpus(parse_gpus(told[0]), told[1])]', [rows, visible]);

  it('are read from what nvidia-smi prints, whatever the numbers are, and what is in brackets is not known', () => {
    const figure = (most: number) => fc.option(fc.integer({ min: 0, max: most }), { nil: null });
    const row = fc.record({
      index: fc.integer({ min: 0, max: 99 }),
      busy: figure(100),
      usedMb: figure(200_000),
      totalMb: figure(200_000),
    });
    const unknown = ['[N/A]', '[Not Supported]', '[Insufficient Permissions]', '[Unknown Error]', 'N/A'];
    const tables = fc.sample(fc.tuple(fc.array(row, { maxLength: 8 }), fc.constantFrom(...unknown)), 200);
    const texts = tables.map(([rows, word]) =>
      rows
        .map(({ index, busy, usedMb, totalMb }) =>
          [index, UUIDS[0], busy, usedMb, totalMb].map((v) => v ?? word).join(', '),
        )
        .join('\n'),
    );
    const wanted = tables.map(([rows]) =>
      rows.map((one) => ({ ...one, uuid: UUIDS[0], busy: one.busy === null ? null : one.busy / 100 })),
    );
    expect(call('[parse_gpus(text) for text in told]', texts)).toEqual(wanted);
  });

  it('are none, and nothing else happens, where it prints anything else', () => {
    const texts = [
      'No devices were found',
      `${ROWS}Unable to determine the device handle for GPU0000:3B:00.0: Unknown Error`,
      ...fc.sample(fc.string({ minLength: 1 }), 200).filter((text) => text.trim() !== ''),
    ];
    const refuses =
      'def refuses(text):\\n    try:\\n        parse_gpus(text)\\n    except ValueError:\\n        return True\\n    return False';
    const code = `(exec("${refuses}", globals()), [refuses(text) for text in told])[1]`;
    expect(call(code, texts)).toEqual(texts.map(() => true));
  });

  it('are those of CUDA_VISIBLE_DEVICES, by number or UUID, all without it, and none on a doubt', () => {
    expect(chosen('1')).toEqual([1]);
    expect(chosen('1,0')).toEqual([1, 0]);
    expect(chosen('GPU-2ac434d3')).toEqual([0]);
    expect(chosen(null)).toEqual([0, 1]);
    for (const doubt of ['', '2', '0,7', 'GPU-', 'NoDevFiles', 'MIG-GPU-2ac434d3/1/0'])
      expect(chosen(doubt)).toEqual([]);
  });

  it('are idle since the first look of an unbroken row of looks that all say so', () => {
    const told = (...looks: [now: number, ...busy: (number | null)[]][]) =>
      call(
        '(lambda gpus: [(gpus.learn([dict(index=n, busy=b, usedMb=1, totalMb=2) for n, b in enumerate(look[1:])], look[0]), gpus.figures(look[0]).get("gpuIdleSince"))[1] for look in told])(Gpus(True, None))',
        looks,
      );
    expect(told([1000, 0, 0], [1030, 0, 0], [1060, 0, 0.01], [1090, 0, 0])).toEqual([1000, 1000, null, 1090]);
    // one failed look is no doubt yet; a hole is
    expect(told([1000, 0], [1030], [1060, 0], [1160, 0])).toEqual([1000, 1000, 1000, 1160]);
    expect(told([1000, 0], [1030, null], [1060, 0, null])).toEqual([1000, null, null]);
  });
});

/** A folder for PATH with the fake; it fails where it is asked otherwise than it is documented. */
function fakeSmi(body: string): { bin: string; env: Record<string, string> } {
  const bin = mkdtempSync(join(tmpdir(), 'hb-smi-'));
  const asked = '--query-gpu=index,uuid,utilization.gpu,memory.used,memory.total --format=csv,noheader,nounits';
  writeFileSync(join(bin, 'nvidia-smi'), `#!/bin/sh\n[ "$*" = "${asked}" ] || exit 2\n${body}\n`, { mode: 0o755 });
  return { bin, env: { PATH: `${bin}:${process.env.PATH}`, CUDA_VISIBLE_DEVICES: '1' } };
}

async function withFake(
  body: string,
  changes: Changes,
  seen: (figures: () => Promise<unknown>, log: () => string) => Promise<void>,
) {
  const { bin, env } = fakeSmi(body);
  const rig = await startSession({ container: { gpu: 'auto' }, env, ...changes });
  try {
    const figures = async () => (await controlRequest(rig.connect, SESSION, rig.secrets, { verb: 'status' })).figures;
    await seen(figures, () => rig.file('agent.log'));
  } finally {
    await rig.stop();
    rmSync(bin, { recursive: true, force: true });
  }
}

describe('the agent with a fake nvidia-smi', () => {
  it('tells of the job’s own GPU, and since when it is idle', async () => {
    await withFake(`printf '${ROWS.replaceAll('\n', '\\n')}'`, {}, async (figures) => {
      let told = await figures();
      for (let n = 0; n < 100 && !JSON.stringify(told).includes('gpus'); n++) {
        await wait(100);
        told = await figures();
      }
      expect(told).toMatchObject({ gpus: [{ index: 1, busy: 0, usedMb: 3, totalMb: 40960 }] });
      expect(Math.abs(Number((told as { gpuIdleSince: number }).gpuIdleSince) - Date.now() / 1000)).toBeLessThan(60);
    });
  });

  it('kills one that hangs with all that it started, says so once, and the session lives', async () => {
    const constants = { GPU_DEADLINE_SECONDS: 0.2, GPU_EVERY_SECONDS: 0.2 };
    await withFake('sleep 600', { constants }, async (figures, log) => {
      await eventually(() => log().includes('no figures of GPUs'));
      await wait(1000);
      expect(log().split('no figures of GPUs')).toHaveLength(2);
      expect(await figures()).not.toHaveProperty('gpus');
    });
  });

  it('is not asked where the session has no GPUs', async () => {
    const marker = join(tmpdir(), `hb-smi-asked-${process.pid}`);
    await withFake(`touch ${marker}`, { container: { gpu: 'none' } }, async (figures, log) => {
      expect(await figures()).not.toHaveProperty('gpus');
      expect(log()).not.toContain('no figures of GPUs');
    });
    expect(existsSync(marker)).toBe(false);
  });
});

describe('figures of GPUs that an agent tells', () => {
  const gpu = { index: 0, busy: 0.5, usedMb: 10, totalMb: 20 };
  const base = { cpuSeconds: 1, memoryBytes: 2 ** 20 };

  it('reach the endpoint with the moment since which they are idle', () => {
    const sample = sampleOf({ ...base, gpus: [gpu], gpuIdleSince: 1000 }, 5);
    if (!sample) throw new Error('no sample');
    const asked = { cpus: 1, memoryMb: 1, seconds: 1, gpus: 1, extra: [] };
    expect(figuresOf(sample, undefined, asked)).toMatchObject({ gpus: [gpu], gpuIdleSince: 1000 });
  });

  it('are believed only as far as they are figures', () => {
    expect(gpuFiguresOf({ gpus: [gpu, { ...gpu, busy: 7 }, 'x', { busy: 0 }, null], gpuIdleSince: 'x' })).toEqual({
      gpus: [gpu],
    });
    expect(gpuFiguresOf({ gpuIdleSince: 5 })).toEqual({});
    expect(gpuFiguresOf({ gpus: Array(1000).fill(gpu) }).gpus).toHaveLength(64);
    fc.assert(fc.property(fc.anything(), (told) => void gpuFiguresOf({ gpus: told, gpuIdleSince: told })));
  });
});
