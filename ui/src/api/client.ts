/** Requests of the API. Everything that it says is data: it is shown as text, never as HTML. */

import { t } from "../base/texts";

const READ_SECONDS = 15;
const WRITE_SECONDS = 60; // checking a password, or a policy against many servers, may take long

/** What the API refused, or why it could not be reached. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status = 0, // of HTTP; 0: there was no answer
    readonly reason = 0,
    readonly wait: number | null = null, // seconds, after which it may be tried again
    readonly details: Record<string, unknown> = {},
  ) {
    super(message);
    this.name = "ApiError";
  }

  /** The path of the field that is wrong, such as `perf-policies[0].name`; empty where there is none. */
  get field(): string {
    const { path } = this.details;
    return typeof path === "string" ? path : "";
  }

  /** The message without the path that it begins with: for where that is shown by itself, or is the place itself. */
  get said(): string {
    const start = `${this.field}: `;
    return this.field && this.message.startsWith(start) ? this.message.slice(start.length) : this.message;
  }
}

/** What a request was refused with; what else went wrong, as such an error. */
export const asApiError = (error: unknown): ApiError => (error instanceof ApiError ? error : new ApiError(String(error)));

export interface Answer<T> {
  content: T;
  etag: string | null;
  age: number; // seconds that its figures were old when it was sent
  unchanged: boolean; // the answer was 304: `content` is what was given as `known`
}

export interface Wish {
  body?: unknown;
  etag?: string | null; // a write: only if it still has this one
  known?: Answer<unknown> | undefined; // a read: what is known already
  signal?: AbortSignal;
  headers?: Record<string, string>;
  text?: boolean; // the answer is a file, not JSON
  byItself?: boolean; // nobody did anything: a page looks again, by a method that mostly means a deed
}

export class Client {
  /** Called when the session is over. */
  onLogout: (why: ApiError) => void = () => {};
  /** Called with every answer, as soon as its headers are there. */
  onAnswer: (answer: Response) => void = () => {};

  /** `base`: the path of the API, without a slash at its end. `headers`: of a request with this method. */
  constructor(
    readonly base: string,
    private readonly headers: (method: string) => Record<string, string> = () => ({}),
  ) {}

  get<T>(path: string, wish: Wish = {}): Promise<Answer<T>> {
    return this.ask<T>("GET", path, wish);
  }

  post<T>(path: string, body?: unknown, wish: Wish = {}): Promise<Answer<T>> {
    return this.ask<T>("POST", path, { ...wish, body });
  }

  delete(path: string, wish: Wish = {}): Promise<Answer<null>> {
    return this.ask<null>("DELETE", path, wish);
  }

  /** The path below the base of an object's URI. */
  path(uri: string): string {
    return uri.startsWith(this.base) ? uri.slice(this.base.length) : uri;
  }

  /** Opens an answer that goes on. Raises `ApiError`. */
  async open(path: string, wish: Wish = {}): Promise<Response> {
    const answer = await this.send("GET", path, { ...wish, headers: { Accept: "text/event-stream", ...wish.headers } });
    if (!answer.ok) throw await this.refused(answer, path);
    return answer;
  }

  /** Raises `ApiError` where it is refused, or there is no answer. */
  async ask<T>(method: string, path: string, wish: Wish = {}): Promise<Answer<T>> {
    const limit = AbortSignal.timeout(1000 * (method === "GET" ? READ_SECONDS : WRITE_SECONDS));
    const signal = wish.signal ? AbortSignal.any([wish.signal, limit]) : limit;
    const answer = await this.send(method, path, { ...wish, signal });
    const etag = answer.headers.get("ETag");
    const age = Number(answer.headers.get("Age") ?? 0);
    if (answer.status === 304) return { content: wish.known?.content as T, etag, age, unchanged: true };
    if (!answer.ok) throw await this.refused(answer, path);
    try {
      const content = answer.status === 204 ? null : wish.text ? await answer.text() : await answer.json();
      return { content: content as T, etag, age, unchanged: false };
    } catch (error) {
      if (unwanted(wish.signal)) throw error;
      throw unreachable(error);
    }
  }

  private async refused(answer: Response, path: string): Promise<ApiError> {
    const error = await refusal(answer);
    if (error.status === 401 && path !== "/login") this.onLogout(error);
    return error;
  }

  private async send(method: string, path: string, wish: Wish): Promise<Response> {
    const headers: Record<string, string> = { Accept: "application/json", ...this.headers(wish.byItself ? "GET" : method), ...wish.headers };
    let body: BodyInit | undefined;
    if (typeof wish.body === "string") body = wish.body;
    else if (wish.body !== undefined) {
      headers["Content-Type"] = "application/json";
      body = JSON.stringify(wish.body);
    }
    if (wish.etag) headers["If-Match"] = wish.etag;
    if (wish.known?.etag) headers["If-None-Match"] = wish.known.etag;
    const init: RequestInit = { method, headers, redirect: "error", cache: "no-store", credentials: "same-origin" };
    if (body !== undefined) init.body = body;
    if (wish.signal) init.signal = wish.signal;
    try {
      const answer = await fetch(this.base + path, init);
      this.onAnswer(answer);
      return answer;
    } catch (error) {
      if (unwanted(wish.signal)) throw error;
      throw unreachable(error);
    }
  }
}

/** Whether an error says that nobody wants the answer any more. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

/** Whether a request was given up because nobody wants its answer, and not because it took too long. */
function unwanted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true && (signal.reason as Error)?.name !== "TimeoutError";
}

function unreachable(error: unknown): ApiError {
  const late = error instanceof DOMException && error.name === "TimeoutError";
  return new ApiError(late ? t("hpm does not answer.") : t("hpm cannot be reached. Is it running?"));
}

async function refusal(answer: Response): Promise<ApiError> {
  const wait = Number(answer.headers.get("Retry-After")) || null;
  let body: Record<string, unknown> = {};
  try {
    body = await answer.json();
  } catch {
    // not an answer of hpm's; its status says what there is to say
  }
  const message = typeof body["message"] === "string" ? body["message"] : `${answer.status} ${answer.statusText}`;
  const details = (body["error-details"] ?? {}) as Record<string, unknown>;
  return new ApiError(message, answer.status, Number(body["reason"] ?? 0), wait, details);
}
