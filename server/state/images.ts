/** What launches told of their images: which commit has which, what is being built, and how long that takes. */
import type { BuildRow, ImageNews, ImageRow } from '../../core/endpoint.ts';
import type { StateFile } from './file.ts';
import type { Later } from './later.ts';
import { iso, milliseconds } from './values.ts';

type Image = Extract<ImageNews, { type: 'image' }>;
type Of = { account: string; cluster: string };

/** of one repository's commits; the newest are looked at */
const MOST_COMMITS = 50;
/** builds that say how long one takes */
const MOST_BUILDS = 20;

export class ImageRows {
  readonly #file: StateFile;
  readonly #now: () => Date;
  readonly #later: Later;
  constructor(file: StateFile, now: () => Date, later: Later) {
    this.#file = file;
    this.#now = now;
    this.#later = later;
  }

  /** It is there, and was used now. On a full disk it waits in memory. */
  note({ account, cluster }: Of, repository: string, { commit, platform, key, bytes, builtAt }: Image): void {
    const used = this.#now().getTime();
    this.#later.write({
      write: () =>
        this.#file.run(
          `INSERT INTO images (account, cluster, repository, commit_id, platform, image, bytes, built, used) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET image = excluded.image, bytes = excluded.bytes, built = excluded.built, used = excluded.used`,
          account,
          cluster,
          repository,
          commit,
          platform,
          key,
          bytes,
          milliseconds(builtAt),
          used,
        ),
      about: `image ${account} ${cluster} ${repository} ${commit} ${platform}`,
    });
  }

  /** Of a user's repository at a cluster, the last used first. */
  of({ account, cluster }: Of, repository: string): ImageRow[] {
    return this.#file
      .all(
        'SELECT * FROM images WHERE account = ? AND cluster = ? AND repository = ? ORDER BY used DESC LIMIT ?',
        account,
        cluster,
        repository,
        MOST_COMMITS,
      )
      .map(imageOf);
  }

  /** Each image of an account once, as it was last used; the largest first. */
  list(limit: number, account?: string): ImageRow[] {
    return this.#file
      .all(
        `SELECT *, max(used) AS used FROM images ${account === undefined ? '' : 'WHERE account = ?'}
         GROUP BY account, cluster, image ORDER BY bytes DESC, account, image LIMIT ?`,
        ...(account === undefined ? [] : [account]),
        limit,
      )
      .map(imageOf);
  }

  build({ account, cluster }: Of, session: string, repository: string, state: BuildRow['state']): void {
    const at = this.#now().getTime();
    const [begun, ended] = [state === 'builds' ? at : null, state === 'waits' || state === 'builds' ? null : at];
    this.#later.write({
      write: () =>
        this.#file.run(
          `INSERT INTO builds (session, account, cluster, repository, state, asked, begun, ended) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (session) DO UPDATE SET state = excluded.state, begun = coalesce(excluded.begun, begun), ended = excluded.ended`,
          session,
          account,
          cluster,
          repository,
          state,
          at,
          begun,
          ended,
        ),
      about: `build ${session} ${state}`,
    });
  }

  /** Those on their way first, in the order in which they were asked for; then the last that ended. */
  builds(limit: number): BuildRow[] {
    return this.#file
      .all(
        `SELECT * FROM builds ORDER BY ended IS NOT NULL, CASE WHEN ended IS NULL THEN asked ELSE -ended END, session LIMIT ?`,
        limit,
      )
      .map(buildOf);
  }

  /** Seconds that a build of this cluster takes: the middle one of the last. undefined: none was made yet. */
  usualSeconds(cluster: string): number | undefined {
    const seconds = this.#file
      .all(
        "SELECT ended - begun AS took FROM builds WHERE cluster = ? AND state = 'made' AND begun IS NOT NULL ORDER BY ended DESC LIMIT ?",
        cluster,
        MOST_BUILDS,
      )
      .map((row) => Number(row.took) / 1000)
      .sort((a, b) => a - b);
    return seconds[Math.floor(seconds.length / 2)];
  }

  /** After a start: whoever made them is gone, and their launches begin anew. */
  cutOff(): void {
    const at = this.#now().getTime();
    const write = () => this.#file.run("UPDATE builds SET state = 'cut off', ended = ? WHERE ended IS NULL", at);
    this.#later.write({ write });
  }
}

type Row = Readonly<Record<string, string | number | null>>;

function imageOf(row: Row): ImageRow {
  const { account, cluster, repository, commit_id: commit, platform, image: key } = row;
  return {
    account: String(account),
    cluster: String(cluster),
    repository: String(repository),
    commit: String(commit),
    platform: String(platform),
    key: String(key),
    bytes: Number(row.bytes),
    builtAt: iso(row.built),
    usedAt: iso(row.used),
  };
}

function buildOf(row: Row): BuildRow {
  return {
    session: String(row.session),
    account: String(row.account),
    cluster: String(row.cluster),
    repository: String(row.repository),
    state: row.state as BuildRow['state'],
    askedAt: iso(row.asked),
    ...(row.begun == null ? {} : { begunAt: iso(row.begun) }),
    ...(row.ended == null ? {} : { endedAt: iso(row.ended) }),
  };
}
