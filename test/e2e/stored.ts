/** The quickstart's image on the devcluster: made by the first test that needs it, in whatever order they run. */
import { CLUSTER, hpcbinder, on } from './rig.ts';

/** Where every user of the cluster may read it. */
export const SHARED_SIF = '/scratch/test/jupyter.sif';

/** In alice's own store. */
export async function storedImage(): Promise<string> {
  const built = await hpcbinder(['build', './examples/quickstart', '--cluster', CLUSTER, '--partition', 'gpu']);
  if (built.code !== 0) throw new Error(built.stderr);
  return built.stdout.trim().split('\n').at(-1) ?? '';
}

/** At SHARED_SIF: others' stores are private. */
export async function sharedImage(): Promise<void> {
  const there = await on('login', 'bob', `test -r ${SHARED_SIF}`);
  if (there.code === 0) return;
  const copy = `mkdir -p /scratch/test && chmod 755 /scratch/test && cp ${await storedImage()} ${SHARED_SIF}.new && chmod 644 ${SHARED_SIF}.new && mv ${SHARED_SIF}.new ${SHARED_SIF}`;
  const { code, stderr } = await on('login', 'root', copy);
  if (code !== 0) throw new Error(stderr);
}
