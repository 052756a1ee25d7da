/** Everything that waits has a deadline, everything that grows has a cap (SECURITY R11). Times in milliseconds. */
export type Limits = {
  /** for a request's headers: a dripping client is cut (WEB-16) */
  headersMs: number;
  /** how often Node looks for such clients */
  checkMs: number;
  /** of a browser's idle connection */
  keepAliveMs: number;
  /** for the tunnel and the TLS handshake with the agent */
  connectMs: number;
  /** of an unused connection to the app */
  idleAppMs: number;
  /** until the app's response headers, or without a byte of the request's body */
  responseMs: number;
  /** until the app has accepted a WebSocket (WEB-18) */
  upgradeMs: number;
  /** for the second side of a WebSocket to close after the first */
  closeMs: number;
  /** headers of one request */
  headers: number;
  /** connections of all browsers together */
  connections: number;
};

export const LIMITS: Limits = {
  headersMs: 15_000,
  checkMs: 5_000,
  keepAliveMs: 65_000,
  connectMs: 10_000,
  idleAppMs: 60_000,
  responseMs: 60_000,
  upgradeMs: 10_000,
  closeMs: 10_000,
  headers: 100,
  connections: 4_096,
};
