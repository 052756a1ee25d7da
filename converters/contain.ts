/**
 * The steps of a repository, in a build on the cluster, kept apart from the user whose build it is (SECURITY BLD-01). Apptainer
 * gives %post all capabilities of its namespace and the node's processes: by `/proc/PID/root` of Apptainer's own process the
 * home directory is open to it, and it can end whatever its user runs there. So the steps get what a container engine gives:
 * its capabilities, and processes of their own. Pure.
 */
import { HpcbinderError } from '../core/errors.ts';

export const STEPS_FILE = '/run/hpcbinder-steps';
const END = 'HPCBINDER-END-OF-STEPS';

/** Docker's own list (moby, oci/caps/defaults.go). Without CAP_SYS_PTRACE the processes of who has it are closed: ptrace(2). */
const CAPABILITIES =
  'chown,dac_override,fowner,fsetid,kill,setgid,setuid,setpcap,net_bind_service,net_raw,sys_chroot,mknod,audit_write,setfcap';

const PERMITTED = "0x$(sed -n 's/^CapPrm:[[:space:]]*//p' /proc/self/status)";
/** CAP_SYS_PTRACE, capabilities(7) */
const CLOSED = `[ $((${PERMITTED} & 0x80000)) = 0 ]`;

/** unshare and setpriv are util-linux, essential in Debian. /proc cannot be mounted anew where the node's own is masked. */
const START = `hb_cut='unshare --mount --pid --fork --mount-proc --kill-child'
hb_drop='setpriv --inh-caps=-all --ambient-caps=-all --bounding-set=-all,+${CAPABILITIES.replaceAll(',', ',+')}'
if [ $((${PERMITTED})) = 0 ]; then
  echo 'hpcbinder: no user namespace here: the steps of the repository can reach what your jobs on this node can, your files among it'
  exec /bin/sh -e ${STEPS_FILE}
fi
# the library of fakeroot(1) says that it did capset(2), and does not
env -u LD_PRELOAD $hb_cut true 2>/dev/null || hb_cut=
env -u LD_PRELOAD $hb_drop sh -c '${CLOSED.replaceAll("'", `'"'"'`)}' || {
  echo 'hpcbinder: the base image has no setpriv of util-linux 2.31 or newer, which keeps the steps from your files'
  exit 1
}
exec env -u LD_PRELOAD $hb_cut $hb_drop env \${LD_PRELOAD:+"LD_PRELOAD=$LD_PRELOAD"} /bin/sh -e ${STEPS_FILE}`;

/** Shell text that ends in running `script`; exit status is that of `script`. */
export function contained(script: string): string {
  if (script.split('\n').includes(END)) {
    throw new HpcbinderError('E-INTERNAL', { message: `a step of the build holds the line ${END}` });
  }
  return `cat > ${STEPS_FILE} <<'${END}'\n${script}\n${END}\n${START}`;
}
