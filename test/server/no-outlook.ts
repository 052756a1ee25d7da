import type { Outlook } from '../../core/endpoint.ts';

/** A fake of a cluster of which nobody knows when it would start anything. */
export const NO_OUTLOOK: Outlook = {
  start: async () => ({ by: 'scheduler' }),
  holds: async () => false,
  sooner: async () => {
    throw new Error('the fake cluster was not to be asked');
  },
  reshape: async () => undefined,
};
