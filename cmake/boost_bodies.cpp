#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
#include <boost/version.hpp>
#if BOOST_VERSION < 108200
#include <boost/url/src.hpp>
#endif
