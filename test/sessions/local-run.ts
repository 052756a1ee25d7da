/** Questions asked of this machine: the real program, without any transport. */
import { spawn } from 'node:child_process';
import type { Answer, CommandResult, Question } from '../../core/command.ts';

export async function askHere<T>(question: Question<T>, env: NodeJS.ProcessEnv = process.env): Promise<Answer<T>> {
  const { argv, stdin, env: own } = question.command;
  const child = spawn(argv[0] ?? '', argv.slice(1), { env: { ...env, ...own } });
  child.stdin.on('error', () => {});
  child.stdin.end(stdin ?? '');
  const collected = async (stream: AsyncIterable<Buffer>) => {
    const parts: Buffer[] = [];
    for await (const part of stream) parts.push(part);
    return Buffer.concat(parts);
  };
  const ended = new Promise<CommandResult['ended']>((resolve) => {
    child.on('close', (code, name) =>
      resolve(code === null ? { kind: 'signal', name: name ?? '' } : { kind: 'exit', code }),
    );
  });
  const [stdout, stderr] = await Promise.all([collected(child.stdout), collected(child.stderr)]);
  return question.parse({ ended: await ended, stdout, stderr, truncated: false });
}
