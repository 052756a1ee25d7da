/** The campus endpoint's nouns (DESIGN 2): who asks, what is shown, and `Services`, by which the server room reaches all else. */
export type * from './endpoint/admin.ts';
export type * from './endpoint/asked.ts';
export { ROLES, SCOPES } from './endpoint/asked.ts';
export type * from './endpoint/outlook.ts';
export type * from './endpoint/services.ts';
export type * from './endpoint/shown.ts';
