import { openTransport } from '../../transports/index.ts';
import { transportConformance } from '../conformance/transport.ts';

transportConformance('local', async () => ({
  transport: await openTransport('local', undefined),
  pty: false,
  streams: 31,
}));
