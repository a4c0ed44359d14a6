// Boost.JSON is compiled once, here; Debian's package of it would be one more to install.
#include <boost/json/src.hpp>
