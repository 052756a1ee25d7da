#!/usr/bin/env node
/** The door: a command line in, an exit status out. */
import { type Command, CommanderError } from 'commander';
import { HpcbinderError } from '../core/errors.ts';
import { buildProgram } from './program.ts';

const program = buildProgram();
const json = process.argv.includes('--json');

async function main(): Promise<number> {
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
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // `hpcbinder list | head`: the reader has enough
  if (error.code === 'EPIPE') process.exit(0);
});

process.exitCode = await main();
