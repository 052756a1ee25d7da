/** `admin images` and `admin builds`: what launches told of their images, as tables. */
import { duration, size } from '../../core/units.ts';
import { ago } from '../../sessions/words.ts';
import { shortKey } from '../images-words.ts';
import { table } from '../terminal.ts';
import { type AdminFlags, print, whole, withState } from './opened.ts';

const MOST = 100;
const shown = (repository: string) => repository.replace(/^https?:\/\/(?:github\.com\/)?/, '');

/** The largest first, as their users' stores had them when a launch last looked. */
export function images(flags: AdminFlags): Promise<number> {
  return withState(flags, (state) => {
    const account = typeof flags.user === 'string' ? flags.user : undefined;
    const now = new Date();
    const all = state.images.list(whole('limit', flags.limit, 1) ?? MOST, account);
    const rows = all.map((one) => [
      shortKey(one.key),
      one.account,
      `${shown(one.repository)} @ ${one.commit.slice(0, 7)}`,
      one.cluster,
      size(one.bytes),
      ago(new Date(one.builtAt), now),
      ago(new Date(one.usedAt), now),
    ]);
    const head = ['KEY', 'USER', 'MADE FROM', 'CLUSTER', 'SIZE', 'MADE', 'LAST USED'];
    return print(flags, all, rows.length === 0 ? '' : table(head, rows), 'no launch has made or used an image yet');
  });
}

/** Those on their way first, in their order; then the last that ended. */
export function builds(flags: AdminFlags): Promise<number> {
  return withState(flags, (state) => {
    const now = Date.now();
    const found = state.images.builds(whole('limit', flags.limit, 1) ?? MOST);
    const all = flags.running === true ? found.filter(({ endedAt }) => endedAt === undefined) : found;
    const rows = all.map((one) => {
      const from = Date.parse(one.state === 'waits' ? one.askedAt : (one.begunAt ?? one.askedAt));
      const until = one.endedAt === undefined ? now : Date.parse(one.endedAt);
      const took = duration(Math.max(1, Math.round((until - from) / 1000)));
      return [one.session, one.account, shown(one.repository), one.cluster, one.state, took];
    });
    const head = ['SESSION', 'USER', 'REPOSITORY', 'CLUSTER', 'STATE', 'FOR'];
    return print(flags, all, rows.length === 0 ? '' : table(head, rows), 'nothing is being built');
  });
}
