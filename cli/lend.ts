/** The person's terminal, lent as it is to a program that asks by itself (ssh): its words and echo, their keys. */
export function lendTerminal(typed: (keys: string) => void): {
  rows: number;
  cols: number;
  show(output: string): void;
  end(): void;
} {
  const { stdin, stderr } = process;
  const onData = (data: Buffer) => typed(data.toString());
  stdin.setRawMode(true);
  stdin.on('data', onData);
  stdin.resume();
  return {
    rows: stderr.rows || 24,
    cols: stderr.columns || 80,
    show: (output) => void stderr.write(output),
    end: () => {
      stdin.off('data', onData);
      stdin.setRawMode(false);
      stdin.pause();
    },
  };
}
