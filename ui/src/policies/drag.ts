/**
 * Dragging things to another place: by the mouse as the browser drags, by finger and pen as they move.
 *
 * What is dragged has a handle with `data-drag=KEY`, where it may be dropped has `data-drop=KEY`. Whoever cannot drag
 * has buttons for the same: this is never the only way.
 */

import type { ReactiveController, ReactiveElement } from "lit";

export interface DropPlace {
  key: string;
  /** Whether behind the middle of the thing there. */
  after: boolean;
}

export class Dragging implements ReactiveController {
  /** What is dragged now; "": nothing. */
  key = "";
  over: DropPlace | null = null;

  constructor(
    private readonly host: ReactiveElement,
    private readonly dropped: (key: string, over: DropPlace) => void,
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    const root = this.host.renderRoot ?? this.host;
    root.addEventListener("dragstart", this.dragStart as EventListener);
    root.addEventListener("dragover", this.dragOver as EventListener);
    root.addEventListener("drop", this.drop as EventListener);
    root.addEventListener("dragend", this.end);
    root.addEventListener("pointerdown", this.touch as EventListener);
  }

  hostDisconnected(): void {
    this.end();
  }

  /** The class of a place where something may be dropped, as it is dragged now. */
  mark(key: string): string {
    if (!this.key) return "";
    if (this.key === key) return "dragged";
    return this.over?.key === key ? (this.over.after ? "drop-after" : "drop-before") : "";
  }

  private handle(event: Event): HTMLElement | undefined {
    return found(event, "[data-drag]");
  }

  private readonly dragStart = (event: DragEvent): void => {
    const handle = this.handle(event);
    if (!handle || !event.dataTransfer) return;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", handle.dataset["drag"]!);
    const thing = handle.closest("[data-drop]");
    if (thing) event.dataTransfer.setDragImage(thing, 12, 12);
    this.begin(handle);
  };

  private readonly dragOver = (event: DragEvent): void => {
    if (!this.key) return;
    event.preventDefault();
    this.at(found(event, "[data-drop]"), event.clientY);
  };

  private readonly drop = (event: DragEvent): void => {
    if (!this.key) return;
    event.preventDefault();
    this.finish();
  };

  /** A finger or a pen: the browser does not drag by them. */
  private readonly touch = (event: PointerEvent): void => {
    const handle = this.handle(event);
    if (!handle || event.pointerType === "mouse") return;
    event.preventDefault();
    handle.setPointerCapture(event.pointerId);
    this.begin(handle);
    const ended = new AbortController();
    const move = (moving: PointerEvent) => {
      const root = this.host.renderRoot as ShadowRoot;
      const under = root.elementFromPoint(moving.clientX, moving.clientY);
      this.at(under?.closest<HTMLElement>("[data-drop]"), moving.clientY);
    };
    const up = () => {
      ended.abort();
      this.finish();
    };
    const lost = () => {
      ended.abort();
      this.end();
    };
    handle.addEventListener("pointermove", move, { signal: ended.signal });
    handle.addEventListener("pointerup", up, { signal: ended.signal });
    handle.addEventListener("pointercancel", lost, { signal: ended.signal });
  };

  private begin(handle: HTMLElement): void {
    this.key = handle.dataset["drag"]!;
    this.over = null;
    this.host.requestUpdate();
  }

  private at(place: HTMLElement | null | undefined, y: number): void {
    const key = place?.dataset["drop"] ?? "";
    const box = place?.getBoundingClientRect();
    const after = box ? y > box.top + box.height / 2 : false;
    if (this.over?.key === key && this.over.after === after) return;
    this.over = place ? { key, after } : null;
    this.host.requestUpdate();
  }

  private finish(): void {
    const { key, over } = this;
    this.end();
    if (key && over && over.key !== key) this.dropped(key, over);
  }

  private readonly end = (): void => {
    this.key = "";
    this.over = null;
    this.host.requestUpdate();
  };
}

/** The innermost element of an event's path that is such a one; it may hold components that know nothing of it. */
function found(event: Event, selector: string): HTMLElement | undefined {
  return event.composedPath().find((one): one is HTMLElement => one instanceof HTMLElement && one.matches(selector));
}
