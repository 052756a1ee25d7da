import { describe, expect, it } from '@jest/globals';
import { APP_NEEDS, APP_WORDS, APPS, APPS_IN_WORDS, appNamed, shinyPlaces } from '../../core/apps.ts';

describe('the apps', () => {
  it('have a name, words and what an image needs for each', () => {
    expect(APPS_IN_WORDS).toBe('lab, notebook, rstudio and shiny');
    expect(Object.keys(APP_WORDS)).toEqual([...APPS]);
    expect(Object.keys(APP_NEEDS)).toEqual([...APPS]);
    expect(appNamed('shiny')).toBe('shiny');
    for (const other of ['Shiny', '', 'constructor', undefined, 3]) expect(appNamed(other)).toBeUndefined();
  });

  it.each<[string, string[], string[]]>([
    ['at the top', ['app.R', 'old/app.R'], ['.']],
    ['as server and ui', ['server.R', 'ui.R'], ['.']],
    ['in one folder', ['README.md', 'dashboard/app.R', 'dashboard/R/help.R'], ['dashboard']],
    ['in several', ['b/app.R', 'a/server.R', 'a/app.R'], ['a', 'b']],
    ['nowhere: too deep, of another name, a page without a server', ['a/b/app.R', 'myapp.R', 'ui.R', 'app.r'], []],
  ])('find a Shiny app %s', (_, paths, places) => {
    expect(shinyPlaces({ list: () => paths.map((path) => ({ path })) })).toEqual(places);
  });
});
