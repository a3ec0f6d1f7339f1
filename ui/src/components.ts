/** All components; to read this makes them. */

import "./pages/about";
import "./pages/activity";
import "./pages/adjustments";
import "./pages/groups";
import "./pages/overview";
import "./pages/policies";
import "./pages/servers";
import "./pages/settings";
import "./parts/adjustment";
import "./parts/browser";
import "./parts/bullet";
import "./parts/dialog";
import "./parts/head";
import "./parts/level";
import "./parts/menu";
import "./parts/notices";
import "./parts/range";
import "./parts/server-search";
import "./parts/states";
import "./parts/status";
import "./parts/table";
import "./parts/tokens";
import "./shell/login";
import "./shell/shell";
