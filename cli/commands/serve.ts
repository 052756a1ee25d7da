/** `serve`: the campus endpoint. */
import type { Command } from 'commander';

export function register(program: Command): void {
  program
    .command('serve')
    .description('the campus endpoint: launch page, badges and all sessions behind one address')
    .option('--config <file>', 'the policy file (default: /etc/hpcbinder/serve.yaml)')
    .option('--check', 'read the file, say what is wrong with it, and serve nothing')
    .option('--json', 'one JSON object')
    .action(async (flags: { config?: string; check?: boolean; json?: boolean }) => {
      const { serve } = await import('../serve.ts');
      process.exitCode = await serve(flags);
    });
}
