import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { ENTRIES } from '../server/web/static.ts';
import { ROOMS, type Room, reachable, read, type Source, scripts, sources, walk } from './sources.ts';

/** The rooms each room may import. Whatever a room needs from another one is handed to it by cli. */
const TABLE: Readonly<Record<Room, readonly Room[]>> = {
  core: [],
  transports: ['core'],
  repos: ['core'],
  buildpacks: ['core'],
  images: ['core'],
  converters: ['core'],
  schedulers: ['core'],
  devcluster: ['core'],
  jobs: ['core'],
  sessions: ['core', 'jobs'],
  server: ['core', 'sessions'],
  cli: [...ROOMS],
};

const MAX_LINES = 250;
const INPUT_OUTPUT =
  /^(?:node:)?(?:fs|net|tls|http|https|http2|dgram|dns|child_process|worker_threads|cluster|timers|readline)(?:\/|$)/;

/** what browsers load first (server/web/static.ts) */
const BROWSER = ENTRIES.map((entry) => `server/web/client/${entry}.ts`);
/** of a browser, and of Node never: the compiler knows them since the pages' library brings them along */
const OF_BROWSERS = /^(?:window|navigator|localStorage|sessionStorage|EventSource|Notification|HTML\w*Element)$/;

const all = sources();
const inRoom = (...rooms: readonly Room[]) => all.filter((source) => rooms.some((room) => room === source.room));

/** `file:line` of every node that is of the kind asked for. */
function places(among: readonly Source[], is: (node: ts.Node) => boolean): string[] {
  return among.flatMap(({ path, tree }) => {
    const found: string[] = [];
    walk(tree, (node) => {
      if (is(node)) found.push(`${path}:${tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`);
    });
    return found;
  });
}

describe('the rooms', () => {
  it.each(ROOMS)('%s imports only what the table allows', (room) => {
    const allowed: readonly string[] = [room, ...TABLE[room]];
    const edges = inRoom(room)
      .flatMap((source) => source.imports)
      .filter((one) => one.to.endsWith('.ts') && !allowed.includes(one.to.split('/', 1)[0] ?? ''));
    expect(edges.map((one) => `${one.from} -> ${one.to}`)).toEqual([]);
  });

  it('of schedulers do not know one another', () => {
    const dialects = inRoom('schedulers').filter((source) => source.path.split('/').length > 2);
    const strangers = dialects
      .flatMap((source) => source.imports)
      .filter((one) => one.to.startsWith('schedulers/') && one.to.split('/')[1] !== one.from.split('/')[1]);
    expect(strangers).toEqual([]);
  });

  it('have no file that nobody can load', () => {
    const loaded = new Set(['cli/main.ts', ...BROWSER].flatMap((entry) => [...reachable(entry, all, { types: true })]));
    expect(all.map((source) => source.path).filter((path) => !loaded.has(path))).toEqual([]);
  });

  it(`have no file of more than ${MAX_LINES} lines`, () => {
    const files = [...all, ...scripts()];
    expect(files.filter(({ lines }) => lines > MAX_LINES).map(({ path, lines }) => `${path}: ${lines}`)).toEqual([]);
  });

  it('of PBS have 500 lines at most in all', () => {
    const sizes = inRoom('schedulers')
      .filter(({ path }) => path.startsWith('schedulers/pbs/'))
      .map(({ lines }) => lines);
    expect(sizes.reduce((sum, lines) => sum + lines, 0)).toBeLessThanOrEqual(500);
  });

  it('have no two files that take from each other, even over others', () => {
    const from = new Map(
      all.map(({ path, imports }) => [path, imports.map(({ to }) => to).filter((to) => !to.startsWith('node:'))]),
    );
    const around = (path: string, seen = new Set<string>()): Set<string> => {
      for (const next of from.get(path) ?? []) if (!seen.has(next)) around(next, seen.add(next));
      return seen;
    };
    expect(all.map(({ path }) => path).filter((path) => around(path).has(path))).toEqual([]);
  });
});

describe('the pure rooms', () => {
  it('core, buildpacks and schedulers touch no file, network, process or timer', () => {
    const touching = inRoom('core', 'buildpacks', 'schedulers')
      .flatMap((source) => source.imports)
      .filter((one) => !one.typeOnly && INPUT_OUTPUT.test(one.to));
    expect(touching.map((one) => `${one.from} -> ${one.to}`)).toEqual([]);
  });

  it('nothing but the modules of browsers knows of a browser', () => {
    const elsewhere = all.filter(({ path }) => !path.startsWith('server/web/client/'));
    const touching = places(elsewhere, (node) => {
      const isValue = ts.isIdentifier(node) && OF_BROWSERS.test(node.text);
      return isValue && ts.isPropertyAccessExpression(node.parent) && node.parent.expression === node;
    });
    expect(touching).toEqual([]);
  });

  it('buildpacks and schedulers read no clock, no chance and no environment', () => {
    const reads = places(inRoom('buildpacks', 'schedulers'), (node) => {
      if (ts.isNewExpression(node)) return node.expression.getText() === 'Date' && (node.arguments?.length ?? 0) === 0;
      if (ts.isPropertyAccessExpression(node)) {
        return ['Date.now', 'Math.random', 'process.env', 'performance.now'].includes(node.getText());
      }
      return (
        ts.isCallExpression(node) && /^(?:set(?:Timeout|Interval|Immediate)|fetch)$/.test(node.expression.getText())
      );
    });
    expect(reads).toEqual([]);
  });
});

describe('faults', () => {
  it('are thrown as HpcbinderError, but for those that the same function catches', () => {
    const caughtHere = (node: ts.Node): boolean => {
      for (let at = node; at.parent !== undefined && !ts.isFunctionLike(at); at = at.parent) {
        if (ts.isTryStatement(at.parent) && at.parent.tryBlock === at && at.parent.catchClause) return true;
      }
      return false;
    };
    const bare = places(
      all.filter((source) => source.room !== 'core'),
      (node) =>
        ts.isThrowStatement(node) &&
        ts.isNewExpression(node.expression) &&
        /^(?:Type|Range|Syntax)?Error$/.test(node.expression.expression.getText()) &&
        !caughtHere(node),
    );
    expect(bare).toEqual([]);
  });
});

describe('the ordered packages', () => {
  const onTheWay = reachable('cli/main.ts', all);

  it.each(['commander', 'ssh2', 'node-pty', 'dockerode', 'http-proxy', 'yaml', 'execa'])(
    '%s is loaded on the way of the program',
    (name) => expect(onTheWay.has(name)).toBe(true),
  );

  it('jest runs the tests', () => {
    expect(JSON.parse(read('package.json')).devDependencies.jest).toBeDefined();
    expect(sources(['test']).some((source) => source.imports.some((one) => one.to === '@jest/globals'))).toBe(true);
  });

  it('are all that the product imports, and each is imported', () => {
    const { dependencies, optionalDependencies } = JSON.parse(read('package.json'));
    const declared = Object.keys({ ...dependencies, ...optionalDependencies }).sort();
    const imported = new Set(
      all
        .flatMap((source) => source.imports)
        .filter((one) => !one.typeOnly && !one.to.startsWith('node:') && !one.to.endsWith('.ts'))
        .map((one) =>
          one.to
            .split('/')
            .slice(0, one.to.startsWith('@') ? 2 : 1)
            .join('/'),
        ),
    );
    expect([...imported].sort()).toEqual(declared);
  });
});
