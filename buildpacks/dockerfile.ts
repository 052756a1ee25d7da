/** `<b>/Dockerfile` (REES section 2.14): the build is the author's, and nothing else of the repository is honoured. */
import { type Buildpack, labelsOf } from './buildpack.ts';
import { configFile, within } from './configdir.ts';
import { REPO_DIR, SOURCE_DATE_EPOCH, USER } from './image.ts';
import { ignoredFiles } from './summary.ts';
import { wholeTree } from './tree.ts';

export const dockerfile: Buildpack = {
  name: 'dockerfile',

  detect(files, configDir) {
    const file = configFile(files, configDir, 'Dockerfile');
    if (file === undefined) return undefined;
    return {
      builder: 'dockerfile',
      configDir,
      apt: [],
      requirements: [],
      package: false,
      dockerfile: file.path,
      wholeTree: { by: file.path, why: 'a Dockerfile can copy any file' },
      ignored: ignoredFiles(files, configDir, [file.path], () => `${file.path} decides alone`),
      notes: [],
    };
  },

  plan(spec, files, facts) {
    const path = spec.dockerfile ?? within(spec.configDir, 'Dockerfile');
    // Docker's own rule: the file's own list of what to leave out, else the context's
    const own = `${path}.dockerignore`;
    const ignoreFile = files.get(own) === undefined ? '.dockerignore' : own;
    return {
      schema: 1,
      builder: 'dockerfile',
      platform: facts.platform,
      dockerfile: {
        path,
        buildArgs: [
          ['NB_USER', USER.name],
          ['NB_UID', String(USER.uid)],
        ],
      },
      ...(facts.pip === undefined ? {} : { pip: facts.pip }),
      repoDir: REPO_DIR,
      user: USER,
      env: [],
      steps: [wholeTree(files, facts, [ignoreFile], [path, ignoreFile])],
      entrypoint: [],
      contentInImage: true,
      ...(spec.wholeTree === undefined ? {} : { widened: spec.wholeTree }),
      sourceDateEpoch: SOURCE_DATE_EPOCH,
      labels: labelsOf(facts),
      reads: [],
    };
  },
};
