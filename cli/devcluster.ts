/** The devcluster's commands: its room, the config file and the terminal put together. */
import { HpcbinderError } from '../core/errors.ts';
import * as room from '../devcluster/index.ts';
import { offerOf, pinnedBases, resolveBaseFor } from './bases.ts';
import { loadConfig, removeClusterEntry, writeClusterEntry } from './config-file.ts';
import { stateDir } from './paths.ts';
import { confirm, paint, plain, table } from './terminal.ts';

type Named = { name: string };

export async function up(flags: Named & { yes?: boolean; scheduler?: room.SchedulerName }): Promise<number> {
  const yes = flags.yes === true || Boolean(process.env.CI);
  const began = Date.now();
  const { entry, did } = await room.up({
    stateDir: stateDir(),
    name: flags.name,
    ...(flags.scheduler ? { scheduler: flags.scheduler } : {}),
    bases,
    tell,
    confirm: async (question) => {
      await confirm(question, { yes, flag: '--yes' });
      return true;
    },
    writeEntry: (written) => writeClusterEntry(flags.name, written),
  });
  const seconds = Math.round((Date.now() - began) / 1000);
  const story = { 'was-up': 'was up already', repaired: 'is repaired', created: 'is up' }[did];
  tell(paint('done', `The devcluster ${story}`), `(${seconds} s), sshd on 127.0.0.1:${entry.port}`);
  if (flags.scheduler === 'pbs') tell('Its PBS is a FAKE: commands in OpenPBS’s words that really run jobs.');
  tell(`launch    hpcbinder launch REPO --cluster ${flags.name} --partition gpu`);
  const named = namedIn(flags.name);
  tell(`look      hpcbinder devcluster shell${named}      end   hpcbinder devcluster down${named}`);
  return 0;
}

/** What a command for this one has behind it; the usual one needs no name. */
function namedIn(name: string): string {
  return name === room.USUAL_NAME ? '' : ` --name ${name}`;
}

/** The default Python's base, and those looked up before: so a launch without an engine here finds them laid out there. */
async function bases(): Promise<room.BaseWanted[]> {
  const { baseReference } = await import('../images/base.ts');
  const { findEngine } = await import('../images/find.ts');
  const config = loadConfig();
  try {
    // the devcluster runs in an engine, also where launches are told to use none
    const engine = await findEngine({ env: { ...process.env, HPCBINDER_ENGINE: undefined } });
    const python = offerOf(config).defaultPython;
    const usual = await resolveBaseFor(python, { config, engine, platform: engine.platform, on: tell });
    const others = pinnedBases().filter((base) => base.python !== python);
    return [...others, usual].map((base) => ({ ...base, image: baseReference(base) }));
  } catch (error) {
    if (!(error instanceof HpcbinderError)) throw error;
    tell(`Builds on the cluster have no base image there: ${error.message}`);
    return [];
  }
}

export async function down(flags: Named & { purge?: boolean }): Promise<number> {
  const { was } = await room.down({
    stateDir: stateDir(),
    name: flags.name,
    purge: flags.purge === true,
    tell,
    removeEntry: () => removeClusterEntry(flags.name),
  });
  const kept = flags.purge ? '' : ' Its images are kept (--purge removes them).';
  tell(was === 'absent' ? 'There was no devcluster.' : `The devcluster is gone.${kept}`);
  return 0;
}

/** Exit 0 when it is up, 1 when it is not. */
export async function status(flags: Named & { json?: boolean }): Promise<number> {
  const found = await room.status({ stateDir: stateDir(), name: flags.name });
  if (flags.json) {
    process.stdout.write(`${JSON.stringify(found)}\n`);
  } else if (found.state === 'down') {
    tell(`There is no devcluster. hpcbinder devcluster up${namedIn(flags.name)} makes one.`);
  } else {
    const rows = found.hosts.map(({ host, state, missing, node }) => [
      host,
      missing.length > 0 ? `missing: ${missing.join(', ')}` : state,
      node?.state ?? (host === 'login' ? '' : 'unknown'),
      node?.partitions.join(',') ?? '',
      node?.gres ?? '',
    ]);
    process.stdout.write(`${table(['HOST', 'CONTAINER', 'NODE', 'PARTITIONS', 'GPUS'], rows)}\n`);
    if (found.state === 'broken')
      tell(`Something is missing. hpcbinder devcluster up${namedIn(flags.name)} repairs it.`);
  }
  return found.state === 'up' ? 0 : 1;
}

export async function shell(host: string, flags: Named & { user: string }): Promise<number> {
  return room.shell({
    stateDir: stateDir(),
    name: flags.name,
    host: room.hostOf(host),
    user: room.userOf(flags.user),
  });
}

function tell(...words: string[]): void {
  process.stderr.write(`${plain(words.join(' '))}\n`);
}
