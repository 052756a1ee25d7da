/** Calling the person: the browser, the bell, a desktop notification where there is one. */
import { execa } from 'execa';
import { isTerminal } from './terminal.ts';

/** The URL goes as one argument of one program; where none is there, the printed link has to do. */
export function openBrowser(url: string): void {
  const { BROWSER } = process.env;
  const own = process.platform === 'darwin' ? 'open' : process.platform === 'win32' ? 'explorer.exe' : 'xdg-open';
  started(BROWSER || own, [url]);
}

export function ring(text: string): void {
  if (isTerminal) process.stderr.write('\u0007');
  if (process.platform === 'darwin') {
    const script = ['on run a', 'display notification (item 1 of a) with title "hpcbinder"', 'end run'];
    started('osascript', [...script.flatMap((line) => ['-e', line]), text]);
  } else if (process.env.DISPLAY || process.env.WAYLAND_DISPLAY)
    started('notify-send', ['--app-name=hpcbinder', '--', 'hpcbinder', text]);
}

/** On its own from here on: a browser that stays in the foreground outlives this process. */
function started(command: string, args: readonly string[]): void {
  const child = execa(command, args, { stdio: 'ignore', reject: false, detached: true, cleanup: false });
  child.unref();
  // a program that is not there: nothing to say that the printed link does not say
  child.catch(() => {});
}
