/** PBS says in a job's comment why it waits. The comments are those of recorded jobs and those that its programs can write. */
import { describe, expect, it } from '@jest/globals';
import { commentInWords } from '../../../schedulers/pbs/comments.ts';

/** Every sentence of the scheduler (src/scheduler of OpenPBS 23) and of the server's own holds, with names filled in. */
const SENTENCES = `Internal Scheduling Error
Queue not started.
Queue not an execution queue.
Queue gpu job limit has been reached.
Server job limit has been reached.
User has reached server running job limit.
User has reached queue gpu running job limit.
Group has reached server running limit.
Group has reached queue gpu running limit.
Project has reached server running limit.
Project has reached queue gpu's running limit.
Dedicated time conflict
Job would cross dedicated time boundary
Not enough of the right type of nodes are available
Job would interfere with a top job
Job would interfere with a confirmed reservation
Job will run in primetime only
Job will run in nonprimetime only
Job will cross into nonprimetime
Specified node does not exist: n7
No available resources on nodes
Can't preempt enough work to run job
Queue gpu per-user limit reached on resource ngpus
Server per-user limit reached on resource ncpus
Queue gpu per-group limit reached on resource ngpus
Server per-group limit reached on resource mem
Queue gpu per-project limit reached on resource ngpus
Server per-project limit reached on resource ncpus
Job has zero shares for fairshare
Node is in an ineligible state: offline
Node is of an ineligible type: cloud
12.pbs is requesting an exclusive node and node is in use
Node has reached job run limit
Node has reached user run limit
Node has reached group run limit
Node can't satisfy a multi-node job
Node has no PBS license
Insufficient amount of resource: ncpus (R: 8 A: 2 T: 16)
Insufficient amount of queue resource: ncpus (R: 8 A: 2 T: 16)
Insufficient amount of server resource: matlab (R: 1 A: 0 T: 4)
Job would conflict with reservation or top job
Node ineligible because job requested pack placement and won't fit on node
Node not eligible for advance reservation
Job would break strict sorted order
Queue gpu job limit reached for group lab
Queue gpu job limit reached for user alice
Queue gpu job limit reached for project x
Server job limit reached for group lab
Server job limit reached for user alice
Server job limit reached for project x
would exceed group lab's limit on resource ncpus in complex
would exceed user alice's limit on resource ncpus in complex
would exceed project x's limit on resource ncpus in complex
would exceed group lab's limit on resource ngpus in queue gpu
would exceed user alice's limit on resource ngpus in queue gpu
would exceed project x's limit on resource ngpus in queue gpu
would exceed overall limit on resource ngpus in queue gpu
would exceed overall limit on resource ngpus in complex
Cannot provision, provisioning disabled on server
Cannot provision, requested AOE x not available on vnode
Provisioning for job would interfere with backfill job
Provision conflict with existing job/reservation
PBS Error: Execution server rejected request
host set n[1-4] has too few free resources
can't fit in the largest placement set, and can't span psets
Not enough free nodes available
Not enough total nodes available
Job is under job_sort_formula threshold value
Number of concurrent running subjobs limit reached
job held, too many failed attempts to run
job held, provisioning failed to start
Job held by alice on Mon Nov 23 10:00:00 2026
Job held by root on Mon Nov 23 10:00:00 2026
Job held by 'policy' hook on Mon Nov 23 10:00:00 2026`.split('\n');

describe('the comment of a PBS job', () => {
  it.each(SENTENCES)('%s: has words', (sentence) => {
    for (const comment of [sentence, `Not Running: ${sentence}`]) {
      const { means, mends } = commentInWords(comment);
      expect(mends).not.toBe('unknown');
      expect(means).toMatch(/^[a-z]/);
      expect(means.length).toBeLessThan(90);
    }
  });

  it('that was recorded of a job in a full queue says that it is next', () => {
    expect(commentInWords('Not Running: Not enough free nodes available')).toEqual({
      means: 'next in line, as soon as nodes become free',
      mends: 'nobody',
      starts: 'yes',
    });
  });

  it('that was recorded of a job that no node can run names the most that there is, and the flag', () => {
    const comment = 'Can Never Run: Insufficient amount of resource: ncpus (R: 4096 A: 2 T: 2)';
    expect(commentInWords(comment)).toEqual({
      means: 'it asks for more than there is of cores: there are 2',
      mends: 'you',
      starts: 'no',
      change: 'less --cpus, or another --queue',
      lever: '--cpus',
    });
  });

  it('that begins with "Can Never Run" is never told as one that starts, whatever follows', () => {
    for (const sentence of [...SENTENCES, 'a sentence of a site'])
      expect(commentInWords(`Can Never Run: ${sentence}`).starts).toBe('no');
  });

  it('that is not there yet is no fault, and one that nobody knows is shown as it is', () => {
    expect(commentInWords('').starts).toBe('yes');
    expect(commentInWords('Not Running: ask the help desk')).toEqual({
      means: 'PBS says "Not Running: ask the help desk"',
      mends: 'unknown',
      starts: 'perhaps',
    });
  });
});
