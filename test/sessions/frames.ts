/** What a browser sends for a WebSocket. */

/** Masked as a browser's are, here with zeros; at most 125 bytes of text. */
export const frame = (opcode: number, text: string) =>
  Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);

export const UPGRADE = `GET /websocket/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
