// The first admin's link carries its code behind "#", which browsers keep to themselves: it goes into the form, and out
// of the address bar and the history.

import { one } from "../dom";

const code = location.hash.slice(1);
if (code) {
  one<HTMLInputElement>("input[name=code]").value = code;
  history.replaceState(null, "", location.pathname);
  one("input[name=username]").focus();
}
