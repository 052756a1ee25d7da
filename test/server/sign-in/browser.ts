/** As much of a browser as signing in needs: cookies by host, port and path, redirects, forms. Not a fake: it speaks HTTP. */
export type Page = { url: URL; status: number; headers: Headers; body: string };

export class Browser {
  readonly cookies = new Map<string, { value: string; path: string }>();
  /** every address that was asked for, in order */
  readonly visited: string[] = [];

  async get(url: string | URL, headers: Record<string, string> = {}): Promise<Page> {
    return this.#follow(new URL(url), { headers });
  }

  async post(url: string | URL, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Page> {
    return this.#follow(new URL(url), { method: 'POST', body: new URLSearchParams(fields), headers });
  }

  /** Without following a redirect. */
  async ask(url: string | URL, init: RequestInit = {}): Promise<Page> {
    const target = new URL(url);
    const headers = {
      accept: 'text/html',
      ...(init.headers as Record<string, string>),
      cookie: this.cookieHeader(target),
    };
    const response = await fetch(target, { ...init, headers, redirect: 'manual' });
    this.visited.push(target.href);
    for (const line of response.headers.getSetCookie()) this.#keep(target, line);
    return { url: target, status: response.status, headers: response.headers, body: await response.text() };
  }

  /** Presses the page's first button whose form has all these fields, with what is typed into it. */
  async submit(page: Page, typed: Record<string, string>): Promise<Page> {
    const [, action = '', inner = ''] = /<form[^>]*action="([^"]*)"[^>]*>(.*?)<\/form>/s.exec(page.body) ?? [];
    const hidden = [...inner.matchAll(/type="hidden" name="([^"]*)" value="([^"]*)"/g)];
    const fields = Object.fromEntries(hidden.map(([, name = '', value = '']) => [name, value]));
    return this.post(new URL(action, page.url), { ...fields, ...typed });
  }

  cookieHeader(url: URL): string {
    return [...this.cookies]
      .filter(([key, { path }]) => key.startsWith(`${url.host} `) && url.pathname.startsWith(path))
      .map(([key, { value }]) => `${key.split(' ')[1]}=${value}`)
      .join('; ');
  }

  cookie(url: string | URL, name: string): string | undefined {
    return this.cookies.get(`${new URL(url).host} ${name}`)?.value;
  }

  async #follow(url: URL, init: RequestInit): Promise<Page> {
    let page = await this.ask(url, init);
    for (let i = 0; i < 15 && page.status >= 300 && page.status < 400; i++)
      page = await this.ask(new URL(page.headers.get('location') ?? '', page.url));
    return page;
  }

  #keep(url: URL, line: string): void {
    const [, name = '', value = ''] = /^([^=]*)=([^;]*)/.exec(line) ?? [];
    const path = /; *path=([^;]*)/i.exec(line)?.[1] ?? '/';
    const gone = value === '' || /max-age=0/i.test(line) || /expires=Thu, 01 Jan 1970/i.test(line);
    if (gone) this.cookies.delete(`${url.host} ${name}`);
    else this.cookies.set(`${url.host} ${name}`, { value, path });
  }
}
