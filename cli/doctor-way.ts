/** `doctor`: does sshd open a way through it? Tried on the sshd itself, which is there and says who it is. */
import { asHpcbinderError } from '../core/errors.ts';
import type { Transport } from '../core/transport.ts';

const MS = 10_000;

/** undefined: not tried, for no SSH is in between. */
export async function forwarding(
  transport: Pick<Transport, 'connect' | 'relayed'>,
  sshd: { host: string; port: number } | undefined,
): Promise<'yes' | 'relayed' | { said: string } | undefined> {
  if (sshd === undefined) return undefined;
  try {
    const stream = await transport.connect(sshd);
    try {
      const banner = await new Promise<string>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('it opened, and nothing came through')), MS);
        stream.once('data', (data: Buffer) => resolve(data.toString('latin1'))).once('error', reject);
        stream.once('close', () => reject(new Error('it opened, and was closed')));
        stream.once('close', () => clearTimeout(timer)).once('data', () => clearTimeout(timer));
      });
      if (!banner.startsWith('SSH-')) return { said: 'something else answered' };
      return transport.relayed ? 'relayed' : 'yes';
    } finally {
      stream.destroy();
    }
  } catch (error) {
    const { message, evidence } = asHpcbinderError(error);
    return { said: evidence.at(-1) ?? message };
  }
}
