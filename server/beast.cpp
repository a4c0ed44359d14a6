// Beast is compiled here, once (BOOST_BEAST_SEPARATE_COMPILATION); Asio in store/.
#include <boost/beast/src.hpp>
