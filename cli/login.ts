/** `login`: an API token of a campus endpoint, asked for without an echo or read from stdin, tried, and kept. */
import { HpcbinderError } from '../core/errors.ts';
import { loadConfig } from './config-file.ts';
import {
  checkToken,
  endpointAddress,
  forgetToken,
  keepToken,
  MOST_TOKEN_BYTES,
  tokensPath,
} from './endpoint-tokens.ts';
import { Interrupts } from './interrupts.ts';
import { ownPath } from './paths.ts';
import { plain, prompter } from './terminal.ts';
import { EndpointClient, trusted } from './via-client.ts';

export async function login(typed: string, flags: { forget?: boolean }): Promise<number> {
  const base = endpointAddress(typed);
  if (flags.forget) {
    const there = forgetToken(base);
    const words = there
      ? `Forgot the API token for ${base.href}. It is good until it expires, or is revoked at ${new URL('tokens', base).href}`
      : `There was no API token for ${base.href}`;
    process.stderr.write(plain(`${words}\n`));
    return 0;
  }
  const { ca_bundle } = loadConfig();
  const token = checkToken(await typedToken(base), 'what was typed');
  const interrupts = new Interrupts();
  try {
    const client = new EndpointClient({ base, token, ...trusted(ca_bundle && ownPath(ca_bundle)) });
    const { account, shown } = await client.me(interrupts.signal);
    keepToken(base, token);
    const who = shown === account ? account : `${shown} (account ${account})`;
    process.stderr.write(plain(`Logged in at ${base.href} as ${who}. The token is in ${tokensPath()}\n`));
    return 0;
  } catch (error) {
    if (interrupts.aborted) throw new HpcbinderError('E-CANCELLED', { message: 'cancelled; nothing was kept' });
    throw error;
  } finally {
    interrupts.dispose();
  }
}

async function typedToken(base: URL): Promise<string> {
  const person = prompter();
  if (person) {
    person.say(`Make a token at ${new URL('tokens', base).href} with the scopes read, launch and stop.`);
    return person.ask('API token (it is not shown): ', { secret: true });
  }
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += chunk;
    if (text.length > MOST_TOKEN_BYTES) break;
  }
  return text;
}
