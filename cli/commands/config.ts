/** `config`: where it is, what it says, whether it can be read. */
import type { Command } from 'commander';

export function register(program: Command): void {
  const config = program.command('config').description('the config file');
  config
    .command('path')
    .description('where it is')
    .action(async () => {
      const { configPath } = await import('../config-file.ts');
      process.stdout.write(`${configPath()}\n`);
    });
  config
    .command('show', { isDefault: true })
    .description('what it says')
    .action(async () => {
      const { showConfig } = await import('../config-file.ts');
      process.stdout.write(showConfig());
    });
  config
    .command('check')
    .description('can it be read?')
    .action(async () => {
      const { configPath, loadConfig } = await import('../config-file.ts');
      loadConfig();
      process.stdout.write(`${configPath()} is fine\n`);
    });
}
