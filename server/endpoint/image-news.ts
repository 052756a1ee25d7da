/** What launches tell of their images, written down for the forms and the admins. */
import type { ImageNews, LaunchGranted, User } from '../../core/endpoint.ts';
import { repositoryKey } from '../policy/index.ts';
import type { Kept } from './kept.ts';

/** For one launch, whose news come one after the other. */
export function newsOf(
  { images }: Pick<Kept, 'images'>,
  { account }: User,
  session: string,
  { cluster, repo }: LaunchGranted,
): (news: ImageNews) => void {
  const repository = repositoryKey(repo);
  return (news) => {
    if (news.type === 'image') images.note({ account, cluster }, repository, news);
    else images.build({ account, cluster }, session, repository, news.state);
  };
}
