// Asio is compiled here, once (BOOST_ASIO_SEPARATE_COMPILATION); Beast in server/.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
