/** postBuild and start (REES sections 2.8, 2.9): what would fail late and obscurely is said before the build. */
import type { RepoFile, RepoFiles } from '../core/artifacts.ts';
import { unusable } from './locate.ts';

/** E-REPO-FILE without a shebang ("Exec format error") or with Windows line ends ("No such file or directory"). */
export function checkScript(files: RepoFiles, file: RepoFile): void {
  const text = files.text(file.path) ?? '';
  if (!text.startsWith('#!')) {
    throw unusable(
      file.path,
      'has no first line that says how to run it',
      'Begin it with #!/bin/bash (or #!/usr/bin/env python3).',
    );
  }
  if (text.includes('\r\n')) {
    throw unusable(
      file.path,
      'has Windows line ends (CRLF), with which it cannot be run',
      `Convert it: sed -i 's/\\r$//' ${file.path}; and add "${file.path} text eol=lf" to .gitattributes.`,
    );
  }
}
