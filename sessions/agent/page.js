/**
 * In the page: a prebuilt extension of JupyterLab, written by hand after the contract of its loader
 * (jupyterlab/staging/bootstrap.js): a container with `init` and `get` under `_JUPYTERLAB`. It hears of the
 * session's end from our proxy (server/open-pages.ts), has what is unsaved saved, and shows when the end is.
 */
(() => {
  const NAME = 'hpcbinder';
  const AGAIN_MS = [1000, 2000, 5000, 15000];
  let shared = {};

  /** Of JupyterLab's own modules; undefined where this version has none of that name. */
  async function own(name) {
    const [version] = Object.values(shared[name] ?? {});
    return version === undefined ? undefined : (await version.get())();
  }

  window._JUPYTERLAB = window._JUPYTERLAB ?? {};
  window._JUPYTERLAB[NAME] = {
    init(scope) {
      shared = scope;
    },
    async get() {
      const [documents, utilities] = [await own('@jupyterlab/docmanager'), await own('@jupyterlab/apputils')];
      const plugin = {
        id: `${NAME}:page`,
        autoStart: true,
        requires: [documents.IDocumentManager],
        activate: (app, manager) => listen(app, manager, utilities?.Notification),
      };
      return () => ({ __esModule: true, default: plugin });
    },
  };

  /** Where sessions share an origin, the app is below a path of its own. */
  function base() {
    const { baseUrl = '/' } = JSON.parse(document.getElementById('jupyter-config-data')?.textContent ?? '{}');
    return baseUrl;
  }

  /** Each open document once, though it may be shown several times. */
  function openDocuments(app, manager) {
    const contexts = Array.from(iterate(app.shell.widgets('main')), (widget) => manager.contextForWidget(widget));
    return [...new Set(contexts.filter((context) => context && !context.isDisposed))];
  }

  /** JupyterLab 3 has Lumino's iterators of old: `next()` gives the value, undefined at the end. */
  function* iterate(widgets) {
    if (widgets[Symbol.iterator]) yield* widgets;
    else for (let widget = widgets.next(); widget !== undefined; widget = widgets.next()) yield widget;
  }

  const unsaved = (app, manager) => openDocuments(app, manager).filter((context) => context.model.dirty);

  /**
   * What the command docmanager:save-all does, for what is unsaved: of a clean document whose file a program has
   * changed meanwhile the command would ask whether to overwrite it. `ms`: a question of JupyterLab may wait for a
   * person who is not there. `last`: what cannot be saved goes into a file beside.
   */
  async function saveAll(app, manager, ms, last = false) {
    const failed = [];
    let files = 0;
    const save = async (context) => {
      const why = await reasonNotSaved(context, ms, last);
      if (why === undefined) files += 1;
      else failed.push(`${context.path}: ${why}`);
    };
    await Promise.all(unsaved(app, manager).map(save));
    return { files, failed };
  }

  async function reasonNotSaved(context, ms, last) {
    if (context.contentsModel?.writable === false) return 'it is read-only';
    const late = new Promise((resolve) => setTimeout(resolve, ms, 'late'));
    let said = '';
    const outcome = await Promise.race([
      late,
      context.save().then(
        () => 'saved',
        (error) => {
          said = String(error?.message ?? error);
        },
      ),
    ]);
    if (outcome === 'saved') return undefined;
    const why =
      outcome === 'late' ? 'JupyterLab has not ended it, or asks something' : said || 'JupyterLab does not say why';
    // most often a file that was changed on the disk meanwhile: nothing is overwritten
    const beside = `${context.path}.~unsaved`;
    const copy = { type: 'file', format: 'text', content: context.model.toString() };
    const kept = last && context.contentsModel?.format !== 'base64' && (await put(beside, copy));
    return kept ? `${why}; what was typed is in ${beside}` : why;
  }

  async function put(path, model) {
    try {
      const answer = await fetch(`${base()}api/contents/${path.split('/').map(encodeURIComponent).join('/')}`, {
        method: 'PUT',
        body: JSON.stringify(model),
        headers: { 'Content-Type': 'application/json' },
      });
      return answer.ok;
    } catch {
      return false;
    }
  }

  function shower(Notification) {
    let last;
    return (text, urgent) => {
      if (Notification) {
        if (last !== undefined) Notification.dismiss(last);
        last = Notification[urgent ? 'warning' : 'info'](text, { autoClose: urgent ? false : 15000 });
        return;
      }
      last?.remove();
      last = document.createElement('div');
      last.className = 'hpcbinder-notice';
      last.setAttribute('role', 'status');
      last.style.cssText =
        'position:fixed;right:1em;bottom:2em;max-width:28em;padding:1em;z-index:10000;background:#fff3cd;color:#332701;border:1px solid #997404';
      last.textContent = text;
      last.onclick = () => last.remove();
      document.body.append(last);
    };
  }

  function listen(app, manager, Notification) {
    const show = shower(Notification);
    let session;
    let failures = 0;

    const heard = {
      /** The same origin may be another session by now (`launch --continue`): its kernels are others. */
      async hello(message) {
        const former = session;
        session = message.session;
        if (former === undefined || former === session) return;
        await app.serviceManager.ready;
        const { failed } = await saveAll(app, manager, 5000);
        if (failed.length === 0 && unsaved(app, manager).length === 0) window.location.reload();
        else show(`This is a new session. Not saved: ${failed.join(', ')}. Then reload this page.`, true);
      },
      async notice(message, socket) {
        show(message.text, !message.calm);
        if (message.id === undefined) return;
        const { files, failed } = await saveAll(app, manager, message.seconds * 1000, message.last);
        socket.send(JSON.stringify({ type: 'saved', id: message.id, files, failed }));
        if (failed.length > 0) show(`Not saved: ${failed.join(', ')}`, true);
      },
    };

    function connect() {
      const socket = new WebSocket(`${window.location.origin.replace(/^http/, 'ws')}${base()}_hpcbinder/page`);
      socket.onopen = () => {
        failures = 0;
      };
      socket.onmessage = (event) => {
        const message = JSON.parse(event.data);
        if (Object.hasOwn(heard, message.type)) void heard[message.type](message, socket);
      };
      socket.onclose = () => {
        setTimeout(connect, AGAIN_MS[Math.min(failures, AGAIN_MS.length - 1)]);
        failures += 1;
      };
    }
    connect();
  }
})();
