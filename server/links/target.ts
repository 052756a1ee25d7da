/**
 * Where the browser begins, from BinderHub's three parameters (REES section 7.4). Upstream lets `filepath=../../x` out of the
 * session and `urlpath=https://…` out of the site, with the token; here both are refused (SECURITY WEB-07).
 */
import type { AppName } from '../../core/apps.ts';
import { hasControls } from '../../core/text.ts';
import { refusedTarget } from '../paths.ts';
import { refuse, shownText } from './spec.ts';

const MOST = 2000;
/** any origin: only what is below its root counts */
const ORIGIN = 'https://session.invalid';

export type Targets = { urlpath?: string; labpath?: string; filepath?: string };

/** Relative to the app's root, encoded, no leading slash; undefined: the app's own first page. Throws E-LINK. */
export function targetPath({ urlpath, labpath, filepath }: Targets): string | undefined {
  if (labpath !== undefined) return file('labpath', 'doc/tree/', labpath);
  if (filepath !== undefined) return file('filepath', 'tree/', filepath);
  return urlpath === undefined ? undefined : address(urlpath);
}

/** A file or directory: each part is encoded, so that `#`, `?` and `%` are parts of its name. */
function file(name: string, prefix: string, path: string): string | undefined {
  checkText(name, path);
  const parts = path.split('/').filter((part) => part !== '');
  if (parts.some((part) => part === '.' || part === '..' || part.includes('\\')))
    refuse(
      `${name}="${shownText(path)}" leads out of the repository`,
      'Name a file below the repository: dir/notebook.ipynb',
    );
  return parts.length === 0 ? undefined : prefix + parts.map(encodeURIComponent).join('/');
}

/** A page of the app, with a query and a fragment as they are. */
function address(urlpath: string): string | undefined {
  checkText('urlpath', urlpath);
  const rest = urlpath.replace(/^\/+/, '');
  if (rest === '') return undefined;
  const hint = 'Write it relative to the app: lab/tree/notebook.ipynb';
  const away =
    /^[a-z][a-z0-9+.-]*:/i.test(rest) || urlpath.includes('\\') || (urlpath.startsWith('//') && urlpath !== rest);
  if (away) refuse(`urlpath="${shownText(urlpath)}" leads to another site`, hint);
  // dot segments are looked for before the parser takes them away
  if (/(?:^|\/)(?:\.|%2e){1,2}(?:\/|$|;)/i.test((rest.split(/[?#]/, 1)[0] ?? '').replace(/%2f/gi, '/')))
    refuse(`urlpath="${shownText(urlpath)}" leads out of the session`, hint);
  const url = URL.canParse(`/${rest}`, ORIGIN) ? new URL(`/${rest}`, ORIGIN) : undefined;
  const path = url === undefined ? '' : url.pathname + url.search;
  if (url?.origin !== ORIGIN || refusedTarget(path) !== undefined)
    refuse(`urlpath="${shownText(urlpath)}" is no page of an app`, hint);
  return (path + url.hash).slice(1);
}

/**
 * `urlpath=rstudio`, `shiny/bus-dashboard/`: the address at which these apps lie beside Jupyter in a Binder image (its
 * jupyter-rsession-proxy). Here an app has the session for itself: query and fragment stay, the rest of the path has no
 * meaning any more. Undefined: a page of Jupyter's.
 */
export function appOfPath(path: string): { app: AppName; path?: string } | undefined {
  const [, word, more = ''] = /^(rstudio|shiny)(?:\/[^?#]*)?([?#].*)?$/i.exec(path) ?? [];
  if (word === undefined) return undefined;
  const app = word.toLowerCase() === 'shiny' ? 'shiny' : 'rstudio';
  return { app, ...(more === '' ? {} : { path: more }) };
}

function checkText(name: string, text: string): void {
  if (hasControls(text)) refuse(`${name} has control characters in it`, 'Write the link anew by hand.');
  if (text.length > MOST) refuse(`${name} is too long`, `At most ${MOST} characters.`);
}
