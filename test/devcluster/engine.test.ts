import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ensureEngine, requireEngine } from '../../devcluster/engine.ts';

describe('an engine that the user named and that does not answer', () => {
  const before = process.env.DOCKER_HOST;
  beforeEach(() => {
    process.env.DOCKER_HOST = 'unix:///nonexistent/engine.sock';
  });
  afterEach(() => {
    if (before === undefined) delete process.env.DOCKER_HOST;
    else process.env.DOCKER_HOST = before;
  });

  const refusal = { code: 'E-ENGINE-NONE', message: expect.stringContaining('/nonexistent/engine.sock') };

  it('is an error that names it, and nothing is asked, installed or started in its place', async () => {
    const asked: string[] = [];
    const confirm = async (question: string) => {
      asked.push(question);
      return true;
    };
    const tell = (line: string) => void asked.push(line);
    await expect(ensureEngine({ stateDir: '/nonexistent', confirm, tell })).rejects.toMatchObject(refusal);
    expect(asked).toEqual([]);
  });

  it('is the same error for commands that only look', async () => {
    await expect(requireEngine()).rejects.toMatchObject(refusal);
  });
});
