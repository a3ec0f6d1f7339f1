/** The dialogs that the pages of groups share, as one element, and how they are opened. Dispatches what those do. */

import { app } from "../base/app";
import { customElement, html, HpmElement, query } from "../base/element";
import { complain } from "../base/notices";
import { place } from "../base/place";
import { t } from "../base/texts";
import type { GroupSummary } from "../api/types";
import type { GuestDialog } from "../guest/dialog";
import { ofGroup } from "../guest/targets";
import { withGroup } from "../starts/actions";
import type { PowerPart } from "../starts/power";
import type { Hands } from "./actions";
import type { GroupAskPart, Question } from "./ask";
import type { GroupDeletePart } from "./delete";
import type { GroupDialog, Part } from "./dialog";
import type { GroupForm } from "./form";

@customElement("hpm-group-hands")
export class GroupHandsPart extends HpmElement implements Hands {
  @query("hpm-group-dialog") private dialog!: GroupDialog;
  @query("hpm-group-delete") private deletion!: GroupDeletePart;
  @query("hpm-group-ask") private question!: GroupAskPart;
  @query("hpm-guest-dialog") private guestDialog!: GuestDialog;
  @query("hpm-power") private powerPart!: PowerPart;

  override render() {
    return html`<hpm-group-dialog></hpm-group-dialog>
      <hpm-group-delete></hpm-group-delete>
      <hpm-group-ask></hpm-group-ask>
      <hpm-guest-dialog></hpm-guest-dialog>
      <hpm-power></hpm-power>`;
  }

  create(form?: GroupForm, as?: string): void {
    this.dialog.create(form, as);
  }

  edit(id: string, first: Part = "name", template = ""): void {
    this.dialog.edit(id, first, template).catch((error: unknown) => complain(t("The group cannot be read."), error));
  }

  ask(question: Question): void {
    this.question.ask(question);
  }

  delete(group: GroupSummary): void {
    this.deletion.ask(group);
  }

  guest(group: GroupSummary): void {
    const target = ofGroup({ id: group["object-id"], name: group.name }, () => this.emit("saved"));
    this.guestDialog.open(target).catch((error: unknown) => complain(t("The group cannot be read."), error));
  }

  power(group: GroupSummary, what: "start" | "stop"): void {
    void withGroup(group, (powered) => this.powerPart[what](powered));
  }

  /** Shows how a job of a group stands. */
  job(number: string, name: string): void {
    this.powerPart.show(number, name);
  }

  policies(id: string): void {
    app.places.go(place("policies", id));
  }
}
