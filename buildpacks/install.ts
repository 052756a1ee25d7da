/** The steps that install something: apt, the venv with Jupyter, pip. */
import type { PlanStep } from '../core/artifacts.ts';
import { quote, quoteWords } from '../core/shell.ts';
import { REPO_DIR, SOURCE_DATE_EPOCH, VENV } from './image.ts';

/** By range: the newest of a major version that is known to work with our proxy and agent (REES section 3.3). */
const JUPYTER = [
  'jupyterlab>=4,<5',
  'notebook>=7,<8',
  'ipykernel>=6',
  'ipywidgets>=8,<9',
  'jupyter-resource-usage>=1,<2',
];

const EPOCH = `export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH}`;

/** Under SOURCE_DATE_EPOCH pip's bytecode is checked by hash, so that a rebuilt layer differs by few bytes (DESIGN 12). */
const PIP = quoteWords([
  `${VENV}/bin/python`,
  '-m',
  'pip',
  'install',
  '--compile',
  '--no-cache-dir',
  '--no-input',
  '--disable-pip-version-check',
  '--progress-bar=off',
]);

/** A base under the right name can be a stand-in, whose Python is what its distribution has. */
export function checkPython(version: string): PlanStep {
  const test = [
    'import sys',
    'have = "%d.%d" % sys.version_info[:2]',
    `sys.exit(None if have == "${version}" else "the base image has Python " + have + ", not ${version}")`,
  ].join('; ');
  return { kind: 'run', name: `Python ${version}`, as: 'root', cwd: '/', shell: `python3 -c ${quote(test)}` };
}

export function jupyter(): PlanStep {
  return {
    kind: 'run',
    name: 'Jupyter',
    as: 'user',
    cwd: '/',
    shell: [EPOCH, `python3 -m venv ${VENV}`, `${PIP} ${quoteWords(JUPYTER)}`].join('\n'),
  };
}

/** Without its sandbox user: a build on a cluster has no other ids, and a container needs no second fence here. */
export function apt(packages: readonly string[], file: string, name = file): PlanStep {
  return {
    kind: 'run',
    name,
    as: 'root',
    cwd: '/',
    file,
    shell: [
      `${EPOCH} DEBIAN_FRONTEND=noninteractive`,
      'apt-get -qq -o APT::Sandbox::User=root update',
      `apt-get -qq -o APT::Sandbox::User=root install --yes --no-install-recommends -- ${quoteWords(packages)}`,
      'apt-get clean',
      'rm -rf /var/lib/apt/lists/*',
    ].join('\n'),
  };
}

/** `from`: the directory under which the file lies. References inside it are relative to it, plain paths to the repository. */
export function pipRequirements(file: string, from: string): PlanStep {
  return {
    kind: 'run',
    name: file,
    as: 'user',
    cwd: REPO_DIR,
    file,
    shell: [EPOCH, `${PIP} -r ${quote(from === REPO_DIR ? file : `${from}/${file}`)}`].join('\n'),
  };
}

export function pipPackage(file: string): PlanStep {
  return { kind: 'run', name: file, as: 'user', cwd: REPO_DIR, file, shell: [EPOCH, `${PIP} .`].join('\n') };
}
