import type { Browser, BrowserContext, Page } from 'playwright-core';

export function browserPath(): string | undefined;
export function ensureBrowser(): string | undefined;
export function launchBrowser(more?: readonly string[]): Promise<Browser>;
export function launchProfile(folder: string): Promise<BrowserContext>;
export function openLab(browser: Browser, url: string): Promise<Page>;
export function newNotebook(page: Page): Promise<(code: string, timeout?: number) => Promise<string>>;
export function withoutNews(page: Page): Promise<void>;
export function kernelReady(page: Page, path?: string): Promise<void>;
