export function commitOf(root: string): string;
export function faultFiles(root: string): string[];
export function sliceOf(commit: string, paths: readonly string[]): { files: string[]; env: Record<string, string> };
