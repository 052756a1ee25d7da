/** `base ls|update`: the pinned digests of base images. */
import { baseName, versions } from '../buildpacks/index.ts';
import { findEngine } from '../images/find.ts';
import { offerOf, resolveBaseFor } from './bases.ts';
import { loadConfig } from './config-file.ts';
import { plain, table } from './terminal.ts';

type Flags = Record<string, unknown>;

export async function list(flags: Flags): Promise<number> {
  const { pinnedBases } = await import('./bases.ts');
  const config = loadConfig();
  const offer = offerOf(config);
  const pinned = pinnedBases();
  const rows = versions(offer).map((python) => {
    const name = baseName(python, offer);
    const known = pinned.filter((base) => base.name === name);
    return {
      python,
      name,
      default: python === offer.defaultPython,
      digests: known.map((base) => `${base.digest}${base.standIn ? ' (stand-in)' : ''}`),
    };
  });
  if (flags.json) process.stdout.write(`${JSON.stringify(rows)}\n`);
  else {
    const cells = rows.map((row) => [
      `${row.python}${row.default ? ' (default)' : ''}`,
      row.name,
      row.digests.join(', ') || 'looked up at the first build',
    ]);
    process.stdout.write(`${table(['PYTHON', 'BASE', 'DIGEST'], cells)}\n`);
  }
  return 0;
}

export async function update(python: string | undefined): Promise<number> {
  const config = loadConfig();
  const offer = offerOf(config);
  const engine = await findEngine(config.engine ? { socket: config.engine } : {});
  for (const version of python === undefined ? [offer.defaultPython] : [python]) {
    const base = await resolveBaseFor(version, { config, engine, platform: engine.platform, update: true });
    process.stderr.write(
      plain(
        `${base.name} is now ${base.digest}${base.standIn ? ' (a Debian root stands in: no registry answers)' : ''}\n`,
      ),
    );
  }
  return 0;
}
