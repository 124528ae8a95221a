// For pages that only show how long ago something was.

import "../time";
