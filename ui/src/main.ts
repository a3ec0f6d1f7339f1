/**
 * What the page around loads: from now on every `<hpm-app>` that there is or comes is alive (`shell/begin.ts`).
 *
 * Our own page has one from the start. In Wok one comes with each tab that is opened, and goes with it, while this
 * script is read only once.
 */

import "./components";
