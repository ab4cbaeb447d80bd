/** An answer that is JSON already: it is sent as it is, as `application/json`. */
export class JsonText {
  constructor(
    readonly text: string,
    /** Of the versioned resource that it shows, for its ETag. */
    readonly version?: number,
  ) {}
}

/** How answers become bytes: Fastify's serializer of what no route has a schema for. */
export const serializeAnswer = (answer: unknown): string =>
  answer instanceof JsonText ? answer.text : JSON.stringify(answer);
