/**
 * A tab of Wok loads this, and this loads the components. jQuery puts a tab into Wok's page and runs its scripts; that
 * of Wok's, 3.2, does not know modules and leaves them alone. What it runs has no address of its own, so the element
 * says in `script` what to load. An exception is Wok's to show: in the console.
 */
void import(new URL(document.querySelector("hpm-app")!.getAttribute("script")!, document.baseURI).href);
