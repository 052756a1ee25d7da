/** Calling the person: the browser, the bell, a desktop notification where there is one. */
import { execa } from 'execa';
import { isTerminal } from './terminal.ts';

/** The URL goes as one argument of one program; where none is there, the printed link has to do. */
export async function openBrowser(url: string): Promise<void> {
  const command = process.env.BROWSER
    ? [process.env.BROWSER]
    : process.platform === 'darwin'
      ? ['open']
      : process.platform === 'win32'
        ? ['explorer.exe']
        : ['xdg-open'];
  await quietly(command[0] ?? '', [...command.slice(1), url]);
}

export function ring(text: string): void {
  if (isTerminal) process.stderr.write('\u0007');
  if (process.platform === 'darwin')
    void quietly('osascript', [
      '-e',
      'on run a',
      '-e',
      'display notification (item 1 of a) with title "hpcbinder"',
      '-e',
      'end run',
      text,
    ]);
  else if (process.env.DISPLAY || process.env.WAYLAND_DISPLAY)
    void quietly('notify-send', ['--app-name=hpcbinder', '--', 'hpcbinder', text]);
}

async function quietly(command: string, args: readonly string[]): Promise<void> {
  await execa(command, args, { stdio: 'ignore', timeout: 5_000, reject: false, detached: true, cleanup: false }).catch(
    () => {},
  );
}
