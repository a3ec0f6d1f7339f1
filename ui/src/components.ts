/** All components; to read this makes them. */

import "./pages/about";
import "./pages/activity";
import "./pages/adjustments";
import "./pages/groups";
import "./pages/overview";
import "./pages/policies";
import "./pages/server";
import "./pages/servers";
import "./pages/settings";
import "./parts/bullet";
import "./parts/chart";
import "./parts/chart-marks";
import "./parts/dialog";
import "./parts/head";
import "./parts/menu";
import "./parts/notices";
import "./parts/range";
import "./parts/spark";
import "./parts/states";
import "./parts/status";
import "./parts/table";
import "./shell/login";
import "./shell/shell";
