/**
 * A tab of Wok loads this, and this loads the components, once. jQuery puts a tab into Wok's page and runs its scripts;
 * that of Wok's, 3.2, does not know modules and leaves them alone. What it runs has no address of its own, so the element
 * says in `script` what to load.
 *
 * Where hpm was updated under an open page, the components that are there stay until the page is loaded again: the
 * browser knows each by its name, and takes no second one.
 */
if (!customElements.get("hpm-app")) {
  void import(new URL(document.querySelector("hpm-app")!.getAttribute("script")!, document.baseURI).href);
}
