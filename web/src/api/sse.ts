// Reads server-sent events out of pieces of text, cut anywhere. EventSource would do it, but it
// cannot say in which account (a header), nor tell a 401 from a lost connection.
export interface ServerSentEvent {
  event: string;
  data: string;
  id: string | null;
}

export class SseParser {
  #rest = "";
  #event = "";
  #data: string[] = [];
  #id: string | null = null;

  /** The events that are complete with this piece. */
  push(piece: string): ServerSentEvent[] {
    const lines = (this.#rest + piece).split("\n");
    this.#rest = lines.pop() ?? "";
    const events: ServerSentEvent[] = [];
    for (const line of lines) {
      const event = this.#line(line.endsWith("\r") ? line.slice(0, -1) : line);
      if (event !== null) events.push(event);
    }
    return events;
  }

  #line(line: string): ServerSentEvent | null {
    if (line === "") {
      const { name, data } = { name: this.#event || "message", data: this.#data };
      this.#event = "";
      this.#data = [];
      return data.length === 0 ? null : { event: name, data: data.join("\n"), id: this.#id };
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#event = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "id") this.#id = value;
    return null;
  }
}
