/** What launches and sessions need of the endpoint's state (server/state): one owner of each record, on a local disk. */
import type { KeptSession, LaunchGranted, LaunchView } from '../../core/endpoint.ts';

export type KeptRow = { record: KeptSession; account: string; launch?: string; granted?: LaunchGranted };
export type AuditEntry = {
  account: string;
  action: string;
  session?: string;
  launch?: string;
  from?: string;
  detail?: string;
};

export interface Kept {
  saveSession(record: KeptSession, of: { account: string; launch?: string; granted?: LaunchGranted }): void;
  session(id: string): KeptRow | undefined;
  sessions(which: { account?: string; live?: boolean; limit?: number }): readonly KeptRow[];
  saveLaunch(view: LaunchView, granted?: LaunchGranted): void;
  launch(id: string): (LaunchView & { granted?: LaunchGranted }) | undefined;
  launches(which: { account?: string; running?: boolean; limit?: number }): readonly (LaunchView & {
    granted?: LaunchGranted;
  })[];
  readonly audit: { write(entry: AuditEntry): void };
}
