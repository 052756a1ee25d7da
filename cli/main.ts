#!/usr/bin/env node
/** The door: a command line in, an exit status out. */
import { type Command, CommanderError } from 'commander';
import { HpcbinderError } from '../core/errors.ts';
import { buildProgram } from './program.ts';

const program = buildProgram();
const json = process.argv.includes('--json');

async function main(): Promise<number> {
  if (process.argv[2] === '__complete') return complete(process.argv.slice(4));
  if (process.argv[2] === '__keep') return keep(process.argv[3] ?? '');
  exitOverride(program);
  try {
    await program.parseAsync(process.argv);
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError && (error.exitCode === 0 || !json)) return error.exitCode === 0 ? 0 : 2;
    const { showFailure } = await import('./failure.ts');
    return showFailure(error instanceof CommanderError ? misused(error) : error, { json });
  }
}

/** At each press of a key: what cannot be read is not offered, and nothing is said of it. */
async function complete(words: readonly string[]): Promise<number> {
  try {
    const { completions, LOCAL } = await import('./complete.ts');
    for (const line of completions(program, words, LOCAL)) process.stdout.write(`${line}\n`);
  } catch {
    // a config with a typo, a state folder that is not ours
  }
  return 0;
}

/** Started by a command that has logged in; what it shall keep, as JSON. */
async function keep(kept: string): Promise<number> {
  const { keepLogin } = await import('../transports/openssh/keeper.ts');
  return (await keepLogin(JSON.parse(kept))) ? 0 : 1;
}

/** With --json a wrong command line is one line of JSON, like every other fault. */
function misused(error: CommanderError): HpcbinderError {
  const hint = 'hpcbinder COMMAND --help has examples.';
  return new HpcbinderError('E-USAGE', { message: error.message.replace(/^error: /, ''), hint, cause: error });
}

function exitOverride(command: Command): void {
  command.exitOverride();
  if (json) command.configureOutput({ writeErr: () => {} });
  for (const child of command.commands) exitOverride(child);
}

// the terminal went away: what is left to do is done without it
process.stderr.on('error', () => {});
let isRead = true;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE' || !isRead) return;
  isRead = false;
  // `hpcbinder list | head`: the reader has enough. What holds a lock or a job ends in order, as by a signal.
  if (process.listenerCount('SIGTERM') > 0) process.emit('SIGTERM', 'SIGTERM');
  else process.exit(0);
});

process.exitCode = await main();
