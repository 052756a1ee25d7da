/** The login host of a devcluster as what the conformance suite of schedulers asks of a transport. */
import { spawn } from 'node:child_process';
import type { Command, CommandResult } from '../../core/command.ts';
import { layoutOf } from '../../devcluster/layout.ts';
import type { SchedulerTarget } from '../conformance/scheduler.ts';

/** Words into the login container as that user: no shell and no SSH in between. */
function wordsInto(login: string, user: string) {
  return async ({ argv, env = {} }: Command): Promise<CommandResult> => {
    const pairs = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const child = spawn('docker', ['exec', '-i', '-u', user, '-w', '/', login, 'env', ...pairs, ...argv], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const collect = async (stream: AsyncIterable<Buffer>) => {
      const parts: Buffer[] = [];
      for await (const part of stream) parts.push(part);
      return Buffer.concat(parts);
    };
    const ended = new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? 1)));
    const [stdout, stderr, code] = await Promise.all([collect(child.stdout), collect(child.stderr), ended]);
    return { ended: { kind: 'exit', code }, stdout, stderr, truncated: false };
  };
}

/** For alice, with bob as the stranger. */
export function loginOf(
  cluster: string,
): Pick<SchedulerTarget, 'transport' | 'stranger' | 'owner' | 'directory' | 'user'> {
  const login = layoutOf('', cluster).container('login');
  const run = wordsInto(login, 'alice');
  return {
    transport: {
      run,
      async read(path, range = { offset: 0 }) {
        const { ended, stdout } = await run({ argv: ['tail', '-c', `+${range.offset + 1}`, path] });
        if (ended.kind !== 'exit' || ended.code !== 0) return undefined;
        return (async function* () {
          yield stdout.subarray(0, range.length);
        })();
      },
    },
    stranger: { run: wordsInto(login, 'bob') },
    owner: 2001,
    directory: '/home/alice/hb-conformance',
    user: 'alice',
  };
}
