export function commitOf(root: string): string;
export function faultFiles(root: string): string[];
export function sliceOf(commit: string, names: readonly string[]): { files: string[]; env: Record<string, string> };
