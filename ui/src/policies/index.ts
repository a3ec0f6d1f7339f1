/** All components of the page Policies; to read this makes them. */

import "./class";
import "./classes";
import "./compare";
import "./editor";
import "./entries";
import "./fields";
import "./grid";
import "./group";
import "./import";
import "./imported";
import "./list";
import "./matches";
import "./revisions";
import "./rule";
import "./schedule";
import "./suggest";
