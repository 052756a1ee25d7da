/** The apps that a session can run, by the names that `--app` and hpc.yml take. What each is on the node: sessions/agent/kind.py. */

export const APPS = ['lab', 'notebook', 'rstudio', 'shiny'] as const;
export type AppName = (typeof APPS)[number];
/** `lab, notebook, rstudio and shiny` */
export const APPS_IN_WORDS = `${APPS.slice(0, -1).join(', ')} and ${APPS.at(-1)}`;

/** In words. Only Jupyter's have kernels, and only JupyterLab's page can be asked to save. */
export const APP_WORDS: Readonly<Record<AppName, string>> = {
  lab: 'JupyterLab',
  notebook: 'Jupyter Notebook',
  rstudio: 'RStudio',
  shiny: 'Shiny',
};

/** Undefined for what is none. */
export function appNamed(text: unknown): AppName | undefined {
  return APPS.find((name) => name === text);
}

export function hasKernels(app: AppName): boolean {
  return app === 'lab' || app === 'notebook';
}

/**
 * Under a base path other than `/`: does the app want requests with that path (Jupyter's base_url), or without it? RStudio and
 * Shiny are behind a proxy that takes it off: RStudio is told of it (www-root-path), Shiny's page has relative addresses only.
 */
export function takesWholePath(app: AppName): boolean {
  return hasKernels(app);
}

/** What an image that lacks the app needs. */
export const APP_NEEDS: Readonly<Record<AppName, string>> = {
  lab: 'A Dockerfile must install it, for every user to run:\n  RUN python3 -m pip install --no-cache-dir jupyterlab',
  notebook:
    'A Dockerfile must install it, for every user to run:\n  RUN python3 -m pip install --no-cache-dir notebook',
  rstudio:
    'RStudio Server 2024.12 or newer has to be in the image, with R: by a Dockerfile, or by --builder repo2docker where runtime.txt asks for R.',
  shiny: 'For example apt.txt with a line r-cran-shiny, and app.R at the top of the repository.',
};

/**
 * The directories in which a Shiny app of the repository lies, where one can begin by itself: the top as `.`, else folders of
 * the top. The job decides by the same rule (sessions/agent/shiny.py), which also sees what the image has.
 */
export function shinyPlaces(files: { list(): readonly { path: string }[] }): string[] {
  const places = new Set<string>();
  for (const { path } of files.list()) {
    const place = /^(?:([^/]+)\/)?(?:app|server)\.R$/.exec(path);
    if (place !== null) places.add(place[1] ?? '.');
  }
  return places.has('.') ? ['.'] : [...places].sort();
}
